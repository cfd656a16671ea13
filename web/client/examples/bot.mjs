// @ts-check
/**
 * A bot that writes notes: whatever is said with "note" in front of it becomes
 * a line under the heading "Notes". It ends with the meeting.
 *
 *     node --experimental-websocket examples/bot.mjs [meetingId]
 */
import { RapportError } from "@rapport/client";
import { connect, meetingOf, onEnd } from "./connect.mjs";

const heading = "## Notes\n";
const rapport = connect();
const meetingId = await meetingOf(rapport);
const notes = await rapport.openNotes(meetingId);

/** Adds a line at the end of the notes. @param {string} line */
function write(line) {
  const position = [...notes.text].length; // positions count code points
  const before = notes.text.includes(heading) ? "" : `${notes.text === "" ? "" : "\n"}${heading}`;
  try {
    notes.edit([{ type: "insert", position, content: `${before}- ${line}\n` }]);
  } catch (error) {
    if (!(error instanceof RapportError)) throw error;
    console.error(`not written: ${error.code}: ${error.detail}`);
  }
}

notes.on("error", ({ error, lost }) => console.error(`${error.code}: ${error.detail}`, lost === undefined ? "" : "(kept as a draft)"));
notes.on("status", (status) => console.log(JSON.stringify(status)));

const transcript = rapport.watchTranscript(meetingId, {
  onChunk: ({ isFinal, text }) => {
    const said = /^note[:,]?\s+(.+)/isu.exec(text)?.[1];
    if (isFinal && said !== undefined) write(said);
  },
  onEnd: () => void end(),
});

async function end() {
  transcript.close();
  // What is still on its way is to arrive; what was refused is a draft.
  await notes.whenSynced().catch(() => {});
  rapport.close();
}
onEnd(end);
console.log("listening");

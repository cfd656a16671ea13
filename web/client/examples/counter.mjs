// @ts-check
/**
 * A live counter of one meeting: who is there, how much is written, how much
 * was said. One line with each change.
 *
 *     node --experimental-websocket examples/counter.mjs [meetingId]
 */
import { connect, meetingOf, onEnd } from "./connect.mjs";

const rapport = connect();
const meetingId = await meetingOf(rapport);
const meeting = await rapport.openMeeting(meetingId);
const notes = await rapport.openNotes(meetingId);
let chunks = 0;

function show() {
  const words = notes.text.split(/\s+/u).filter((word) => word !== "").length;
  const people = new Set(meeting.here.map(({ userId }) => userId)).size;
  const state = meeting.view?.meeting.state ?? "unknown";
  console.log(`${state}: ${people} here, ${words} words in version ${notes.version}, ${chunks} chunks said`);
}

meeting.on("view", show);
meeting.on("presence", show);
notes.on("committed", show);
const transcript = rapport.watchTranscript(meetingId, {
  onChunk: ({ isFinal }) => {
    if (!isFinal) return;
    chunks++;
    show();
  },
});
meeting.on("end", (reason) => {
  console.log(`ended: ${reason}`);
  close();
});

function close() {
  transcript.close();
  rapport.close();
}
onEnd(close);
show();

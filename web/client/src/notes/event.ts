/** Committed changes as they come in frames and pages. */
import { parseOps, parsePlaces } from "../api/changes.ts";
import type { NotesEvent } from "../api/types.ts";
import { RapportError } from "../errors.ts";
import type { TopicEvent } from "../net/frames.ts";
import { asCount, asString, readShape } from "../runtime/json.ts";

/** The event of the notes topic. Throws PROTOCOL when it is not one. */
export function parseNotesEvent(event: TopicEvent): NotesEvent {
  const change = readShape<Omit<NotesEvent, "version" | "places">>(event.data, {
    authorId: asString,
    clientId: asString,
    clientSeq: asCount,
    ops: parseOps,
    createdAt: (at) => asString(at) ?? "",
  });
  if (change === undefined) throw new RapportError({ code: "PROTOCOL", detail: `event ${event.position} is not a change of notes` });
  return { version: event.position, ...change, ...parsePlaces(event.data) };
}

/** As the topic would have brought it. */
export function topicEvent(change: NotesEvent): TopicEvent {
  return { position: change.version, data: change, omitted: false };
}

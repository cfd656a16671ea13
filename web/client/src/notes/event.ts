/** Committed changes as they come in frames and pages. */
import type { NotesEvent, Place } from "../api/types.ts";
import { RapportError } from "../errors.ts";
import type { TopicEvent } from "../net/frames.ts";
import type { Change, Delete, Insert, Op, Retain } from "../ot/operations.ts";
import { asArray, asCount, asFields, asString, readEach, readShape } from "../runtime/json.ts";

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

/** Undefined when it is not a list of operations. Whether they fit is seen when they are applied. */
export function parseOps(value: unknown): Change | undefined {
  const ops = readEach(value, parseOp);
  return asArray(value)?.length === ops.length ? ops : undefined;
}

function parseOp(value: unknown): Op | undefined {
  switch (asFields(value)?.["type"]) {
    case "insert":
      return readShape<Insert>(value, { type: () => "insert", position: asCount, content: asString });
    case "delete":
      return readShape<Delete>(value, { type: () => "delete", position: asCount, length: asCount });
    case "retain":
      return readShape<Retain>(value, { type: () => "retain", position: asCount, length: asCount });
    default:
      return undefined;
  }
}

/** The field of a change, where it has one. */
export function parsePlaces(change: unknown): { readonly places?: readonly Place[] } {
  const places = readEach(asFields(change)?.["places"], (place) =>
    readShape<Place>(place, { offset: asCount, version: asCount, after: asCount }));
  return places.length > 0 ? { places } : {};
}

/** As the topic would have brought it. */
export function topicEvent(change: NotesEvent): TopicEvent {
  return { position: change.version, data: change, omitted: false };
}

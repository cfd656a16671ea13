/** Committed changes as they come in frames and pages. */
import { RapportError } from "./errors.ts";
import type { TopicEvent } from "./frames.ts";
import { asArray, asCount, asFields, asString } from "./json.ts";
import type { Change, Op } from "./ot.ts";
import type { NotesEvent } from "./types.ts";

/** The event of the notes topic. Throws PROTOCOL when it is not one. */
export function parseNotesEvent(event: TopicEvent): NotesEvent {
  const fields = asFields(event.data) ?? {};
  const authorId = asString(fields["authorId"]);
  const clientId = asString(fields["clientId"]);
  const clientSeq = asCount(fields["clientSeq"]);
  const ops = parseOps(fields["ops"]);
  if (authorId === undefined || clientId === undefined || clientSeq === undefined || ops === undefined) {
    throw new RapportError({ code: "PROTOCOL", detail: `event ${event.position} is not a change of notes` });
  }
  return { version: event.position, authorId, clientId, clientSeq, ops, createdAt: asString(fields["createdAt"]) ?? "" };
}

/** Undefined when it is not a list of operations. Whether they fit is seen when they are applied. */
export function parseOps(value: unknown): Change | undefined {
  const list = asArray(value);
  const ops: Op[] = [];
  for (const item of list ?? []) {
    const op = parseOp(item);
    if (op === undefined) return undefined;
    ops.push(op);
  }
  return list === undefined ? undefined : ops;
}

function parseOp(value: unknown): Op | undefined {
  const fields = asFields(value);
  const type = fields?.["type"];
  const position = asCount(fields?.["position"]);
  if (fields === undefined || position === undefined) return undefined;
  if (type === "insert") {
    const content = asString(fields["content"]);
    return content === undefined ? undefined : { type, position, content };
  }
  if (type === "delete" || type === "retain") {
    const length = asCount(fields["length"]);
    return length === undefined ? undefined : { type, position, length };
  }
  return undefined;
}

/** As the topic would have brought it. */
export function topicEvent(change: NotesEvent): TopicEvent {
  return { position: change.version, data: change, omitted: false };
}

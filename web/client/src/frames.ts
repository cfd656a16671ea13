/** The frames that the server sends, read from text that came from outside. */
import { errorItems, isContractCode, RapportError } from "./errors.ts";
import { asArray, asCount, asFields, asNumber, asString, parseFields } from "./json.ts";
import type { Fields } from "./json.ts";
import type { Cursor, Present, PresenceStatus } from "./meetingapi.ts";

/** One entry of a topic; `data` is absent where the frame had no room for it. */
export interface TopicEvent {
  readonly position: number;
  readonly data: unknown;
  readonly omitted: boolean;
}

/** Somebody who was there at a time, in milliseconds since the epoch; Infinity where it was not said. */
export interface Sighting {
  readonly present: Present;
  readonly at: number;
}

/** Who is there of a meeting, and who no longer. */
export interface PresenceFrame {
  readonly type: "presence";
  readonly topic: string;
  readonly here: readonly Sighting[];
  readonly left: readonly { readonly clientKey: string; readonly at: number }[];
}

export type TopicFrame =
  | PresenceFrame
  | { readonly type: "event"; readonly topic: string; readonly events: readonly TopicEvent[] }
  | { readonly type: "head"; readonly topic: string; readonly position: number; readonly hash: string | undefined }
  | { readonly type: "revoked"; readonly topic: string; readonly reason: string };

/** The answer to a frame of ours; `fields` has what its kind adds. */
export interface AnswerFrame {
  readonly type: "subscribed" | "unsubscribed" | "ack" | "ok" | "pong";
  readonly id: string;
  readonly fields: Fields;
}

export interface ErrorFrame {
  readonly type: "error";
  readonly id: string;
  readonly error: RapportError;
}

export type ServerFrame =
  | TopicFrame
  | AnswerFrame
  | ErrorFrame
  | { readonly type: "reconnect"; readonly before: number | undefined };

/**
 * Undefined for what this client does not know: kinds of a later contract, and
 * API Gateway's own errors, which have no type and no id; the frame that met
 * one gets no answer and is sent again.
 */
export function parseFrame(data: unknown): ServerFrame | undefined {
  const fields = typeof data === "string" ? parseFields(data) : undefined;
  if (fields === undefined) return undefined;
  const type = fields["type"];
  const id = asString(fields["id"]);
  switch (type) {
    case "subscribed":
    case "unsubscribed":
    case "ack":
    case "ok":
    case "pong":
      return id === undefined ? undefined : { type, id, fields };
    case "error":
      return id === undefined ? undefined : { type, id, error: frameError(fields) };
    case "reconnect": {
      const before = Date.parse(asString(fields["before"]) ?? "");
      return { type, before: Number.isNaN(before) ? undefined : before };
    }
    default:
      return parseTopicFrame(type, fields);
  }
}

function parseTopicFrame(type: unknown, fields: Fields): TopicFrame | undefined {
  const topic = asString(fields["topic"]);
  if (topic === undefined) return undefined;
  switch (type) {
    case "event":
      return { type, topic, events: (asArray(fields["events"]) ?? []).flatMap(parseEvent) };
    case "head": {
      const position = asCount(fields["position"]);
      return position === undefined ? undefined : { type, topic, position, hash: asString(fields["hash"]) };
    }
    case "revoked":
      return { type, topic, reason: asString(fields["reason"]) ?? "" };
    case "presence": {
      const left = (asArray(fields["left"]) ?? []).flatMap((gone) => {
        const clientKey = asString(asFields(gone)?.["clientKey"]);
        return clientKey === undefined ? [] : [{ clientKey, at: parseAt(asFields(gone)?.["at"]) }];
      });
      return { type, topic, here: (asArray(fields["here"]) ?? []).flatMap(parsePresent), left };
    }
    default:
      return undefined;
  }
}

function parseEvent(value: unknown): TopicEvent[] {
  const fields = asFields(value);
  const position = asCount(fields?.["position"]);
  if (fields === undefined || position === undefined) return [];
  const data = fields["data"];
  return [{ position, data, omitted: fields["omitted"] === true || data === undefined }];
}

function parseAt(value: unknown): number {
  const at = Date.parse(asString(value) ?? "");
  return Number.isNaN(at) ? Infinity : at;
}

function parsePresent(value: unknown): Sighting[] {
  const fields = asFields(value);
  const userId = asString(fields?.["userId"]);
  const clientKey = asString(fields?.["clientKey"]);
  if (fields === undefined || userId === undefined || clientKey === undefined) return [];
  const cursor = parseCursor(fields["cursor"]);
  const displayName = asString(fields["displayName"]) ?? "";
  const present = { userId, clientKey, displayName, status: parseStatus(fields["status"]), ...(cursor === undefined ? {} : { cursor }) };
  return [{ present, at: parseAt(fields["at"]) }];
}

function parseStatus(value: unknown): PresenceStatus {
  return value === "typing" || value === "idle" ? value : "active";
}

function parseCursor(value: unknown): Cursor | undefined {
  const fields = asFields(value);
  const anchor = asCount(fields?.["anchor"]);
  const head = asCount(fields?.["head"]);
  const version = asCount(fields?.["version"]);
  return anchor === undefined || head === undefined || version === undefined ? undefined : { anchor, head, version };
}

function frameError(fields: Fields): RapportError {
  const code = fields["code"];
  const oldest = asCount(fields["oldest"]);
  const retryAfter = asNumber(fields["retryAfterSeconds"]);
  return new RapportError({
    code: isContractCode(code) ? code : "PROTOCOL",
    detail: asString(fields["detail"]) ?? "",
    errors: errorItems(fields["errors"]),
    ...(oldest === undefined ? {} : { oldest }),
    ...(retryAfter === undefined ? {} : { retryAfter: retryAfter * 1000 }),
  });
}

/** The frames that the server sends, read from text that came from outside. */
import { RapportError } from "../errors.ts";
import { asBoolean, asCount, asFields, asNumber, asString, asTime, parseFields, readEach } from "../runtime/json.ts";
import type { Fields } from "../runtime/json.ts";
import { readRefusal } from "./refusal.ts";

/** One entry of a topic; `data` is absent where the frame had no room for it. */
export interface TopicEvent {
  readonly position: number;
  readonly data: unknown;
  readonly omitted: boolean;
}

/** Changes of who is there; what its fields say is read by who follows the meeting. */
export interface PresenceFrame {
  readonly type: "presence";
  readonly topic: string;
  readonly fields: Fields;
}

export type TopicFrame =
  | PresenceFrame
  | { readonly type: "event"; readonly topic: string; readonly epoch: string | undefined; readonly events: readonly TopicEvent[] }
  | { readonly type: "head"; readonly topic: string; readonly epoch: string | undefined; readonly position: number; readonly hash: string | undefined }
  | { readonly type: "revoked"; readonly topic: string; readonly reason: string; readonly retryable: boolean };

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
    case "reconnect":
      return { type, before: asTime(fields["before"]) };
    default:
      return parseTopicFrame(type, fields);
  }
}

function parseTopicFrame(type: unknown, fields: Fields): TopicFrame | undefined {
  const topic = asString(fields["topic"]);
  if (topic === undefined) return undefined;
  const epoch = asString(fields["epoch"]);
  switch (type) {
    case "event":
      return { type, topic, epoch, events: readEach(fields["events"], readEvent) };
    case "head": {
      const position = asCount(fields["position"]);
      return position === undefined ? undefined : { type, topic, epoch, position, hash: asString(fields["hash"]) };
    }
    case "revoked":
      return { type, topic, reason: asString(fields["reason"]) ?? "", retryable: asBoolean(fields["retryable"]) ?? fields["reason"] === "role_changed" };
    case "presence":
      return { type, topic, fields };
    default:
      return undefined;
  }
}

function readEvent(value: unknown): TopicEvent | undefined {
  const fields = asFields(value);
  const position = asCount(fields?.["position"]);
  const data = fields?.["data"];
  return position === undefined ? undefined : { position, data, omitted: fields?.["omitted"] === true || data === undefined };
}

function frameError(fields: Fields): RapportError {
  const { code = "PROTOCOL", detail = "", ...rest } = readRefusal(fields);
  const seconds = asNumber(fields["retryAfterSeconds"]);
  return new RapportError({ code, detail, ...rest, retryAfter: seconds === undefined ? undefined : seconds * 1000 });
}

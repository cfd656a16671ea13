/** Edits as they are kept between tabs. */
import { asArray, asCount, asFields, asString } from "./json.ts";
import { parseOps } from "./notesevent.ts";
import type { Change } from "./ot.ts";

/** A change that was sent and has no answer yet. */
export interface InFlight {
  readonly clientSeq: number;
  /** As first sent: what a retry repeats. */
  readonly baseVersion: number;
  readonly ops: Change;
  /** As it stands on the confirmed text now. */
  readonly change: Change;
  /** How many local edits it holds; one that was cut counts with each piece. */
  readonly edits: number;
}

/** Everything that a draft must know to go on where it was. */
export interface SavedEdits {
  /** Of this shape; another one is left alone. */
  readonly format: 1;
  readonly version: number;
  /** The confirmed text at `version`. */
  readonly confirmed: string;
  readonly inFlight: InFlight | undefined;
  /** Stands after the change in flight. */
  readonly buffer: Change;
  /** Local edits in the buffer. */
  readonly waiting: number;
  readonly nextSeq: number;
}

/** Undefined for what is nothing of this version's. */
export function parseSaved(value: unknown): SavedEdits | undefined {
  const fields = asFields(value);
  const version = asCount(fields?.["version"]);
  const confirmed = asString(fields?.["confirmed"]);
  const buffer = parseOps(fields?.["buffer"]);
  const nextSeq = asCount(fields?.["nextSeq"]);
  if (fields?.["format"] !== 1 || version === undefined || confirmed === undefined) return undefined;
  if (buffer === undefined || nextSeq === undefined) return undefined;
  const inFlight = fields["inFlight"] === undefined ? undefined : parseInFlight(fields["inFlight"]);
  if (inFlight === undefined && fields["inFlight"] !== undefined) return undefined;
  return { format: 1, version, confirmed, inFlight, buffer, waiting: asCount(fields["waiting"]) ?? 1, nextSeq };
}

function parseInFlight(value: unknown): InFlight | undefined {
  const fields = asFields(value);
  const clientSeq = asCount(fields?.["clientSeq"]);
  const baseVersion = asCount(fields?.["baseVersion"]);
  const ops = parseOps(fields?.["ops"]);
  const change = parseOps(fields?.["change"]);
  if (clientSeq === undefined || baseVersion === undefined || ops === undefined || change === undefined) return undefined;
  return { clientSeq, baseVersion, ops, change, edits: asCount(fields?.["edits"]) ?? 1 };
}

/** Why edits could not be merged by themselves. */
export type DraftReason =
  /** The server no longer has the versions since the text that they were made on. */
  | "history_gone"
  /** The meeting ended, or was cancelled, first. */
  | "meeting_over"
  /** The caller may no longer write, or is no longer in the meeting. */
  | "forbidden"
  /** The server refused them for another reason. */
  | "refused";

/** Edits that wait for a person's decision: to be applied to the present text, or discarded. */
export interface NotesDraft {
  readonly id: string;
  readonly meetingId: string;
  readonly reason: DraftReason;
  /** The text that the edits were made on, and its version. */
  readonly baseVersion: number;
  readonly baseText: string;
  /** The edits, on `baseText`. */
  readonly change: Change;
  /** The base text with the edits. */
  readonly text: string;
  /** Milliseconds since the epoch. */
  readonly createdAt: number;
}

const reasons: ReadonlySet<unknown> = new Set<DraftReason>(["history_gone", "meeting_over", "forbidden", "refused"]);

export function parseDraft(value: unknown): NotesDraft | undefined {
  const fields = asFields(value);
  const texts = ["id", "meetingId", "baseText", "text"].every((name) => asString(fields?.[name]) !== undefined);
  const numbers = ["baseVersion", "createdAt"].every((name) => asCount(fields?.[name]) !== undefined);
  if (!texts || !numbers || !reasons.has(fields?.["reason"]) || asArray(fields?.["change"]) === undefined) return undefined;
  return parseOps(fields?.["change"]) === undefined ? undefined : (fields as unknown as NotesDraft);
}

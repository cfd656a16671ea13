/** Edits as they are kept between tabs. */
import { asCount, asFields, asString, readShape } from "./json.ts";
import { parseOps, parsePlaces } from "./notesevent.ts";
import type { Change } from "./ot.ts";
import type { Place } from "./types.ts";

/** A change that was sent and has no answer yet. */
export interface InFlight {
  readonly clientSeq: number;
  /** As first sent: what a retry repeats. */
  readonly baseVersion: number;
  readonly ops: Change;
  readonly places?: readonly Place[];
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
  const saved = readShape<Omit<SavedEdits, "inFlight">>(value, {
    format: (format) => (format === 1 ? format : undefined),
    version: asCount,
    confirmed: asString,
    buffer: parseOps,
    waiting: (waiting) => asCount(waiting) ?? 1,
    nextSeq: asCount,
  });
  const flight = asFields(value)?.["inFlight"];
  const inFlight = parseInFlight(flight);
  if (saved === undefined || (inFlight === undefined && flight !== undefined)) return undefined;
  return { ...saved, inFlight };
}

function parseInFlight(value: unknown): InFlight | undefined {
  const flight = readShape<Omit<InFlight, "places">>(value, {
    clientSeq: asCount,
    baseVersion: asCount,
    ops: parseOps,
    change: parseOps,
    edits: (edits) => asCount(edits) ?? 1,
  });
  return flight && { ...flight, ...parsePlaces(value) };
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

const reasons: readonly unknown[] = ["history_gone", "meeting_over", "forbidden", "refused"] satisfies DraftReason[];

export function parseDraft(value: unknown): NotesDraft | undefined {
  return readShape<NotesDraft>(value, {
    id: asString,
    meetingId: asString,
    reason: (reason) => (reasons.includes(reason) ? (reason as DraftReason) : undefined),
    baseVersion: asCount,
    baseText: asString,
    change: parseOps,
    text: asString,
    createdAt: asCount,
  });
}

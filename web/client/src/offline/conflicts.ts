/** Edits that could not be merged, as drafts. */
import { parseOps } from "../api/changes.ts";
import type { RapportError } from "../errors.ts";
import type { Change } from "../ot/change.ts";
import { apply, diff, transform } from "../ot/operations.ts";
import { Replica } from "../ot/replica.ts";
import type { ReplicaState } from "../ot/replica.ts";
import { asCount, asString, readShape } from "../runtime/json.ts";

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

export function reasonOf(error: RapportError): DraftReason {
  switch (error.code) {
    case "HISTORY_GONE":
      return "history_gone";
    case "MEETING_NOT_ACTIVE":
      return "meeting_over";
    case "FORBIDDEN":
    case "NOT_FOUND":
      return "forbidden";
    default:
      return "refused";
  }
}

/** What a draft is made of beside its edits. */
export interface DraftOrigin {
  readonly id: string;
  readonly meetingId: string;
  readonly createdAt: number;
}

export function newDraft(origin: DraftOrigin, reason: DraftReason, baseVersion: number, baseText: string, change: Change): NotesDraft {
  return { ...origin, reason, baseVersion, baseText, change, text: apply(baseText, change) };
}

/** The draft of edits that an earlier window left. */
export function draftFromState(origin: DraftOrigin, reason: DraftReason, saved: ReplicaState): NotesDraft {
  const { base, change } = Replica.restore(saved).detach(false);
  return newDraft(origin, reason, saved.version, base, change);
}

/** The draft's edits as they would stand on `text`; what lies between the two texts counts as others' change. */
export function rebaseDraft(text: string, draft: NotesDraft): Change {
  return transform(diff(draft.baseText, text), draft.change);
}

/** Edits that could not be merged, as drafts. */
import type { RapportError } from "../errors.ts";
import { apply, diff, transform } from "../ot/operations.ts";
import type { Change } from "../ot/operations.ts";
import { Replica } from "../ot/replica.ts";
import type { DraftReason, NotesDraft, ReplicaState } from "./records.ts";

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

import type { StorageState } from "../offline/writer.ts";
import type { NotesState, NotesStatus } from "./types.ts";

/** What state and status are made of. */
export interface StatusInputs {
  readonly closed: boolean;
  readonly reloading: boolean;
  readonly writable: boolean;
  /** The meeting is over. */
  readonly over: boolean;
  readonly live: boolean;
  /** Local edits that are not confirmed. */
  readonly changes: number;
  readonly drafts: number;
  readonly storage: StorageState;
}

export function stateOf({ closed, reloading, writable, live, changes }: StatusInputs): NotesState {
  if (closed) return "closed";
  if (reloading) return "reloading";
  if (!writable) return "readonly";
  if (!live) return "offline";
  return changes > 0 ? "saving" : "synced";
}

export function statusOf(situation: StatusInputs): NotesStatus {
  const { changes, drafts, storage, over } = situation;
  const state = stateOf(situation);
  switch (state) {
    case "closed":
      return { kind: "closed", drafts, storage };
    case "reloading":
    case "offline":
    case "saving":
      return { kind: state, changes, drafts, storage };
    case "readonly":
      // What was in flight when the right to write ended still gets its answer.
      if (changes > 0) return { kind: "saving", changes, drafts, storage };
      if (drafts > 0) return { kind: "draft", drafts, storage };
      return { kind: "readonly", why: over ? "meeting_over" : "role", drafts, storage };
    case "synced":
      return { kind: drafts > 0 ? "draft" : "saved", drafts, storage };
  }
}

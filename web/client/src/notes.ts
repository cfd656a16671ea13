import type { RapportError } from "./errors.ts";
import type { Change } from "./ot.ts";

/**
 * synced: nothing pending, live. saving: live, local edits not confirmed yet.
 * offline: not live; edits are kept and sent later. reloading: reading the
 * server's text again. readonly: edits are refused (observer, or the meeting is
 * over); remote changes still arrive while the topic lives. closed: by `close`.
 */
export type NotesState = "synced" | "saving" | "offline" | "reloading" | "readonly" | "closed";

/** What went wrong, and what it cost. */
export interface NotesProblem {
  readonly error: RapportError;
  /**
   * What was rolled back, relative to the confirmed text at that moment; absent
   * when nothing was lost. A `reset` with the new text comes before this.
   */
  readonly lost?: { readonly change: Change; readonly text: string };
}

export interface NotesHandlers {
  /** A change by others, on the local text as it was just before; `text` already has it. */
  remote(change: Change): void;
  state(state: NotesState): void;
  error(problem: NotesProblem): void;
  /** The local text was replaced (roll back or reload): show `text`. Never together with `remote`. */
  reset(text: string): void;
}

export interface NotesSession {
  readonly meetingId: string;
  readonly clientId: string;
  /** The local text: the confirmed text with every local edit. */
  readonly text: string;
  readonly state: NotesState;
  /** The confirmed version. */
  readonly version: number;
  /** What the server has committed, as far as known here. */
  readonly confirmed: { readonly version: number; readonly text: string };
  /** Whether local edits wait for confirmation. */
  readonly pending: boolean;
  /**
   * Applies a local change (positions in code points of `text`) at once and
   * sends it. Throws RapportError and changes nothing when it does not fit, is
   * too large for a document, or the session is readonly or closed: the editor
   * then shows `text` again.
   */
  edit(change: Change): void;
  /** Resolves when nothing is pending; rejects when edits were refused or the session is closed. */
  whenSynced(): Promise<void>;
  on<K extends keyof NotesHandlers>(event: K, handler: NotesHandlers[K]): () => void;
  close(): void;
}

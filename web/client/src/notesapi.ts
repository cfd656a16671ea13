/** What a notes session needs, and what it tells. */
import type { Api } from "./api.ts";
import type { SocketConnection } from "./connection.ts";
import type { RapportError } from "./errors.ts";
import type { Change } from "./ot.ts";
import type { Platform } from "./platform.ts";

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
   * What was rolled back: `change` relative to the text as it is now, `text` as
   * it was with it. Absent when nothing was lost. A `reset` comes before this.
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

export interface NotesDependencies {
  readonly api: Api;
  readonly connection: SocketConnection;
  readonly platform: Platform;
  readonly userId: string;
}

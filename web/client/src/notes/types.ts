/** What a notes session needs, and what it reports. */
import type { Api } from "../api/api.ts";
import type { NotesEvent } from "../api/types.ts";
import type { RapportError } from "../errors.ts";
import type { MeetingReader } from "../meeting/reader.ts";
import type { SocketConnection } from "../net/connection.ts";
import type { NotesDraft } from "../offline/conflicts.ts";
import type { Offline } from "../offline/storage.ts";
import type { StorageState } from "../offline/writer.ts";
import type { Change } from "../ot/change.ts";
import type { Platform } from "../runtime/platform.ts";

/**
 * synced: nothing pending, live. saving: live, local edits not confirmed yet.
 * offline: not live; edits are kept and sent later. reloading: reading the
 * server's text again. readonly: edits are refused (observer, or the meeting is
 * over); remote changes still arrive while the topic lives. closed: by `close`.
 */
export type NotesState = "synced" | "saving" | "offline" | "reloading" | "readonly" | "closed";

/**
 * What a person should know of the text on the screen, always.
 *
 * saved: the server has all of it. saving: `changes` local edits are on their
 * way. offline: they wait for the network. reloading: the server's text is being
 * read again. readonly: the text is the server's, and edits are refused. draft:
 * the text is the server's, and there are edits beside it that could not be
 * merged: see `NotesSession.drafts`. closed: nothing is sent or heard any more.
 */
export type NotesStatus = {
  /** Drafts that wait for a decision, whatever the kind. */
  readonly drafts: number;
  /** Whether what is not sent yet would outlive the tab. */
  readonly storage: StorageState;
} & (
  | { readonly kind: "saved" | "draft" | "closed" }
  | { readonly kind: "saving" | "offline" | "reloading"; readonly changes: number }
  | { readonly kind: "readonly"; readonly why: "role" | "meeting_over" }
);

/** What went wrong, and what it cost. */
export interface NotesProblem {
  readonly error: RapportError;
  /**
   * What was rolled back: `change` relative to the text as it is now, `text` as
   * it was with it. It is in `drafts`, too. Absent when nothing was rolled back.
   * A `reset` comes before this.
   */
  readonly lost?: { readonly change: Change; readonly text: string };
}

/** The events of a notes session. */
export interface NotesHandlers {
  /**
   * A change that the editor didn't make, by others or from a draft, on the
   * local text as it was just before; `text` already has it.
   */
  remote(change: Change): void;
  state(state: NotesState): void;
  status(status: NotesStatus): void;
  error(problem: NotesProblem): void;
  /** The local text was replaced (roll back or reload): show `text`. Never together with `remote`. */
  reset(text: string): void;
  /** Drafts have come or gone, in this window or another. */
  drafts(drafts: readonly NotesDraft[]): void;
  /** Every change as the server committed it, one's own too, in order; `confirmed` already has it. */
  committed(event: NotesEvent): void;
}

export interface NotesDependencies {
  readonly api: Api;
  readonly connection: SocketConnection;
  readonly platform: Platform;
  readonly meetings: () => Promise<MeetingReader>;
  readonly userId: string;
  /** Where edits are kept; undefined for nowhere. */
  readonly offline: Offline | undefined;
  /** Each session that is closed gives what resolves when it writes nothing more to the storage. */
  readonly onLeave: (left: Promise<void>) => void;
}

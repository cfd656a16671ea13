import { closedError } from "../errors.ts";
import type { MeetingSession } from "../meeting/session.ts";
import { newDraft, rebaseDraft, reasonOf } from "../offline/conflicts.ts";
import type { NotesDraft } from "../offline/conflicts.ts";
import type { DraftRepository } from "../offline/drafts.ts";
import type { Lease } from "../offline/leases.ts";
import type { Change } from "../ot/change.ts";
import { apply, invert } from "../ot/operations.ts";
import type { Replica } from "../ot/replica.ts";
import { UndoHistory } from "../ot/undo.ts";
import { DeferredList } from "../runtime/deferred.ts";
import { Emitter } from "../runtime/emitter.ts";
import type { NotesAccess } from "./access.ts";
import { Carets } from "./carets.ts";
import { stateOf, statusOf } from "./status.ts";
import type { StatusInputs } from "./status.ts";
import { NotesSynchronizer } from "./synchronizer.ts";
import type { Conflict } from "./synchronizer.ts";
import type { NotesDependencies, NotesHandlers, NotesState, NotesStatus } from "./types.ts";

/** What a session begins with. */
export interface NotesStart {
  readonly replica: Replica;
  /** Undefined where it is not known yet. */
  readonly access: NotesAccess | undefined;
  readonly lease: Lease;
  readonly drafts: DraftRepository;
}

/**
 * The shared notes of one meeting, as one editor sees them.
 *
 * Local edits apply at once. One change at a time is on its way to the server,
 * exactly as first sent however often it is repeated; later edits are composed
 * into the next. Changes by others are transformed against both and come as
 * `remote`. So every session of a meeting comes to the same text, and nothing
 * that the server acknowledged is lost or there twice. What is not confirmed is
 * kept in the platform's storage, and what can't be merged becomes a draft.
 *
 * Made by `Rapport.openNotes`.
 */
export class NotesSession {
  readonly meetingId: string;
  /** Two windows of one person are two. A session that takes up what an earlier window left has that one's. */
  readonly clientId: string;
  readonly #from: NotesDependencies;
  readonly #replica: Replica;
  readonly #synchronizer: NotesSynchronizer;
  readonly #drafts: DraftRepository;
  readonly #history = new UndoHistory();
  readonly #emitter = new Emitter<NotesHandlers>();
  readonly #synced = new DeferredList();
  readonly #stopDrafts: () => void;
  #state: NotesState = "offline";
  #status: NotesStatus;

  constructor(from: NotesDependencies, meetingId: string, { replica, access, lease, drafts }: NotesStart) {
    this.meetingId = meetingId;
    this.clientId = lease.clientId;
    this.#from = from;
    this.#replica = replica;
    this.#drafts = drafts;
    this.#synchronizer = new NotesSynchronizer(from, meetingId, replica, access, lease, {
      onRemote: (change, commit) => {
        this.#history.applyRemote(change, commit);
        if (change.length > 0) this.#emitter.emit("remote", change);
      },
      onOwnCommitted: (commit) => this.#history.commitOwn(commit),
      onReset: (moved, commit, restored) => {
        this.#history.applyRemote(moved, commit);
        // Where text stood in what versions deleted, it knows by versions.
        if (restored) this.#history.clear();
        this.#emitter.emit("reset", this.text);
      },
      onConflict: (conflict) => this.#raiseConflict(conflict),
      onProblem: (error) => this.#emitter.emit("error", { error }),
      onCommitted: (event) => this.#emitter.emit("committed", event),
      onChange: () => this.#changed(),
    });
    this.#stopDrafts = drafts.onChange((drafts) => {
      this.#emitter.emit("drafts", drafts);
      this.#changed();
    });
    this.#status = statusOf(this.#statusInputs);
  }

  /**
   * Begins to follow and to send; `Rapport.openNotes` has done it.
   * @internal
   */
  start(): void {
    this.#synchronizer.start();
  }

  /** The local text: the confirmed text with every local edit. */
  get text(): string {
    return this.#replica.text;
  }

  /** The same as `status`, for programs. */
  get state(): NotesState {
    return this.#state;
  }

  /** What to tell the person who looks at the text. */
  get status(): NotesStatus {
    return this.#status;
  }

  /** The confirmed version. */
  get version(): number {
    return this.#replica.version;
  }

  /** What the server has committed, as far as known here. */
  get confirmed(): { readonly version: number; readonly text: string } {
    return { version: this.#replica.version, text: this.#replica.confirmed };
  }

  /** Whether local edits wait for confirmation. */
  get pending(): boolean {
    return this.#replica.pending;
  }

  /**
   * Whether something that was written here would be gone if the page ended now:
   * while an edit or draft is not stored yet, or can't be. For `beforeunload`.
   */
  get unsafe(): boolean {
    return this.#synchronizer.unsafe || (this.#drafts.list.length > 0 && this.#statusInputs.storage === "tab");
  }

  /** Stores and sends what is pending without waiting; a page that is left or hidden does it by itself. */
  flush(): void {
    this.#synchronizer.flush();
  }

  /** Those local edits, as one change on the confirmed text. */
  get unconfirmed(): Change {
    return this.#replica.unconfirmed;
  }

  /**
   * Applies a local change (positions in code points of `text`) at once and
   * sends it: the first after a quiet moment now, later ones together, every
   * 250 ms or ten edits. Throws RapportError and changes nothing when it does
   * not fit, is too large for a document, or the session is readonly or closed:
   * the editor then shows `text` again.
   */
  edit(change: Change): void {
    const inverse = this.#apply(change);
    this.#history.edited(change, inverse, this.#from.platform.clock.elapsed());
    this.#changed();
  }

  /**
   * Takes back the newest of this session's own edits that still stands, moved
   * by what others did since; what they wrote stays, and what was deleted comes
   * back around it. Edits at one place within half a second of each other go
   * together, whatever others do meanwhile. `text` has it at once, and it goes
   * to the server as any edit does. Returns the change, for the editor to show;
   * undefined when there is nothing to undo. Throws as `edit` does.
   */
  undo(): Change | undefined {
    const change = this.#history.undo((back) => this.#apply(back));
    this.#changed();
    return change;
  }

  /** Does again what was undone last. An edit in between leaves nothing to redo. */
  redo(): Change | undefined {
    const change = this.#history.redo((forth) => this.#apply(forth));
    this.#changed();
    return change;
  }

  /** Whether `undo` has something to take back, and the caller may write. */
  get canUndo(): boolean {
    return this.#synchronizer.access.writable && this.#history.canUndo;
  }

  /** Whether `redo` has something to do again, and the caller may write. */
  get canRedo(): boolean {
    return this.#synchronizer.access.writable && this.#history.canRedo;
  }

  /** The next edit is not undone together with those before it: call it when the caret was moved, say. */
  endUndoStep(): void {
    this.#history.closeStep();
  }

  /** Edits that could not be merged, oldest first, of this person's every window on this machine. */
  get drafts(): readonly NotesDraft[] {
    return this.#drafts.list;
  }

  /** What applying the draft would do to the present text, and the text that would come of it. */
  previewDraft(id: string): { readonly change: Change; readonly text: string } | undefined {
    const draft = this.#drafts.find(id);
    if (draft === undefined) return undefined;
    const change = rebaseDraft(this.text, draft);
    return { change, text: apply(this.text, change) };
  }

  /**
   * Puts the draft's edits on the present text, as an edit that can be undone,
   * and takes the draft away. The editor learns of it as `remote`. False when
   * another window was faster. Rejects as `edit` throws; the draft then stays.
   */
  applyDraft(id: string): Promise<boolean> {
    return this.#drafts.take(id, async (draft) => {
      const change = rebaseDraft(this.text, draft);
      if (change.length > 0) {
        this.#history.closeStep();
        this.edit(change);
        this.#history.closeStep();
        this.#emitter.emit("remote", change);
      }
      // The edits must be safe before the draft goes.
      await this.#synchronizer.persisted();
    });
  }

  /** Takes the draft away for good. False when it was gone already. */
  discardDraft(id: string): Promise<boolean> {
    return this.#drafts.take(id, () => {});
  }

  /**
   * Sends what is pending without waiting for more, and resolves when nothing
   * is; rejects when edits were rolled back or the session is closed.
   */
  whenSynced(): Promise<void> {
    if (this.#synchronizer.closed) return Promise.reject(closedError("the notes session"));
    if (!this.#replica.pending) return Promise.resolve();
    this.#synchronizer.sendNow();
    return this.#synced.wait();
  }

  /**
   * Who else has a caret in these notes and where, and the way to tell of this
   * one. Make it before the meeting's first `setPresence`, and use its `tell` instead.
   */
  carets(meeting: MeetingSession): Carets {
    const { sha256 } = this.#from.platform;
    return new Carets(this, meeting, async (userId, clientId) => sha256 && clientKeyOf(await sha256(`${userId}\0${clientId}`)));
  }

  /** Returns the function that removes the handler. */
  on<K extends keyof NotesHandlers>(event: K, handler: NotesHandlers[K]): () => void {
    return this.#emitter.on(event, handler);
  }

  /**
   * Ends the session. Edits that are still pending are sent by the next session
   * of these notes, if the storage keeps them; else they are gone: see
   * `whenSynced`. Closing again does nothing.
   */
  close(): void {
    if (this.#synchronizer.closed) return;
    this.#synchronizer.close();
    this.#stopDrafts();
    this.#synced.reject(closedError("the notes session"));
    this.#changed();
  }

  /** Applies a local change to the text; returns what undoes it. */
  #apply(change: Change): Change {
    const before = this.text;
    this.#synchronizer.edit(change);
    return invert(before, change);
  }

  /** Makes a draft of edits that were taken out of the text; resolves when it is stored, or can't be. */
  #raiseConflict({ error, baseVersion, baseText, change, text }: Conflict): Promise<void> {
    this.#history.clear();
    this.#synced.reject(error);
    const { newId, clock } = this.#from.platform;
    const draft = newDraft({ id: newId(), meetingId: this.meetingId, createdAt: clock.now() }, reasonOf(error), baseVersion, baseText, change);
    const stored = change.length === 0 ? Promise.resolve() : this.#drafts.add(draft);
    this.#emitter.emit("error", { error, lost: { change: rebaseDraft(this.text, draft), text } });
    return stored;
  }

  #changed(): void {
    if (!this.#replica.pending) {
      this.#history.allCommitted();
      this.#synced.resolve();
    }
    const state = stateOf(this.#statusInputs);
    const status = statusOf(this.#statusInputs);
    const told = JSON.stringify(this.#status) === JSON.stringify(status);
    this.#status = status;
    if (state !== this.#state) {
      this.#state = state;
      this.#emitter.emit("state", state);
    }
    if (!told) this.#emitter.emit("status", status);
  }

  get #statusInputs(): StatusInputs {
    const { closed, reloading, access, live, storage } = this.#synchronizer;
    const changes = this.#replica.pending ? Math.max(1, this.#replica.edits) : 0;
    return {
      closed, reloading, writable: access.writable, over: access.over, live, changes,
      drafts: this.#drafts.list.length, storage: this.#drafts.allStored ? storage : "tab",
    };
  }
}

/** How the server names a client to others: the first 16 bytes of the hash of user and client id, as base64url. */
function clientKeyOf(hash: string): string {
  const bytes = (hash.slice(0, 32).match(/../g) ?? []).map((byte) => Number.parseInt(byte, 16));
  return btoa(String.fromCharCode(...bytes)).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

import { notesAccess, readonlyError } from "./access.ts";
import type { NotesAccess } from "./access.ts";
import { Draft } from "./draft.ts";
import type { InFlight } from "./draft.ts";
import { Emitter } from "./emitter.ts";
import { closedError, RapportError } from "./errors.ts";
import type { TopicEvent } from "./frames.ts";
import type { NotesDependencies, NotesHandlers, NotesProblem, NotesState } from "./notesapi.ts";
import { parseNotesEvent } from "./notesevent.ts";
import { NotesFollower } from "./notesfollower.ts";
import { diff, invert } from "./ot.ts";
import type { Change } from "./ot.ts";
import { Outbox } from "./outbox.ts";
import { Reloader } from "./reload.ts";
import { ChangeSender } from "./sender.ts";
import type { Ack } from "./sender.ts";
import type { EndReason } from "./subscription.ts";
import type { Notes } from "./types.ts";
import { UndoHistory } from "./undo.ts";

/**
 * The shared notes of one meeting, as one editor sees them.
 *
 * Local edits apply at once. One change at a time is on its way to the server,
 * exactly as first sent however often it is repeated; later edits are composed
 * into the next. Changes by others are transformed against both and come as
 * `remote`. So every session of a meeting comes to the same text, and nothing
 * that the server acknowledged is lost or there twice.
 *
 * Made by `Rapport.openNotes`.
 */
export class NotesSession {
  readonly meetingId: string;
  /** New for each session: two windows of one person are two. */
  readonly clientId: string;
  readonly #from: NotesDependencies;
  readonly #draft: Draft;
  readonly #history = new UndoHistory();
  readonly #outbox: Outbox;
  readonly #follower: NotesFollower;
  readonly #reloader: Reloader;
  readonly #emitters = {
    remote: new Emitter<[Change]>(),
    state: new Emitter<[NotesState]>(),
    error: new Emitter<[NotesProblem]>(),
    reset: new Emitter<[string]>(),
  };
  readonly #closing = new AbortController();
  #waiters: { readonly resolve: () => void; readonly reject: (error: unknown) => void }[] = [];
  #state: NotesState = "offline";
  #access: NotesAccess;
  #ended = false;
  #reloading = false;

  private constructor(from: NotesDependencies, meetingId: string, notes: Notes, access: NotesAccess) {
    this.meetingId = meetingId;
    this.clientId = `c-${from.platform.newId()}`;
    this.#from = from;
    this.#access = access;
    this.#ended = access.over;
    this.#draft = new Draft(notes.version, notes.content);
    const sender = new ChangeSender(from.api, from.connection, from.platform, meetingId, this.clientId);
    this.#outbox = new Outbox(this.#draft, sender, from.platform.clock, {
      onAck: (ack, flight) => this.#acknowledged(ack, flight),
      onRefused: (error, flight) => void this.#refused(error, flight),
    });
    this.#follower = new NotesFollower(from, meetingId, this.#draft, {
      onEvent: (event) => this.#committed(event),
      onLive: () => this.#changed(),
      onEnd: (reason, error) => void this.#topicEnded(reason, error),
      onRoleChanged: () => void this.#recheckAccess(),
      onGone: () => void this.#reload(),
      onCompared: (version, same) => {
        if (same) this.#reloader.found();
        else void this.#reload(diverged(version));
      },
    });
    this.#reloader = new Reloader(from, meetingId, this.#draft, { userId: from.userId, clientId: this.clientId });
  }

  static async open(from: NotesDependencies, meetingId: string): Promise<NotesSession> {
    const never = new AbortController().signal;
    const [notes, access] = await Promise.all([
      from.api.notes.get(meetingId),
      notesAccess(from.api, meetingId, from.userId, never),
    ]);
    const session = new NotesSession(from, meetingId, notes, access);
    session.#follow();
    session.#changed();
    return session;
  }

  /** The local text: the confirmed text with every local edit. */
  get text(): string {
    return this.#draft.text;
  }

  get state(): NotesState {
    return this.#state;
  }

  /** The confirmed version. */
  get version(): number {
    return this.#draft.version;
  }

  /** What the server has committed, as far as known here. */
  get confirmed(): { readonly version: number; readonly text: string } {
    return { version: this.#draft.version, text: this.#draft.confirmed };
  }

  /** Whether local edits wait for confirmation. */
  get pending(): boolean {
    return this.#draft.pending;
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
    this.#history.edited(change, inverse, this.#from.platform.clock.now());
    this.#sendSoon();
  }

  /**
   * Takes back the newest of this session's own edits that still stands, moved
   * by what others did since; what they wrote stays. Edits at one place within
   * half a second of each other go together. `text` has it at once, and it goes
   * to the server as any edit does. Returns the change, for the editor to show;
   * undefined when there is nothing to undo. Throws as `edit` does.
   */
  undo(): Change | undefined {
    const change = this.#history.undo((back) => this.#apply(back));
    this.#sendSoon();
    return change;
  }

  /** Does again what was undone last. An edit in between leaves nothing to redo. */
  redo(): Change | undefined {
    const change = this.#history.redo((forth) => this.#apply(forth));
    this.#sendSoon();
    return change;
  }

  get canUndo(): boolean {
    return this.#access.writable && this.#history.canUndo;
  }

  get canRedo(): boolean {
    return this.#access.writable && this.#history.canRedo;
  }

  /** The next edit is not undone together with those before it: call it when the caret was moved, say. */
  endUndoStep(): void {
    this.#history.seal();
  }

  /**
   * Sends what is pending without waiting for more, and resolves when nothing
   * is; rejects when edits were rolled back or the session is closed.
   */
  whenSynced(): Promise<void> {
    if (this.#closed) return Promise.reject(closedError("the notes session"));
    if (!this.#draft.pending) return Promise.resolve();
    this.#outbox.rush();
    return new Promise((resolve, reject) => this.#waiters.push({ resolve, reject }));
  }

  /** Returns the function that removes the handler. */
  on<K extends keyof NotesHandlers>(event: K, handler: NotesHandlers[K]): () => void {
    const emitter = this.#emitters[event] as unknown as Emitter<Parameters<NotesHandlers[K]>>;
    return emitter.add(handler as (...args: Parameters<NotesHandlers[K]>) => void);
  }

  /** Ends the session. Edits that are still pending are not sent any more: see `whenSynced`. */
  close(): void {
    if (this.#closed) return;
    this.#closing.abort(closedError("the notes session"));
    this.#outbox.stop();
    this.#follower.stop();
    this.#rejectWaiters(closedError("the notes session"));
    this.#changed();
  }

  get #closed(): boolean {
    return this.#closing.signal.aborted;
  }

  /** Applies a local change to the text; returns what undoes it. */
  #apply(change: Change): Change {
    if (this.#closed) throw closedError("the notes session");
    if (!this.#access.writable) throw readonlyError(this.#access.over);
    const before = this.#draft.text;
    this.#draft.edit(change);
    return invert(before, change);
  }

  #sendSoon(): void {
    this.#flush();
    this.#changed();
  }

  // Following the topic.

  #follow(): void {
    if (!this.#ended && !this.#closed) this.#follower.start();
  }

  /** The next version, whoever made it. */
  #committed(event: TopicEvent): void {
    try {
      const change = parseNotesEvent(event);
      const flight = this.#draft.inFlight;
      const own = flight !== undefined && change.authorId === this.#from.userId
        && change.clientId === this.clientId && change.clientSeq === flight.clientSeq;
      if (own) {
        this.#outbox.settle();
        if (!this.#draft.commitOwn(change.ops)) throw diverged(change.version);
      } else {
        const local = this.#draft.commitOther(change.ops);
        if (local.length > 0) {
          this.#history.others(local);
          this.#emitters.remote.emit(local);
        }
      }
    } catch (error) {
      if (!(error instanceof RapportError)) throw error;
      void this.#reload(error);
      return;
    }
    this.#follower.compare();
    this.#flush();
    this.#changed();
  }

  async #topicEnded(reason: EndReason, error: RapportError | undefined): Promise<void> {
    this.#ended = true;
    this.#access = { writable: false, over: this.#access.over || reason === "meeting_ended" };
    this.#changed();
    if (reason === "refused" && error !== undefined) this.#emitters.error.emit({ error });
    // After removal nothing can be read; after the end of a meeting the last changes may be missing here.
    if (reason === "meeting_ended") await this.#readRest();
    this.#dropUnsendable();
  }

  async #readRest(): Promise<void> {
    try {
      await this.#follower.readRest(this.#closing.signal);
    } catch (error) {
      if (!(error instanceof RapportError)) throw error;
      if (!this.#closed) this.#emitters.error.emit({ error });
    }
  }

  async #recheckAccess(): Promise<void> {
    // Unknown is taken for yes: the server decides with the next edit.
    let access: NotesAccess = { writable: true, over: false };
    try {
      access = await notesAccess(this.#from.api, this.meetingId, this.#from.userId, this.#closing.signal);
    } catch (error) {
      if (!(error instanceof RapportError)) throw error;
    }
    if (this.#closed || this.#ended) return;
    this.#access = access;
    this.#flush();
    this.#changed();
    this.#dropUnsendable();
  }

  // Sending.

  #flush(): void {
    if (!this.#closed && !this.#reloading) this.#outbox.flush(this.#access.writable);
  }

  /** The answer is the event that will come, or came first: it takes its turn among the others. */
  #acknowledged({ version, ops }: Ack, { clientSeq }: InFlight): void {
    const data = { version, authorId: this.#from.userId, clientId: this.clientId, clientSeq, ops };
    const event: TopicEvent = { position: version, data, omitted: ops === undefined };
    if (this.#follower.offer(event)) return;
    if (version === this.#draft.version + 1 && ops !== undefined) this.#committed(event);
    else void this.#readRest().then(() => this.#dropUnsendable());
  }

  async #refused(error: RapportError, flight: InFlight): Promise<void> {
    if (error.code === "HISTORY_GONE") {
      await this.#reload();
      return;
    }
    if (error.code === "VALIDATION_ERROR" && (await this.#serverWentBack(flight.baseVersion))) {
      await this.#reload(error);
      return;
    }
    // While the server was asked, the change's own event may have come after all.
    if (!this.#closed && this.#draft.inFlight?.clientSeq === flight.clientSeq) this.#rollBack(error);
  }

  /** Whether the server no longer has the version; then no change on it can be right. */
  async #serverWentBack(version: number): Promise<boolean> {
    try {
      return (await this.#from.api.notes.get(this.meetingId, { signal: this.#closing.signal })).version < version;
    } catch (error) {
      if (!(error instanceof RapportError)) throw error;
      return false;
    }
  }

  #rollBack(error: RapportError): void {
    const text = this.#draft.text;
    const change = this.#draft.rollBack();
    this.#outbox.settle();
    this.#history.clear();
    if (error.code === "FORBIDDEN" || error.code === "MEETING_NOT_ACTIVE" || error.code === "NOT_FOUND") {
      this.#access = { writable: false, over: this.#access.over || error.code === "MEETING_NOT_ACTIVE" };
    }
    if (this.#draft.text !== text) this.#emitters.reset.emit(this.#draft.text);
    this.#emitters.error.emit({ error, lost: { change, text } });
    this.#rejectWaiters(error);
    this.#changed();
  }

  /** Edits that were not sent before the right to write ended. What is in flight gets the server's answer first. */
  #dropUnsendable(): void {
    if (this.#closed || this.#access.writable || this.#draft.inFlight !== undefined || !this.#draft.pending) return;
    this.#rollBack(readonlyError(this.#access.over));
  }

  // Healing.

  /** Takes the server's text in place of ours, and puts the pending edits on top. */
  async #reload(problem?: RapportError): Promise<void> {
    if (this.#reloading || this.#closed) return;
    this.#reloading = true;
    this.#outbox.stop();
    this.#follower.stop();
    this.#changed();
    if (problem !== undefined) this.#emitters.error.emit({ error: problem });
    let before: string;
    try {
      before = await this.#reloader.reload(this.#closing.signal);
    } catch (error) {
      if (this.#closed) return;
      if (!(error instanceof RapportError)) throw error;
      this.#reloading = false;
      await this.#topicEnded("refused", error);
      return;
    }
    this.#reloading = false;
    this.#follow();
    const moved = diff(before, this.#draft.text);
    if (moved.length > 0) {
      this.#history.others(moved);
      this.#emitters.reset.emit(this.#draft.text);
    }
    this.#flush();
    this.#changed();
    this.#dropUnsendable();
  }

  // State.

  #changed(): void {
    if (!this.#draft.pending) {
      for (const { resolve } of this.#waiters.splice(0)) resolve();
    }
    const state = this.#stateNow();
    if (state === this.#state) return;
    this.#state = state;
    this.#emitters.state.emit(state);
  }

  #stateNow(): NotesState {
    if (this.#closed) return "closed";
    if (this.#reloading) return "reloading";
    if (!this.#access.writable) return "readonly";
    if (!this.#follower.live) return "offline";
    return this.#draft.pending ? "saving" : "synced";
  }

  #rejectWaiters(error: RapportError): void {
    for (const { reject } of this.#waiters.splice(0)) reject(error);
  }
}

function diverged(version: number): RapportError {
  return new RapportError({ code: "PROTOCOL", detail: `the text at version ${version} differs from the server's` });
}

import { notesAccess, readonlyError } from "./access.ts";
import type { NotesAccess } from "./access.ts";
import type { Api } from "./api.ts";
import { backoff, sleep } from "./backoff.ts";
import type { SocketConnection } from "./connection.ts";
import { Draft } from "./draft.ts";
import { Emitter } from "./emitter.ts";
import { closedError, RapportError } from "./errors.ts";
import type { TopicEvent } from "./frames.ts";
import { LogTopic } from "./logtopic.ts";
import type { NotesDependencies, NotesHandlers, NotesProblem, NotesState } from "./notesapi.ts";
import { parseNotesEvent, topicEvent } from "./notesevent.ts";
import type { Change } from "./ot.ts";
import type { Platform } from "./platform.ts";
import { fateOf } from "./recovery.ts";
import { ChangeSender, isPassing } from "./sender.ts";
import type { Ack } from "./sender.ts";
import type { EndReason } from "./subscription.ts";
import type { Notes } from "./types.ts";

const pageLength = 200;
const reloadBaseMs = 1_000;
const reloadCapMs = 60_000;

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
  readonly #api: Api;
  readonly #connection: SocketConnection;
  readonly #platform: Platform;
  readonly #userId: string;
  readonly #sender: ChangeSender;
  readonly #draft: Draft;
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
  /** Undefined while reloading, and after the topic's end. */
  #topic: LogTopic | undefined;
  #live = false;
  #ended = false;
  #reloading = false;
  /** Reloads in a row without a text that was found right since. */
  #reloads = 0;
  /** Set while the change in flight is being sent, until its event has come. */
  #sending: AbortController | undefined;
  /** The newest hash that was not compared yet. */
  #head: { readonly position: number; readonly hash: string } | undefined;

  private constructor(from: NotesDependencies, meetingId: string, notes: Notes, access: NotesAccess) {
    this.meetingId = meetingId;
    this.clientId = `c-${from.platform.newId()}`;
    this.#api = from.api;
    this.#connection = from.connection;
    this.#platform = from.platform;
    this.#userId = from.userId;
    this.#sender = new ChangeSender(from.api, from.connection, from.platform, meetingId, this.clientId);
    this.#draft = new Draft(notes.version, notes.content);
    this.#access = access;
    this.#ended = access.over;
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
   * sends it. Throws RapportError and changes nothing when it does not fit, is
   * too large for a document, or the session is readonly or closed: the editor
   * then shows `text` again.
   */
  edit(change: Change): void {
    if (this.#closed) throw closedError("the notes session");
    if (!this.#access.writable) throw readonlyError(this.#access.over);
    this.#draft.edit(change);
    this.#flush();
    this.#changed();
  }

  /** Resolves when nothing is pending; rejects when edits were rolled back or the session is closed. */
  whenSynced(): Promise<void> {
    if (this.#closed) return Promise.reject(closedError("the notes session"));
    if (!this.#draft.pending) return Promise.resolve();
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
    this.#stopFollowing();
    this.#rejectWaiters(closedError("the notes session"));
    this.#changed();
  }

  get #closed(): boolean {
    return this.#closing.signal.aborted;
  }

  // Following the topic.

  #follow(): void {
    if (this.#ended || this.#closed) return;
    const meetingId = this.meetingId;
    const topic: LogTopic = new LogTopic(this.#connection, this.#platform, `meetings/${meetingId}/notes`, this.#draft.version, {
      onEvent: (event) => this.#committed(event),
      onHead: (position, hash) => {
        if (hash !== undefined && position >= this.#draft.version) this.#head = { position, hash };
        this.#verify();
      },
      onGone: () => this.#reload(),
      onLive: (live) => {
        this.#live = live;
        this.#changed();
      },
      onEnd: (reason, error) => void this.#topicEnded(reason, error),
      onRoleChanged: () => void this.#recheckAccess(),
      read: async (from, signal) => {
        const page = await this.#api.notes.changes(meetingId, { from, limit: pageLength }, { signal });
        return page.items.map(topicEvent);
      },
    });
    this.#topic = topic;
    topic.start();
  }

  #stopFollowing(): void {
    this.#sending?.abort(closedError("the notes session"));
    this.#sending = undefined;
    this.#topic?.close();
    this.#topic = undefined;
    this.#live = false;
  }

  /** The next version, whoever made it. */
  #committed(event: TopicEvent): void {
    try {
      const change = parseNotesEvent(event);
      const flight = this.#draft.inFlight;
      const own = flight !== undefined && change.authorId === this.#userId
        && change.clientId === this.clientId && change.clientSeq === flight.clientSeq;
      if (own) {
        // The answer, where it is still to come, says nothing new.
        this.#sending?.abort(closedError("the change in flight"));
        this.#sending = undefined;
        if (!this.#draft.commitOwn(change.ops)) throw diverged(change.version);
      } else {
        const local = this.#draft.commitOther(change.ops);
        if (local.length > 0) this.#emitters.remote.emit(local);
      }
    } catch (error) {
      if (!(error instanceof RapportError)) throw error;
      this.#reload(error);
      return;
    }
    this.#verify();
    this.#flush();
    this.#changed();
  }

  async #topicEnded(reason: EndReason, error: RapportError | undefined): Promise<void> {
    this.#ended = true;
    this.#topic = undefined;
    this.#access = { writable: false, over: this.#access.over || reason === "meeting_ended" };
    this.#changed();
    if (reason === "refused" && error !== undefined) this.#emitters.error.emit({ error });
    // After removal nothing can be read; after the end of a meeting the last changes may be missing here.
    if (reason === "meeting_ended") await this.#readRest();
    this.#dropUnsendable();
  }

  /** Reads by HTTP what the ended topic did not bring. */
  async #readRest(): Promise<void> {
    try {
      for (let more = true; more && !this.#closed; ) {
        const from = this.#draft.version;
        const page = await this.#api.notes.changes(this.meetingId, { from, limit: pageLength }, { signal: this.#closing.signal });
        for (const change of page.items) {
          if (change.version === this.#draft.version + 1) this.#committed(topicEvent(change));
        }
        more = page.nextCursor !== null && this.#draft.version > from;
      }
    } catch (error) {
      if (!(error instanceof RapportError)) throw error;
      if (!this.#closed) this.#emitters.error.emit({ error });
    }
  }

  async #recheckAccess(): Promise<void> {
    // Unknown is taken for yes: the server decides with the next edit.
    let access: NotesAccess = { writable: true, over: false };
    try {
      access = await notesAccess(this.#api, this.meetingId, this.#userId, this.#closing.signal);
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
    if (this.#closed || this.#reloading || this.#sending !== undefined) return;
    if (this.#draft.inFlight === undefined && !this.#access.writable) return;
    const flight = this.#draft.inFlight ?? this.#draft.send();
    if (flight === undefined) return;
    const sending = new AbortController();
    this.#sending = sending;
    this.#sender.send(flight, sending.signal).then(
      (ack) => {
        if (this.#sending === sending) this.#acknowledged(ack, flight.clientSeq);
      },
      (error: unknown) => {
        if (this.#sending !== sending) return;
        if (!(error instanceof RapportError)) throw error;
        void this.#refused(error);
      },
    );
  }

  /** The answer is the event that will come, or came first: it takes its turn among the others. */
  #acknowledged({ version, ops }: Ack, clientSeq: number): void {
    const data = { version, authorId: this.#userId, clientId: this.clientId, clientSeq, ops };
    const event: TopicEvent = { position: version, data, omitted: ops === undefined };
    if (this.#topic !== undefined) this.#topic.offer(event);
    else if (version === this.#draft.version + 1 && ops !== undefined) this.#committed(event);
    else void this.#readRest().then(() => this.#dropUnsendable());
  }

  async #refused(error: RapportError): Promise<void> {
    if (error.code === "HISTORY_GONE") {
      this.#reload();
      return;
    }
    const flight = this.#draft.inFlight;
    if (error.code === "VALIDATION_ERROR" && (await this.#serverWentBack(flight?.baseVersion ?? 0))) {
      this.#reload(error);
      return;
    }
    // While the server was asked, the change's own event may have come after all.
    if (!this.#closed && this.#draft.inFlight?.clientSeq === flight?.clientSeq) this.#rollBack(error);
  }

  /** Whether the server no longer has the version; then no change on it can be right. */
  async #serverWentBack(version: number): Promise<boolean> {
    try {
      return (await this.#api.notes.get(this.meetingId, { signal: this.#closing.signal })).version < version;
    } catch (error) {
      if (!(error instanceof RapportError)) throw error;
      return false;
    }
  }

  #rollBack(error: RapportError): void {
    const text = this.#draft.text;
    const change = this.#draft.rollBack();
    this.#sending?.abort(error);
    this.#sending = undefined;
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

  /** Compares the confirmed text with the server's hash at the same version. */
  #verify(): void {
    const head = this.#head;
    const topic = this.#topic;
    if (head === undefined || this.#platform.sha256 === undefined || head.position > this.#draft.version) return;
    this.#head = undefined;
    if (head.position < this.#draft.version) return;
    void this.#platform.sha256(this.#draft.confirmed).then((hash) => {
      if (this.#topic !== topic || topic === undefined) return;
      if (hash === head.hash) this.#reloads = 0;
      else this.#reload(diverged(head.position));
    });
  }

  /** Takes the server's text in place of ours, and puts the pending edits on top. */
  #reload(problem?: RapportError): void {
    if (this.#reloading || this.#closed) return;
    this.#reloading = true;
    this.#stopFollowing();
    this.#head = undefined;
    this.#changed();
    if (problem !== undefined) this.#emitters.error.emit({ error: problem });
    void this.#readAgain();
  }

  async #readAgain(): Promise<void> {
    const { api, signal, draft } = { api: this.#api, signal: this.#closing.signal, draft: this.#draft };
    while (!this.#closed) {
      try {
        const pause = this.#reloads++ === 0 ? 0 : backoff(this.#reloads, reloadBaseMs, reloadCapMs, this.#platform.random);
        await sleep(this.#platform.clock, pause, signal);
        const notes = await api.notes.get(this.meetingId, { signal });
        const flight = draft.inFlight;
        const sender = { userId: this.#userId, clientId: this.clientId };
        const fate = flight === undefined
          ? ({ kind: "committed" } as const)
          : await fateOf(api, this.meetingId, flight, sender, notes.version, signal);
        const text = draft.text;
        draft.rebase(notes.version, notes.content, fate);
        this.#reloading = false;
        this.#follow();
        if (draft.text !== text) this.#emitters.reset.emit(draft.text);
        this.#flush();
        this.#changed();
        this.#dropUnsendable();
        return;
      } catch (error) {
        if (this.#closed) return;
        if (!(error instanceof RapportError)) throw error;
        if (isPassing(error) || error.code === "HISTORY_GONE") continue;
        this.#reloading = false;
        await this.#topicEnded("refused", error);
        return;
      }
    }
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
    if (!this.#live) return "offline";
    return this.#draft.pending ? "saving" : "synced";
  }

  #rejectWaiters(error: RapportError): void {
    for (const { reject } of this.#waiters.splice(0)) reject(error);
  }
}

function diverged(version: number): RapportError {
  return new RapportError({ code: "PROTOCOL", detail: `the text at version ${version} differs from the server's` });
}

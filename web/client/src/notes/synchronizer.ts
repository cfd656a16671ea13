import type { NotesEvent } from "../api/types.ts";
import { closedError, RapportError } from "../errors.ts";
import type { TopicEvent } from "../net/frames.ts";
import type { EndReason } from "../net/topic.ts";
import type { Lease } from "../offline/leases.ts";
import { JournalWriter } from "../offline/writer.ts";
import type { StorageState } from "../offline/writer.ts";
import type { Change } from "../ot/change.ts";
import { apply, diff, transformPair } from "../ot/operations.ts";
import type { InFlight } from "../ot/pending.ts";
import type { Replica } from "../ot/replica.ts";
import type { Commit } from "../ot/tombstones.ts";
import { backoff, sleep } from "../runtime/backoff.ts";
import { onHide } from "../runtime/pagehide.ts";
import { notesAccess, readonlyError } from "./access.ts";
import type { NotesAccess } from "./access.ts";
import { ChangeSender, isTransient } from "./changesender.ts";
import type { Ack } from "./changesender.ts";
import { parseNotesEvent } from "./event.ts";
import { NotesFollower } from "./follower.ts";
import { Outbox } from "./outbox.ts";
import { Reloader } from "./reloader.ts";
import type { NotesDependencies } from "./types.ts";

/** Local edits that were taken out of the text. */
export interface Conflict {
  readonly error: RapportError;
  readonly baseVersion: number;
  /** The text that the edits stand on. */
  readonly baseText: string;
  readonly change: Change;
  /** The local text as it was with them. */
  readonly text: string;
}

export interface SynchronizerHandlers {
  /** A change by others, on the local text as it was just before; nothing may be left of it there. */
  readonly onRemote: (change: Change, commit: Commit) => void;
  /** The change that was in flight. */
  readonly onOwnCommitted: (commit: Commit) => void;
  /**
   * The local text was replaced, by what `moved` does to the one before; it comes from `commit`, where that is known.
   * `restored`: an earlier state was restored, and versions mean other texts from here on.
   */
  readonly onReset: (moved: Change, commit: Commit | undefined, restored: boolean) => void;
  /** Edits were refused, or can't be merged. Resolves when they are safe elsewhere. */
  readonly onConflict: (conflict: Conflict) => Promise<void>;
  readonly onProblem: (error: RapportError) => void;
  readonly onCommitted: (event: NotesEvent) => void;
  /** Something of the state may be another. */
  readonly onChange: () => void;
}

const retryBaseMs = 1_000;
const retryCapMs = 30_000;

/** Unknown is taken for yes: the server decides with the next edit. */
const unknownAccess: NotesAccess = { writable: true, over: false };

/** Keeps the replica of one window and the server's notes equal, whatever the network and the storage do. */
export class NotesSynchronizer {
  readonly #from: NotesDependencies;
  readonly #meetingId: string;
  readonly #lease: Lease;
  readonly #replica: Replica;
  readonly #events: SynchronizerHandlers;
  readonly #outbox: Outbox;
  readonly #writer: JournalWriter;
  readonly #follower: NotesFollower;
  readonly #reloader: Reloader;
  readonly #closing = new AbortController();
  #access: NotesAccess;
  #accessKnown: boolean;
  #ended: boolean;
  #reloading = false;
  #started = false;
  #stopHide = () => {};
  /** The newest change of ours that the server is known to have. */
  #acknowledgedSeq = 0;

  constructor(from: NotesDependencies, meetingId: string, replica: Replica, access: NotesAccess | undefined, lease: Lease, events: SynchronizerHandlers) {
    this.#from = from;
    this.#meetingId = meetingId;
    this.#lease = lease;
    this.#replica = replica;
    this.#events = events;
    this.#access = access ?? unknownAccess;
    this.#accessKnown = access !== undefined;
    this.#ended = this.#access.over;
    const { clientId, storage, key } = lease;
    this.#writer = new JournalWriter(storage, from.platform, key, replica, () => this.#changed());
    this.#writer.adopt(lease.storedKeys);
    this.#outbox = new Outbox(replica, new ChangeSender(from.api, from.connection, from.platform, meetingId, clientId), from.platform.clock, {
      persist: () => this.#writer.save(),
      onAck: (ack, flight) => this.#acknowledged(ack, flight),
      onRefused: (error, flight) => void this.#refused(error, flight),
    });
    this.#follower = new NotesFollower(from, meetingId, replica, {
      onEvent: (event) => this.#committed(event),
      onLive: () => {
        // Another role may have come before anything was followed, or while the connection was down.
        if (this.live && !(this.#accessKnown && this.#access.writable)) void this.#recheckAccess();
        this.#changed();
      },
      onEnd: (reason, error) => void this.#topicEnded(reason, error),
      onRoleChanged: () => {
        // Read again once the topic is live again.
        this.#accessKnown = false;
      },
      onHistoryGone: (error) => void this.#reload(error.code === "HISTORY_GONE"),
      onCompared: (version, same) => {
        if (same) this.#reloader.found();
        else void this.#reload(false, diverged(version));
      },
    });
    this.#reloader = new Reloader(from, meetingId, replica, { userId: from.userId, clientId });
  }

  get access(): NotesAccess {
    return this.#access;
  }

  get live(): boolean {
    return this.#follower.live;
  }

  get reloading(): boolean {
    return this.#reloading;
  }

  get storage(): StorageState {
    return this.#writer.state;
  }

  /** Whether a pending edit would be gone if the page ended now. */
  get unsafe(): boolean {
    return this.#writer.unsafe;
  }

  get closed(): boolean {
    return this.#closing.signal.aborted;
  }

  /** Begins to follow and to send; once. */
  start(): void {
    if (this.#started) return;
    this.#started = true;
    this.#stopHide = (this.#from.platform.onHide ?? onHide)(() => this.flush());
    if (this.#ended) void this.#readRest().then(() => this.#finish());
    else this.#follower.start();
    this.#pump();
    this.#changed();
  }

  /** Applies a local change to the replica, and sends and keeps it soon. Throws where the replica or the caller's rights refuse it. */
  edit(change: Change): void {
    if (this.closed) throw closedError("the notes session");
    if (!this.#access.writable) throw readonlyError(this.#access.over);
    this.#replica.edit(change);
    // What begins to be sent is kept before that.
    if (!this.#pump() && this.#replica.pending) void this.#writer.save();
  }

  /** Stores and sends what is pending at once: there may be no later moment. */
  flush(): void {
    if (this.closed) return;
    this.sendNow();
    this.#writer.flush();
  }

  /** Sends what is pending without waiting for more. */
  sendNow(): void {
    this.#outbox.flush();
  }

  /** Resolves when what is pending is stored, as well as it can be. */
  async persisted(): Promise<void> {
    await this.#writer.save();
  }

  /** Sends and receives nothing any more. What is pending stays in the storage, for the next window. */
  close(): void {
    this.#closing.abort(closedError("the notes session"));
    this.#stopHide();
    this.#outbox.stop();
    this.#follower.stop();
    this.#from.onLeave(this.persisted().then(this.#lease.release));
  }

  // Following the topic.

  /** The next version, whoever made it. */
  #committed(event: TopicEvent): void {
    try {
      const change = parseNotesEvent(event);
      const { inFlight: flight, unconfirmed } = this.#replica;
      const commit = { version: change.version, ops: change.ops, places: change.places ?? [], unconfirmed };
      const own = flight !== undefined && change.authorId === this.#from.userId
        && change.clientId === this.#lease.clientId && change.clientSeq === flight.clientSeq;
      if (own) {
        this.#outbox.settle();
        if (!this.#replica.commitOwn(change.ops)) throw diverged(change.version);
        this.#events.onOwnCommitted(commit);
      } else {
        this.#events.onRemote(this.#replica.commitRemote(change.ops), commit);
      }
      this.#events.onCommitted(change);
    } catch (error) {
      if (!(error instanceof RapportError)) throw error;
      void this.#reload(false, error);
      return;
    }
    this.#follower.compare();
    this.#pump();
    this.#changed();
  }

  async #topicEnded(reason: EndReason, error: RapportError | undefined): Promise<void> {
    this.#ended = true;
    this.#access = { writable: false, over: this.#access.over || reason === "meeting_ended" };
    this.#changed();
    if (reason === "refused") {
      // A meeting that is over can't be followed, either.
      this.#access = { writable: false, over: (await this.#readAccess())?.over ?? this.#access.over };
      if (error !== undefined && !this.#access.over) this.#events.onProblem(error);
    }
    // After removal nothing can be read; after the end of a meeting the last changes may be missing here.
    if (this.#access.over) await this.#readRest();
    this.#finish();
  }

  /** Reads what follows the confirmed version, as often as it takes, unless the server refuses it. */
  async #readRest(): Promise<void> {
    const { signal } = this.#closing;
    for (let attempt = 0; !this.closed; attempt++) {
      try {
        await this.#follower.readRest(signal);
        return;
      } catch (error) {
        if (this.closed) return;
        if (!(error instanceof RapportError)) throw error;
        if (error.code === "HISTORY_GONE") return await this.#reload(true);
        if (!isTransient(error)) return this.#events.onProblem(error);
      }
      const { clock, random } = this.#from.platform;
      await sleep(clock, backoff(attempt, retryBaseMs, retryCapMs, random), signal).catch(() => {});
    }
  }

  async #recheckAccess(): Promise<void> {
    const access = await this.#readAccess();
    if (this.closed || this.#ended) return;
    if (access !== undefined || !this.#accessKnown) this.#access = access ?? unknownAccess;
    this.#accessKnown ||= access !== undefined;
    this.#finish();
  }

  /** Undefined when it can't be read. */
  async #readAccess(): Promise<NotesAccess | undefined> {
    try {
      return await notesAccess(this.#from.api, this.#meetingId, this.#from.userId, this.#closing.signal);
    } catch (error) {
      if (!(error instanceof RapportError)) throw error;
      return undefined;
    }
  }

  /** After what may have ended the right to write: edits that were not sent become a conflict, the one in flight is answered first. */
  #finish(): void {
    this.#pump();
    this.#changed();
    if (this.closed || this.#access.writable || !this.#replica.pending) return;
    const { inFlight } = this.#replica;
    if (inFlight === undefined) this.#rollBack(readonlyError(this.#access.over));
    else if (this.#ended && inFlight.clientSeq === this.#acknowledgedSeq) this.#endWithConflict();
  }

  /**
   * The change in flight is among the server's, and its event can't be read any
   * more: the text ends with the version that was read last. Later edits become a conflict.
   */
  #endWithConflict(): void {
    const { text, version } = this.#replica;
    const { base, change } = this.#replica.detach(true);
    this.#outbox.settle();
    const error = readonlyError(this.#access.over);
    this.#raiseConflict(text, change.length > 0 ? { error, baseVersion: version, baseText: base, change, text } : undefined);
    this.#changed();
  }

  // Sending.

  /** Says whether something began to be sent, and with that to be kept. */
  #pump(): boolean {
    return !this.closed && !this.#reloading && this.#outbox.pump(this.#access.writable);
  }

  /** The answer is the event that will come, or came first: it takes its turn among the others. */
  #acknowledged({ version, ops }: Ack, { clientSeq }: InFlight): void {
    this.#acknowledgedSeq = clientSeq;
    const data = { version, authorId: this.#from.userId, clientId: this.#lease.clientId, clientSeq, ops };
    const event: TopicEvent = { position: version, data, omitted: ops === undefined };
    if (this.#follower.insert(event)) return;
    if (version === this.#replica.version + 1 && ops !== undefined) this.#committed(event);
    else void this.#readRest().then(() => this.#finish());
  }

  async #refused(error: RapportError, flight: InFlight): Promise<void> {
    if (error.code === "HISTORY_GONE") {
      await this.#reload(true);
      return;
    }
    if (error.code === "VALIDATION_ERROR" && (await this.#serverWentBack(flight.baseVersion))) {
      await this.#reload(false, error);
      return;
    }
    // While the server was asked, the change's own event may have come after all.
    if (!this.closed && this.#replica.inFlight?.clientSeq === flight.clientSeq) this.#rollBack(error);
  }

  /** Whether the server no longer has the version; then no change on it can be right. */
  async #serverWentBack(version: number): Promise<boolean> {
    try {
      return (await this.#from.api.notes.get(this.#meetingId, { signal: this.#closing.signal })).version < version;
    } catch (error) {
      if (!(error instanceof RapportError)) throw error;
      return false;
    }
  }

  #rollBack(error: RapportError): void {
    const { text, confirmed, version } = this.#replica;
    const change = this.#replica.rollBack();
    this.#outbox.settle();
    if (error.code === "FORBIDDEN" || error.code === "MEETING_NOT_ACTIVE" || error.code === "NOT_FOUND") {
      this.#access = { writable: false, over: this.#access.over || error.code === "MEETING_NOT_ACTIVE" };
    }
    this.#raiseConflict(text, { error, baseVersion: version, baseText: confirmed, change, text });
    this.#changed();
  }

  /** Reports a text that has replaced `before`, and of edits that were taken out of it. */
  #raiseConflict(before: string, conflict: Conflict | undefined, commit?: Commit, restored = false): void {
    const { text } = this.#replica;
    const local = commit && transformPair(commit.ops, commit.unconfirmed)[0];
    const known = local !== undefined && apply(before, local) === text;
    const moved = known ? local : diff(before, text);
    if (moved.length > 0 || restored) this.#events.onReset(moved, known ? commit : undefined, restored);
    // Only when they are safe elsewhere are they no longer kept as pending.
    if (conflict !== undefined) void this.#events.onConflict(conflict).then(() => this.persisted());
  }

  // Healing.

  /**
   * Takes the server's text in place of ours. Pending edits are put on top; or
   * a conflict, where `gone` says that what happened since their base is not known.
   */
  async #reload(gone: boolean, problem?: RapportError): Promise<void> {
    if (this.#reloading || this.closed) return;
    this.#reloading = true;
    this.#outbox.stop();
    this.#follower.stop();
    this.#changed();
    if (problem !== undefined) this.#events.onProblem(problem);
    try {
      const { text, version, restored, detached, commit } = await this.#reloader.reload(this.#closing.signal, gone);
      this.#raiseConflict(text, detached && { error: historyGone(), baseVersion: version, baseText: detached.base, change: detached.change, text }, commit, restored);
    } catch (error) {
      if (this.closed) return;
      if (!(error instanceof RapportError)) throw error;
      this.#reloading = false;
      await this.#topicEnded("refused", error);
      return;
    }
    this.#reloading = false;
    if (!this.#ended && !this.closed) this.#follower.start();
    this.#finish();
  }

  #changed(): void {
    if (!this.#replica.pending) this.#writer.cleanUpLater();
    this.#events.onChange();
  }
}

function diverged(version: number): RapportError {
  return new RapportError({ code: "PROTOCOL", detail: `the text at version ${version} differs from the server's` });
}

function historyGone(): RapportError {
  return new RapportError({ code: "HISTORY_GONE", detail: "the server no longer has what happened since these edits were made" });
}

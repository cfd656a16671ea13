import type { ChangesQuery } from "../api/types.ts";
import { RapportError } from "../errors.ts";
import type { TopicEvent } from "../net/frames.ts";
import { LogTopic } from "../net/logtopic.ts";
import type { EndReason } from "../net/topic.ts";
import type { Replica } from "../ot/replica.ts";
import { topicEvent } from "./event.ts";
import type { NotesDependencies } from "./types.ts";

const pageLength = 200;

export interface FollowerHandlers {
  /** The next version, once and in order. */
  readonly onEvent: (event: TopicEvent) => void;
  readonly onLive: () => void;
  readonly onEnd: (reason: EndReason, error: RapportError | undefined) => void;
  readonly onRoleChanged: () => void;
  /** The server can't go on from the replica's version: its history begins later, ends earlier, or is another. */
  readonly onHistoryGone: (error: RapportError) => void;
  /** The confirmed text was compared with the server's hash at that version. */
  readonly onCompared: (version: number, same: boolean) => void;
}

/** Brings the committed changes of one meeting's notes, and compares the text with the server's hashes. */
export class NotesFollower {
  readonly #from: NotesDependencies;
  readonly #meetingId: string;
  readonly #replica: Replica;
  readonly #events: FollowerHandlers;
  /** Undefined before the start, after the end, and while the text is read again. */
  #topic: LogTopic | undefined;
  #live = false;
  /** The newest hash that was not compared yet. */
  #head: { readonly position: number; readonly hash: string } | undefined;

  constructor(from: NotesDependencies, meetingId: string, replica: Replica, events: FollowerHandlers) {
    this.#from = from;
    this.#meetingId = meetingId;
    this.#replica = replica;
    this.#events = events;
  }

  get live(): boolean {
    return this.#live;
  }

  /** Follows from the replica's version on. */
  start(): void {
    const { api, connection, platform, meetings, userId } = this.#from;
    this.#topic = new LogTopic(connection, platform, `meetings/${this.#meetingId}/notes`, this.#replica.version, this.#replica.epoch, {
      onEvent: this.#events.onEvent,
      onHead: (position, hash) => {
        if (hash !== undefined && position >= this.#replica.version) this.#head = { position, hash };
        this.compare();
      },
      onEpoch: (epoch) => this.#replica.setEpoch(epoch),
      onHistoryGone: this.#events.onHistoryGone,
      onLive: (live) => {
        this.#live = live;
        this.#events.onLive();
      },
      onEnd: (reason, error) => {
        this.stop();
        this.#events.onEnd(reason, error);
      },
      onRoleChanged: this.#events.onRoleChanged,
      read: async (from, signal) => {
        const page = await api.notes.changes(this.#meetingId, this.#after(from), { signal, once: true });
        return page.items.map(topicEvent);
      },
      access: async (signal) => (await meetings()).access(this.#meetingId, userId, signal),
    });
    this.#topic.start();
  }

  stop(): void {
    this.#topic?.close();
    this.#topic = undefined;
    this.#live = false;
    this.#head = undefined;
  }

  /** An event that came as an answer takes its turn among the others. False when nothing is followed. */
  insert(event: TopicEvent): boolean {
    this.#topic?.insert(event);
    return this.#topic !== undefined;
  }

  /** Reads by HTTP what the ended topic did not bring. */
  async readRest(signal: AbortSignal): Promise<void> {
    for (let more = true; more && !signal.aborted; ) {
      const from = this.#replica.version;
      const page = await this.#from.api.notes.changes(this.#meetingId, this.#after(from), { signal });
      for (const change of page.items) {
        if (change.version === this.#replica.version + 1) this.#events.onEvent(topicEvent(change));
      }
      more = page.nextCursor !== null && this.#replica.version > from;
    }
  }

  #after(from: number): ChangesQuery {
    const { epoch } = this.#replica;
    return { from, limit: pageLength, ...(epoch !== undefined && { epoch }) };
  }

  /** Compares the confirmed text with the newest hash, where that is of this version. */
  compare(): void {
    const head = this.#head;
    const topic = this.#topic;
    const { sha256 } = this.#from.platform;
    if (head === undefined || sha256 === undefined || head.position > this.#replica.version) return;
    this.#head = undefined;
    if (head.position < this.#replica.version) return;
    void sha256(this.#replica.confirmed).then((hash) => {
      if (topic !== undefined && this.#topic === topic) this.#events.onCompared(head.position, hash === head.hash);
    });
  }
}

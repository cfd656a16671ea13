import { closedError, RapportError, restoredError } from "../errors.ts";
import type { Platform } from "../runtime/platform.ts";
import type { SocketConnection } from "./connection.ts";
import type { TopicEvent } from "./frames.ts";
import { Topic } from "./topic.ts";
import type { TopicHandlers } from "./topic.ts";

/** What must be known of a topic where no frame says it. */
export interface TopicAccess {
  /** Nothing follows what is there. */
  readonly over: boolean;
  /** The caller's, which says what the topic may be used for; undefined where it isn't known. */
  readonly role: string | undefined;
}

export interface LogHandlers extends TopicHandlers {
  /** Every event once, in order, without holes. */
  readonly onEvent: (event: TopicEvent) => void;
  /** The server's newest position, and the content's hash at it where it is known. */
  readonly onHead?: (position: number, hash: string | undefined) => void;
  /** What positions belong to, where the topic was made without knowing it. */
  readonly onEpoch?: (epoch: string) => void;
  /** The position can't be followed from: read the state again, and follow from there with a new topic. */
  readonly onHistoryGone: (error: RapportError) => void;
  /** Events after a position by HTTP: those that a frame had no room for. */
  readonly read: (from: number, signal: AbortSignal) => Promise<readonly TopicEvent[]>;
  /** Without a socket: what became of the meeting and the caller's place in it. */
  readonly access: (signal: AbortSignal) => Promise<TopicAccess>;
}

/** Early events kept until what is missing has come; more are dropped and replayed. */
const maxBuffered = 2_000;
/** At most this many events follow a `subscribed`; then one subscribes again. */
const replayLength = 1_000;

/** A log topic, followed from a position: restores order, drops what comes twice, fills gaps. */
export class LogTopic extends Topic {
  readonly #handlers: LogHandlers;
  readonly #reading = new AbortController();
  #position: number;
  /** The newest position that is known to exist. */
  #known: number;
  #replayedFrom: number;
  readonly #buffered = new Map<number, TopicEvent>();
  #isReading = false;
  /** The caller's role as it was read last; null before the first time. */
  #role: string | undefined | null = null;

  constructor(connection: SocketConnection, platform: Platform, topic: string, position: number, epoch: string | undefined, handlers: LogHandlers) {
    super(connection, platform, topic, epoch, handlers);
    this.#handlers = handlers;
    this.#position = position;
    this.#known = position;
    this.#replayedFrom = position;
  }

  get position(): number {
    return this.#position;
  }

  /** An event known from elsewhere, such as an answer; comes out in its turn. */
  insert(event: TopicEvent): void {
    if (!this.closed) this.onEvents([event]);
  }

  override close(): void {
    this.#reading.abort(closedError(this.topic));
    super.close();
  }

  protected override get from(): number {
    return this.#position;
  }

  protected override get behind(): boolean {
    return this.#position < this.#known;
  }

  protected override onEvents(events: readonly TopicEvent[]): void {
    this.#buffer(events);
    this.#drain(true);
  }

  #buffer(events: readonly TopicEvent[]): void {
    for (const event of events) {
      this.#known = Math.max(this.#known, event.position);
      if (event.position <= this.#position) continue;
      const known = this.#buffered.get(event.position);
      if (known === undefined ? this.#buffered.size < maxBuffered : known.omitted) this.#buffered.set(event.position, event);
    }
  }

  protected override onHead(position: number, hash: string | undefined): void {
    this.#known = Math.max(this.#known, position);
    this.#handlers.onHead?.(position, hash);
    this.watchGap();
  }

  protected override onSubscribed(position: number): void {
    this.#known = Math.max(this.#known, position);
    this.#replayedFrom = this.#position;
  }

  protected override onUnknownPosition(error: RapportError): void {
    this.#handlers.onHistoryGone(error);
  }

  protected override onEpoch(epoch: string): void {
    this.#handlers.onEpoch?.(epoch);
  }

  protected override onOtherEpoch(epoch: string): void {
    this.#handlers.onHistoryGone(restoredError(epoch));
  }

  protected override catchUpByHttp(): void {
    void this.#read();
  }

  protected override async onPoll(signal: AbortSignal): Promise<boolean> {
    const before = this.#position;
    const { over, role } = await this.#handlers.access(signal);
    // After the meeting's state, so that nothing of a meeting that is over is missing.
    for (;;) {
      const from = this.#position;
      const events = await this.#handlers.read(from, signal);
      if (this.closed) return true;
      this.#buffer(events);
      this.#drain(false);
      if (events.length === 0 || this.#position === from || this.closed) break;
    }
    if (this.closed || signal.aborted) return true;
    // One that is not known yet may have changed since whoever follows was told.
    if (role !== this.#role) this.roleChanged();
    this.#role = role;
    if (over) this.end("meeting_ended");
    return this.#position > before;
  }

  /** Gives out what is next. Where that was omitted it is read, if `mayRead`. */
  #drain(mayRead: boolean): void {
    const before = this.#position;
    for (;;) {
      const next = this.#buffered.get(this.#position + 1);
      if (next === undefined || this.closed) break;
      if (next.omitted) {
        if (mayRead) void this.#read();
        break;
      }
      this.#buffered.delete(next.position);
      this.#position = next.position;
      this.#handlers.onEvent(next);
    }
    if (this.closed) return;
    if (this.#position === before) {
      this.watchGap();
      return;
    }
    this.progressed();
    if (this.behind && this.live && this.#position - this.#replayedFrom >= replayLength) {
      this.#replayedFrom = this.#position;
      this.catchUpNow();
    }
  }

  async #read(): Promise<void> {
    if (this.#isReading) return;
    this.#isReading = true;
    const before = this.#position;
    try {
      const events = await this.#handlers.read(before, this.#reading.signal);
      this.#isReading = false;
      if (this.closed) return;
      this.#buffer(events);
      // Reading at once again what was not there would be a busy loop.
      this.#drain(this.#buffered.get(before + 1)?.omitted === false);
    } catch (error) {
      this.#isReading = false;
      if (this.closed) return;
      if (!(error instanceof RapportError)) throw error;
      if (error.code === "HISTORY_GONE") this.#handlers.onHistoryGone(error);
      // Anything else passes: the gap is watched, and read or replayed again.
      else this.watchGap();
    }
  }
}

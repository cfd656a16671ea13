import { closedError, RapportError } from "../errors.ts";
import type { Fields } from "../runtime/json.ts";
import type { Platform } from "../runtime/platform.ts";
import type { SocketConnection } from "./connection.ts";
import type { TopicEvent } from "./frames.ts";
import { Topic } from "./topic.ts";
import type { TopicHandlers } from "./topic.ts";

/** The state as HTTP has it; `epoch` is what its position belongs to, where the server says so. */
export interface StateRead {
  readonly position: number;
  readonly epoch: string | undefined;
  readonly data: unknown;
}

export interface StateHandlers extends TopicHandlers {
  /** The whole state; each replaces the one before. */
  readonly onState: (data: unknown, epoch: string | undefined) => void;
  /** Subscribed, each time: the frames that follow list everybody who is there. */
  readonly onSubscribed?: () => void;
  readonly onPresence?: (fields: Fields) => void;
  /** The state by HTTP, where a frame had no room for it, or there is no socket. */
  readonly read: (signal: AbortSignal) => Promise<StateRead>;
  /** Without a socket, with each round: what else is to be asked for. Must not reject. */
  readonly onPolled?: (signal: AbortSignal) => Promise<boolean>;
}

/** A state topic: the newest state after every subscription and after each change. */
export class StateTopic extends Topic {
  readonly #handlers: StateHandlers;
  readonly #reading = new AbortController();
  /** Of the state that was given last; 0 before the first. */
  #position = 0;
  #known = 1;
  #isReading = false;
  /** Asked for anew, because another epoch has begun. */
  #isRenewing = false;

  constructor(connection: SocketConnection, platform: Platform, topic: string, handlers: StateHandlers) {
    super(connection, platform, topic, undefined, handlers);
    this.#handlers = handlers;
  }

  override close(): void {
    this.#reading.abort(closedError(this.topic));
    super.close();
  }

  protected override get from(): undefined {
    return undefined;
  }

  protected override get behind(): boolean {
    return this.#position < this.#known;
  }

  protected override onEvents(events: readonly TopicEvent[]): void {
    const newest = events.reduce<TopicEvent | undefined>((a, b) => (a !== undefined && a.position > b.position ? a : b), undefined);
    if (newest === undefined || newest.position <= this.#position) return;
    this.#known = Math.max(this.#known, newest.position);
    if (newest.omitted) void this.#read();
    else this.#give({ ...newest, epoch: undefined });
  }

  protected override onHead(position: number): void {
    this.#known = Math.max(this.#known, position);
    this.watchGap();
  }

  protected override onSubscribed(position: number, sameEpoch: boolean): void {
    this.#isRenewing = false;
    // A server that begins anew counts from 1 again.
    if (!sameEpoch || position < this.#position) this.#position = 0;
    this.#known = Math.max(1, position);
    this.#handlers.onSubscribed?.();
  }

  protected override onPresence(fields: Fields): void {
    this.#handlers.onPresence?.(fields);
  }

  protected override onUnknownPosition(): void {}

  /** Frames of two epochs may cross: the answer to a subscription says which one holds. */
  protected override onOtherEpoch(): void {
    if (this.#isRenewing) return;
    this.#isRenewing = true;
    this.subscribeAgain();
  }

  protected override async onPoll(signal: AbortSignal): Promise<boolean> {
    const [read, moved = false] = await Promise.all([this.#handlers.read(signal), this.#handlers.onPolled?.(signal)]);
    // An earlier revision than one's own is that of a server that began anew. A socket would have brought a later one.
    if (this.closed || signal.aborted || (read.position === this.#position && this.isEpoch(read.epoch))) return moved;
    this.#known = read.position;
    this.#give(read);
    return true;
  }

  #give({ position, epoch, data }: StateRead): void {
    if (epoch !== undefined) this.setEpoch(epoch);
    this.#position = position;
    this.#known = Math.max(this.#known, position);
    this.#handlers.onState(data, this.epoch);
    this.progressed();
  }

  async #read(): Promise<void> {
    if (this.#isReading) return;
    this.#isReading = true;
    try {
      const read = await this.#handlers.read(this.#reading.signal);
      if (!this.closed && (read.position > this.#position || !this.isEpoch(read.epoch))) this.#give(read);
    } catch (error) {
      if (this.closed) return;
      if (!(error instanceof RapportError)) throw error;
    } finally {
      this.#isReading = false;
      this.watchGap(); // Also where the answer was older than the event.
    }
  }
}

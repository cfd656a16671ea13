import { closedError, RapportError } from "../errors.ts";
import { backoff } from "../runtime/backoff.ts";
import { asCount, asString } from "../runtime/json.ts";
import type { Fields } from "../runtime/json.ts";
import type { Platform } from "../runtime/platform.ts";
import type { SocketConnection } from "./connection.ts";
import type { TopicEvent, TopicFrame } from "./frames.ts";
import type { TopicFollower } from "./topics.ts";

/**
 * Why a topic ended for good: removed from the meeting, its end, or the server
 * refused the subscription (the error says why). A session that ended is told
 * by the connection's state.
 */
export type EndReason = "removed" | "meeting_ended" | "refused";

/** What every topic reports to its owner. */
export interface TopicHandlers {
  /** Subscribed on the present connection, or asked for by HTTP meanwhile; or no longer. */
  readonly onLive?: (live: boolean) => void;
  /** Once, after which nothing comes any more. */
  readonly onEnd?: (reason: EndReason, error?: RapportError) => void;
  /** The caller's role changed; the topic is subscribed again by itself. */
  readonly onRoleChanged?: () => void;
}

/** How long a client that is behind waits for frames that may be on their way. */
const behindMs = 500;
/** The same while a replay is expected. */
const replayMs = 2_000;
const stalledCapMs = 15_000;

/**
 * The common half of log and state topics: subscribes on every new socket, and
 * again when the topic is behind for too long; ends when the server says so.
 */
export abstract class Topic implements TopicFollower {
  readonly topic: string;
  readonly #connection: SocketConnection;
  readonly #platform: Platform;
  readonly #events: TopicHandlers;
  readonly #ended = new AbortController();
  #live = false;
  /** Whether the caller was ever let in. */
  #admitted = false;
  #epoch: string | undefined;
  /** Subscribe frames so far, and how many of them wait for their answer. */
  #asked = 0;
  #unanswered = 0;
  #catchUp: { readonly at: number; readonly cancel: () => void } | undefined;
  /** Attempts to catch up that brought nothing, in a row. */
  #stalls = 0;

  /** `epoch` is what the positions that are known belong to; undefined where that isn't known. */
  constructor(connection: SocketConnection, platform: Platform, topic: string, epoch: string | undefined, events: TopicHandlers) {
    this.#connection = connection;
    this.#platform = platform;
    this.topic = topic;
    this.#epoch = epoch;
    this.#events = events;
  }

  /** Begins to follow. */
  start(): void {
    this.#connection.follow(this);
  }

  close(): void {
    if (this.#ended.signal.aborted) return;
    this.#ended.abort(closedError(this.topic));
    this.#catchUp?.cancel();
    this.#connection.unfollow(this, this.#live || this.#unanswered > 0);
    this.#live = false;
  }

  get live(): boolean {
    return this.#live;
  }

  get closed(): boolean {
    return this.#ended.signal.aborted;
  }

  onSocket(done: () => void): void {
    this.#subscribe(done);
  }

  onLost(): void {
    this.#setLive(false);
  }

  onFrame(frame: TopicFrame): void {
    if (this.closed) return;
    switch (frame.type) {
      case "event":
        if (this.#isOurs(frame.epoch)) this.onEvents(frame.events);
        return;
      case "head":
        if (this.#isOurs(frame.epoch)) this.onHead(frame.position, frame.hash);
        return;
      case "presence":
        this.onPresence(frame.fields);
        return;
      case "revoked":
        this.#revoked(frame.reason, frame.retryable);
    }
  }

  async poll(signal: AbortSignal): Promise<boolean> {
    try {
      const moved = await this.onPoll(signal);
      // Once there was a socket, or is one, its frames say all that follows.
      if (!this.closed && !signal.aborted) this.#admit();
      return moved;
    } catch (error) {
      if (this.closed || (signal.aborted && this.#connection.isOpen)) return false;
      if (!(error instanceof RapportError)) throw error;
      switch (error.code) {
        case "FORBIDDEN":
        case "NOT_FOUND":
        case "HISTORY_GONE":
        case "VALIDATION_ERROR":
          this.#refused(error);
          return false;
        case "RATE_LIMITED": // What there is was right a moment ago.
          throw error;
        default:
          if (!this.#connection.isOpen) this.#setLive(false);
          throw error;
      }
    }
  }

  /** What the frame asks for: events above this, or from now on. */
  protected abstract readonly from: number | undefined;
  /** Whether something is known to be missing. */
  protected abstract readonly behind: boolean;
  protected abstract onEvents(events: readonly TopicEvent[]): void;
  protected abstract onHead(position: number, hash: string | undefined): void;
  /** The answer to a subscription: the newest position at that moment, and whether it is of the epoch that was known. */
  protected abstract onSubscribed(position: number, sameEpoch: boolean): void;
  /** The server refused `from`: its history begins later, or ends earlier. */
  protected abstract onUnknownPosition(error: RapportError): void;
  protected onPresence(_fields: Fields): void {}
  /** The epoch of what is known has become known. */
  protected onEpoch(_epoch: string): void {}
  /** The server speaks of positions of another epoch than those that are known; what it says of them is left out. */
  protected abstract onOtherEpoch(epoch: string): void;
  /** As `poll`; any error is judged here. */
  protected abstract onPoll(signal: AbortSignal): Promise<boolean>;
  /** Called instead of subscribing when there is no socket. */
  protected catchUpByHttp(): void {}

  /** What is known is of this epoch; undefined where nobody has said it. */
  protected get epoch(): string | undefined {
    return this.#epoch;
  }

  /** From now on what is known is of this epoch. */
  protected setEpoch(epoch: string): void {
    this.#epoch = epoch;
  }

  /** Whether it is the epoch of what is known, as far as anybody says. */
  protected isEpoch(epoch: string | undefined): boolean {
    return epoch === undefined || this.#epoch === undefined || epoch === this.#epoch;
  }

  /** Subscribes on the present socket, if there is one. */
  protected subscribeAgain(): void {
    this.#subscribe(() => {});
  }

  /** Something new arrived: the next wait is a short one. */
  protected progressed(): void {
    this.#stalls = 0;
    this.#catchUp?.cancel();
    this.#catchUp = undefined;
    this.watchGap();
  }

  /** While behind, sees to it that the topic is subscribed again before long. */
  protected watchGap(wait = behindMs): void {
    if (!this.behind || this.closed) return;
    const pause = this.#stalls === 0 ? wait : wait + backoff(this.#stalls, wait, stalledCapMs, this.#platform.random);
    const at = this.#platform.clock.elapsed() + pause;
    if (this.#catchUp !== undefined && this.#catchUp.at <= at) return;
    this.#catchUp?.cancel();
    const cancel = this.#platform.clock.after(pause, () => {
      this.#catchUp = undefined;
      this.catchUpNow();
    });
    this.#catchUp = { at, cancel };
  }

  protected catchUpNow(): void {
    if (!this.behind || this.closed) return;
    this.#stalls++;
    if (this.#connection.isOpen) this.subscribeAgain();
    else this.catchUpByHttp();
  }

  /** The caller's role is another: what it allows is asked for anew. */
  protected roleChanged(): void {
    this.#setLive(false);
    this.#events.onRoleChanged?.();
  }

  /** Ends the topic as the server would. */
  protected end(reason: EndReason, error?: RapportError): void {
    // The server has no subscription of ours any more.
    this.#setLive(false);
    this.close();
    this.#events.onEnd?.(reason, error);
  }

  /** Everything that an answer brings about is done before the next frame: that may be the replay, or the stream's end. */
  #subscribe(done: () => void): void {
    if (this.closed) {
      done();
      return;
    }
    const asked = ++this.#asked;
    this.#catchUp?.cancel();
    this.#catchUp = undefined;
    this.#unanswered++;
    const { from } = this;
    const known = from === undefined ? {} : { from, ...(this.#epoch !== undefined && { epoch: this.#epoch }) };
    this.#connection.subscribe(this.topic, known, {
      answered: ({ fields }) => {
        this.#unanswered--;
        if (!this.closed) this.#subscribed(asCount(fields["position"]) ?? 0, asString(fields["epoch"]));
        done();
      },
      failed: (error) => {
        this.#unanswered--;
        if (!this.closed && asked === this.#asked) this.#refused(error);
        done();
      },
    }, this.#ended.signal);
  }

  #subscribed(position: number, epoch: string | undefined): void {
    const same = this.isEpoch(epoch);
    // What is followed from nowhere comes whole, whatever was known.
    if (this.from === undefined) this.#epoch = epoch ?? this.#epoch;
    else if (!this.#isOurs(epoch)) return;
    this.onSubscribed(position, same);
    this.#admit();
    this.watchGap(replayMs);
  }

  /** Whether positions that the server speaks of can be compared with those that are known. */
  #isOurs(epoch: string | undefined): boolean {
    if (epoch === undefined || epoch === this.#epoch) return true;
    if (this.#epoch !== undefined) {
      this.onOtherEpoch(epoch);
      return false;
    }
    this.setEpoch(epoch);
    this.onEpoch(epoch);
    return true;
  }

  #admit(): void {
    this.#admitted = true;
    this.#setLive(true);
  }

  #refused(error: unknown): void {
    if (!(error instanceof RapportError)) throw error;
    switch (error.code) {
      case "DISCONNECTED": // The next socket subscribes again.
      case "CLOSED":
        return;
      case "HISTORY_GONE":
        this.onUnknownPosition(error);
        return;
      case "VALIDATION_ERROR":
        if (this.from !== undefined) this.onUnknownPosition(error);
        else this.end("refused", error);
        return;
      case "FORBIDDEN":
        // Whoever was let in before has been removed meanwhile.
        this.end(this.#admitted && !this.#connection.isOpen ? "removed" : "refused", error);
        return;
      default:
        this.end("refused", error);
    }
  }

  #revoked(reason: string, retryable: boolean): void {
    if (retryable) {
      this.roleChanged();
      if (!this.closed) this.subscribeAgain();
      return;
    }
    switch (reason) {
      case "removed":
      case "meeting_ended":
        this.end(reason);
        return;
      default:
        this.end("refused", new RapportError({ code: "FORBIDDEN", detail: `the topic was revoked: ${reason}` }));
    }
  }

  #setLive(live: boolean): void {
    if (this.#live === live) return;
    this.#live = live;
    this.#events.onLive?.(live);
  }
}

import { RapportError } from "../errors.ts";
import { backoff } from "../runtime/backoff.ts";
import type { Platform } from "../runtime/platform.ts";
import type { WebSocketLike } from "../runtime/websocket.ts";
import { parseFrame } from "./frames.ts";
import type { AnswerFrame, ServerFrame } from "./frames.ts";
import type { LossCause } from "./reconnect.ts";

/** A frame of ours, made once: what is sent again has the same bytes and id. */
export interface OutgoingFrame {
  readonly id: string;
  readonly text: string;
}

export interface SocketEvents {
  readonly onOpen: () => void;
  /** It can be trusted again: see `isHealthy`. */
  readonly onHealthy: () => void;
  /** Something has come for the first time: what lies between lets frames through. */
  readonly onFirstFrame: () => void;
  /** Frames that answer nothing of ours. */
  readonly onFrame: (frame: ServerFrame) => void;
  /** Once, after which nothing comes any more. Also when it never opened. `local`: by this side. */
  readonly onClose: (cause: LossCause) => void;
}

/**
 * Gets the outcome of a request: one of the two is called, once, before the
 * next frame is looked at. A promise would be too late, because some platforms
 * hand over every frame of a packet before any promise goes on.
 */
export interface Reply {
  readonly answered: (answer: AnswerFrame) => void;
  /** With the server's refusal, DISCONNECTED when the socket ended first, or the signal's reason. */
  readonly failed: (error: unknown) => void;
}

interface Pending {
  readonly text: string;
  readonly reply: Reply;
  /** Ends the timer and the listening to the signal. */
  readonly release: () => void;
  cancelTimer: () => void;
  refusals: number;
}

const answerTimeoutMs = 10_000;
const retireMs = 2_000;
/**
 * API Gateway closes a socket after ten minutes without a frame. Each ping is a
 * function's run: so no more than needed, and not everybody's at one moment.
 */
const quietBeforePingMs = 4 * 60_000;
const pingJitterMs = 60_000;
const refusalBaseMs = 500;
const refusalCapMs = 20_000;

/**
 * One WebSocket from its handshake to its end: matches answers to requests by
 * id, sends a frame again after 10 s without an answer and (with backoff) after
 * what the server says may pass, and takes a socket for dead on which nothing at all
 * came within those 10 s.
 */
export class Socket {
  readonly #platform: Platform;
  readonly #events: SocketEvents;
  readonly #socket: WebSocketLike;
  readonly #pending = new Map<string, Pending>();
  #state: "opening" | "open" | "closed" = "opening";
  /** By `elapsed`, and by the wall clock. */
  #lastReceived = 0;
  #lastReceivedAt = 0;
  #hasReceived = false;
  #pings = 0;
  #retiring = false;
  #suspect = false;
  #cancelPing = () => {};
  #onIdle: (() => void) | undefined;

  /** Throws what the platform's constructor throws. */
  constructor(url: string, platform: Platform, events: SocketEvents) {
    this.#platform = platform;
    this.#events = events;
    this.#socket = new platform.webSocket(url);
    this.#socket.addEventListener("open", () => this.#opened());
    this.#socket.addEventListener("message", (event) => this.#received(event.data));
    this.#socket.addEventListener("close", () => this.#ended("remote"));
    // A close follows where it matters; unheard, some platforms throw it.
    this.#socket.addEventListener("error", () => {});
  }

  get isOpen(): boolean {
    return this.#state === "open";
  }

  /** Whether what is sent now is likely to arrive. */
  get isHealthy(): boolean {
    return this.isOpen && !this.#suspect && (this.#socket.readyState ?? 1) === 1;
  }

  /** Whether it will close as soon as its last request is answered. */
  get isRetiring(): boolean {
    return this.#retiring;
  }

  /** Milliseconds since something came. */
  get silentFor(): number {
    return this.#platform.clock.elapsed() - this.#lastReceived;
  }

  /**
   * Whether nothing came for `ms`, by either clock: the one that never goes back
   * may stand still while the machine sleeps. A wall clock that was set costs a ping.
   */
  isSilent(ms: number): boolean {
    return this.silentFor >= ms || Math.abs(this.#platform.clock.now() - this.#lastReceivedAt) >= ms;
  }

  /** Sends a frame that has no answer. */
  post(text: string): void {
    if (this.#state === "open") this.#socket.send(text);
  }

  /** Sends the frame until it is answered; the signal ends that. `reply` may be called before this returns. */
  request(frame: OutgoingFrame, reply: Reply, signal?: AbortSignal): void {
    if (signal?.aborted) return reply.failed(signal.reason);
    if (this.#state !== "open") return reply.failed(disconnected());
    const onAbort = () => this.#settle(frame.id, ({ failed }) => failed(signal?.reason));
    const pending: Pending = {
      text: frame.text,
      reply,
      refusals: 0,
      cancelTimer: () => {},
      release: () => {
        pending.cancelTimer();
        signal?.removeEventListener("abort", onAbort);
      },
    };
    signal?.addEventListener("abort", onAbort, { once: true });
    this.#pending.set(frame.id, pending);
    this.#send(pending);
  }

  /** Asks for a sign of life; a dead socket closes within 10 s. */
  ping(): void {
    const id = `ping-${++this.#pings}`;
    // A refusal is a sign of life too, and an end is told by onClose.
    this.request({ id, text: JSON.stringify({ action: "ping", id }) }, { answered: () => {}, failed: () => {} });
  }

  /** The machine says that its network is gone: not trusted until something comes. */
  suspect(): void {
    this.#suspect = true;
    this.ping();
  }

  /**
   * Closes once no request waits for its answer, at the latest after 2 s: what is
   * unanswered then is repeated on the socket that took over.
   */
  retire(): void {
    this.#retiring = true;
    if (this.#pending.size === 0) {
      this.close();
      return;
    }
    const cancel = this.#platform.clock.after(retireMs, () => this.close());
    this.#onIdle = () => {
      cancel();
      this.close();
    };
  }

  /** Ends at once: does not wait for a network that may be dead. */
  close(): void {
    if (this.#state === "closed") return;
    this.#socket.close();
    this.#ended("local");
  }

  #opened(): void {
    if (this.#state !== "opening") return;
    this.#state = "open";
    this.#markReceived();
    this.#watchQuiet();
    this.#events.onOpen();
  }

  #ended(cause: LossCause): void {
    if (this.#state === "closed") return;
    this.#state = "closed";
    this.#cancelPing();
    this.#events.onClose(cause);
    for (const id of [...this.#pending.keys()]) this.#settle(id, ({ failed }) => failed(disconnected()));
  }

  #received(data: unknown): void {
    if (this.#state !== "open") return;
    this.#markReceived();
    if (this.#suspect) {
      this.#suspect = false;
      this.#events.onHealthy();
    }
    const frame = parseFrame(data);
    if (frame === undefined) return;
    if (!this.#hasReceived) {
      this.#hasReceived = true;
      this.#events.onFirstFrame();
    }
    switch (frame.type) {
      case "event":
      case "head":
      case "presence":
      case "revoked":
      case "reconnect":
        this.#events.onFrame(frame);
        return;
      case "error":
        this.#refused(frame.id, frame.error);
        return;
      default:
        this.#settle(frame.id, ({ answered }) => answered(frame));
    }
  }

  #markReceived(): void {
    this.#lastReceived = this.#platform.clock.elapsed();
    this.#lastReceivedAt = this.#platform.clock.now();
  }

  #refused(id: string, error: RapportError): void {
    const pending = this.#pending.get(id);
    if (pending === undefined) return;
    if (!error.retryable) {
      this.#settle(id, ({ failed }) => failed(error));
      return;
    }
    pending.cancelTimer();
    const pause = backoff(pending.refusals++, refusalBaseMs, refusalCapMs, this.#platform.random);
    pending.cancelTimer = this.#platform.clock.after(Math.max(pause, error.retryAfter ?? 0), () => this.#send(pending));
  }

  #send(pending: Pending): void {
    const sentAt = this.#platform.clock.elapsed();
    this.#socket.send(pending.text);
    pending.cancelTimer = this.#platform.clock.after(answerTimeoutMs, () => {
      if (this.#lastReceived <= sentAt) this.close();
      else this.#send(pending);
    });
  }

  #settle(id: string, tell: (reply: Reply) => void): void {
    const pending = this.#pending.get(id);
    if (pending === undefined) return;
    pending.release();
    this.#pending.delete(id);
    tell(pending.reply);
    // What the answer made somebody send is waited for, too.
    if (this.#pending.size > 0) return;
    const onIdle = this.#onIdle;
    this.#onIdle = undefined;
    onIdle?.();
  }

  #watchQuiet(): void {
    const bound = quietBeforePingMs + Math.floor(this.#platform.random() * pingJitterMs);
    const watch = () => {
      const left = bound - this.silentFor;
      if (left > 0) {
        this.#cancelPing = this.#platform.clock.after(left, watch);
        return;
      }
      this.ping();
      this.#watchQuiet();
    };
    this.#cancelPing = this.#platform.clock.after(bound, watch);
  }
}

function disconnected(): RapportError {
  return new RapportError({ code: "DISCONNECTED", detail: "the connection closed before the answer" });
}

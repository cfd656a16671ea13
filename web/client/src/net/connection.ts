import { RapportError } from "../errors.ts";
import { Emitter } from "../runtime/emitter.ts";
import type { Platform } from "../runtime/platform.ts";
import type { ClosedReason, Connection, ConnectionState } from "./connectionstate.ts";
import { dial, notOpened } from "./dial.ts";
import type { SocketTicket } from "./dial.ts";
import type { Fallback } from "./fallback.ts";
import type { AnswerFrame, ServerFrame } from "./frames.ts";
import { LazyFallback } from "./lazyfallback.ts";
import { fallbackMs, urgentMs, reconnectPause } from "./reconnect.ts";
import type { LossCause } from "./reconnect.ts";
import type { OutgoingFrame, Reply, Socket } from "./socket.ts";
import { Topics } from "./topics.ts";
import type { TopicFollower } from "./topics.ts";

/** A socket that lived this long was a success: the next loss begins with a short wait again. */
const stableMs = 5_000;
/** Without topics the socket is kept this long. */
const idleCloseMs = 30_000;
const maxHandoverDelayMs = 5_000;
/** What the contract gives a ticket: so its end says what time the server has. */
const ticketLifeMs = 30_000;

/** After so long without a frame, a socket is asked for a sign of life when the machine wakes up. */
const staleMs = 10_000;

export class SocketConnection implements Connection {
  readonly #platform: Platform;
  readonly #newTicket: (signal: AbortSignal) => Promise<SocketTicket>;
  readonly #emitter = new Emitter<{ state(state: ConnectionState): void; open(): void }>();
  readonly #topics: Topics;
  readonly #fallback: LazyFallback;
  #cancelLate = () => {};
  /** Nothing has come on the newest socket that opened. Where that is its end, the next is current only once something has come on it. */
  #unheard = false;
  #state: ConnectionState = { kind: "idle" };
  #current: Socket | undefined;
  readonly #retiring = new Set<Socket>();
  #dialing: AbortController | undefined;
  /** By `elapsed`, as is `#dialAt`: when the next attempt comes. */
  #openedAt = 0;
  #dialAt = 0;
  /** What the server's clock is ahead of `elapsed`; undefined before it is known. */
  #serverAhead: number | undefined;
  #attempt = 0;
  #lossCause: LossCause = "local";
  /** Whether the present wait was shortened already. */
  #urgent = false;
  #frames = 0;
  /** Last frames about topics that are being left, which have no answer yet. */
  #finalFrames = 0;
  #cancelTimer: (() => void) | undefined;
  #cancelIdleClose = () => {};
  #stopNetwork: (() => void) | undefined;

  /** `loadFallback` is called when it is first needed, and again with the next failure where it rejects. */
  constructor(platform: Platform, newTicket: (signal: AbortSignal) => Promise<SocketTicket>, loadFallback: () => Promise<typeof Fallback>) {
    this.#platform = platform;
    this.#newTicket = newTicket;
    this.#topics = new Topics((action, fields, reply) => this.#request(this.frame(action, fields), reply), () => this.#closeWhenIdle());
    this.#fallback = new LazyFallback(platform, loadFallback, () => this.#topics.followers(), {
      onChange: () => this.#refreshState(),
      onUnauthorized: () => this.#closeBecause("unauthorized"),
    });
  }

  get state(): ConnectionState {
    return this.#state;
  }

  onState(callback: (state: ConnectionState) => void): () => void {
    return this.#emitter.on("state", callback);
  }

  /** Calls back each time that a new socket has become the current one, or that it can be trusted again. */
  onOpen(callback: () => void): () => void {
    return this.#emitter.on("open", callback);
  }

  get isOpen(): boolean {
    return this.#current !== undefined;
  }

  /** Whether there is a socket on which a frame is likely to arrive. */
  get isHealthy(): boolean {
    return this.#current?.isHealthy ?? false;
  }

  get retryIn(): number | undefined {
    return this.#state.kind === "waiting" ? Math.max(0, this.#dialAt - this.#platform.clock.elapsed()) : undefined;
  }

  /** Whether topics are asked for by HTTP, with answers. */
  get byHttp(): boolean {
    return this.#current === undefined && this.#fallback.byHttp;
  }

  connect(): void {
    this.#stopNetwork ??= this.#platform.onNetwork((there) => this.#networkChanged(there));
    if (this.#current === undefined) this.#dial();
  }

  close(): void {
    this.#closeBecause("caller");
  }

  /** A frame with an id of its own. Keep it to send the same bytes again. */
  frame(action: string, fields: Readonly<Record<string, unknown>>): OutgoingFrame {
    const id = String(++this.#frames);
    return { id, text: JSON.stringify({ action, id, ...fields }) };
  }

  /**
   * The answer to the frame, on the current socket; rejects as Reply.failed. For
   * answers that have a place of their own in the order of things, as that of an
   * edit has by its version: frames that come in the same packet are handled
   * before the promise goes on.
   */
  send(frame: OutgoingFrame, signal?: AbortSignal): Promise<AnswerFrame> {
    return new Promise((answered, failed) => this.#request(frame, { answered, failed }, signal));
  }

  #request(frame: OutgoingFrame, reply: Reply, signal?: AbortSignal): void {
    if (this.#current !== undefined) this.#current.request(frame, reply, signal);
    else reply.failed(new RapportError({ code: "DISCONNECTED", detail: "not connected" }));
  }

  /**
   * Sends a frame that asks for no answer. False where there is no socket; the
   * frame may be lost later, too.
   */
  post(action: string, fields: Readonly<Record<string, unknown>>): boolean {
    this.#current?.post(JSON.stringify({ action, ...fields }));
    return this.#current !== undefined;
  }

  /** Milliseconds since something came from the server; Infinity without a socket. */
  get silentFor(): number {
    return this.#current?.silentFor ?? Infinity;
  }

  /** Something moves on this side: where topics are asked for by HTTP, more often for a while. */
  noteActivity(): void {
    this.#fallback.noteActivity();
  }

  /** Somebody has something to send: the first wait after a loss becomes a shorter one. */
  retrySoon(): void {
    this.noteActivity();
    if (this.#state.kind !== "waiting" || this.#state.attempt > 1 || this.#urgent) return;
    this.#urgent = true;
    const pause = this.#platform.random() * urgentMs;
    if (this.#platform.clock.elapsed() + pause < this.#dialAt) this.#dialAfter(pause);
  }

  /** Adds a follower, connecting where that is needed. It is notified of a socket that is open already. */
  follow(follower: TopicFollower): void {
    this.#cancelIdleClose();
    this.#topics.add(follower);
    if (this.#current !== undefined) follower.onSocket(() => {});
    else if (this.#state.kind === "idle") this.connect();
    else this.#fallback.pollNow();
  }

  /** Removes a follower; the last one of a topic takes the subscription with it. */
  unfollow(follower: TopicFollower, subscribed: boolean): void {
    this.#topics.remove(follower, subscribed && this.#current !== undefined);
  }

  /** Sends a subscribe frame when the topic's earlier frames are answered; not when the signal is aborted before that. */
  subscribe(topic: string, from: { readonly from?: number; readonly epoch?: string }, reply: Reply, signal: AbortSignal): void {
    this.#topics.send(topic, "subscribe", from, reply, signal);
  }

  /**
   * Sends the last frame about a topic that is about to be left: the topic's
   * unsubscribe waits for its answer, and so does, for two seconds at most, the
   * end of the socket.
   */
  sendFinal(topic: string, action: string, fields: Readonly<Record<string, unknown>>): void {
    this.#finalFrames++;
    const done = () => {
      this.#finalFrames--;
    };
    this.#topics.send(topic, action, fields, { answered: done, failed: done });
  }

  #dial(): void {
    if (this.#dialing !== undefined) return;
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    const dialing = new AbortController();
    this.#dialing = dialing;
    if (this.#current === undefined) {
      this.#setDisconnected({ kind: "connecting", attempt: this.#attempt });
      this.#watchDial();
    }
    dial(this.#platform, this.#newTicket, dialing.signal, {
      onTicket: (expiresAt) => this.#readServerClock(expiresAt),
      mustProve: () => this.#unheard && this.#current === undefined,
      onOpen: (socket) => {
        this.#unheard = true;
        this.#adopt(socket);
      },
      onFirstFrame: (socket) => {
        if (socket === this.#current) this.#stopFallback();
      },
      onHealthy: (socket) => {
        if (socket === this.#current) this.#emitter.emit("open");
      },
      onFrame: (socket, frame) => this.#received(socket, frame),
      onLost: (socket, loss) => this.#socketLost(socket, loss),
      onFailed: (error, hadTicket) => this.#attemptFailed(error, hadTicket),
    });
  }

  #readServerClock(expiresAt: string): void {
    const ends = Date.parse(expiresAt);
    if (!Number.isNaN(ends)) this.#serverAhead = ends - ticketLifeMs - this.#platform.clock.elapsed();
  }

  #adopt(socket: Socket): void {
    const old = this.#current;
    this.#dialing = undefined;
    this.#current = socket;
    this.#openedAt = this.#platform.clock.elapsed();
    if (old !== undefined) this.#retiring.add(old);
    this.#setState({ kind: "open", since: this.#platform.clock.now() });
    // Only when all is subscribed here is the old one no longer needed; it then waits for its own answers.
    this.#resume(() => {
      if (socket.isOpen) old?.retire();
    });
    this.#emitter.emit("open");
  }

  /** Has every follower subscribe on the current socket; `done` is called when all of them are answered. */
  #resume(done: () => void): void {
    const followers = this.#topics.followers();
    let left = followers.length;
    if (left === 0) done();
    for (const follower of followers) {
      follower.onSocket(() => {
        if (--left === 0) done();
      });
    }
  }

  /** The attempt failed: before a ticket came, or with it. */
  #attemptFailed(error: RapportError, hadTicket: boolean): void {
    this.#dialing = undefined;
    if (this.#current === undefined) {
      if (error.code === "UNAUTHORIZED") {
        this.#closeBecause("unauthorized");
        return;
      }
      this.#startFallback(error, hadTicket);
    }
    this.#wait(error.retryAfter ?? 0);
  }

  /**
   * An attempt that takes too long is taken for one that fails, while it may still
   * succeed; not so a socket that is open and brings nothing, which would swallow
   * what is sent meanwhile.
   */
  #watchDial(): void {
    this.#cancelLate();
    this.#cancelLate = this.#platform.clock.after(fallbackMs, () => {
      if (this.#topics.size === 0) return; // Nobody asks for anything that could come.
      if (this.#current !== undefined) {
        this.#current.close();
        return;
      }
      this.#startFallback(notOpened(), true);
      this.#refreshState();
    });
  }

  /** Where HTTP is answered, topics are asked for by HTTP from now on. */
  #startFallback(error: RapportError, hadTicket: boolean): void {
    this.#cancelLate();
    this.#fallback.start(error, hadTicket);
  }

  #stopFallback(): void {
    this.#cancelLate();
    this.#unheard = false;
    this.#fallback.stop();
  }

  #socketLost(socket: Socket, loss: LossCause): void {
    this.#retiring.delete(socket);
    if (socket !== this.#current) return;
    this.#current = undefined;
    this.#lossCause = loss;
    this.#urgent = false;
    if (this.#platform.clock.elapsed() - this.#openedAt >= stableMs) this.#attempt = 0;
    if (this.#resumeRetiring()) return;
    // One that opened and let nothing through is no better than one that did not open.
    if (this.#unheard && this.#topics.size > 0) this.#startFallback(notOpened(), true);
    // Topics that live by HTTP lose nothing with it.
    if (!this.byHttp) for (const follower of this.#topics.followers()) follower.onLost();
    if (this.#dialing !== undefined) this.#setDisconnected({ kind: "connecting", attempt: this.#attempt });
    else if (this.#topics.size === 0) this.#setState({ kind: "idle" });
    else this.#wait(0);
  }

  /** Where the socket that was to take over is lost, the one before it goes on, if it still lives. */
  #resumeRetiring(): boolean {
    const before = [...this.#retiring].find((socket) => socket.isOpen && !socket.isRetiring);
    if (before === undefined) return false;
    this.#retiring.delete(before);
    this.#current = before;
    this.#setState({ kind: "open", since: this.#platform.clock.now() });
    this.#resume(() => {});
    this.#emitter.emit("open");
    this.#wait(0);
    return true;
  }

  /** Dials after the backoff, or after `atLeast` ms. */
  #wait(atLeast: number): void {
    // Beside a socket that works, the next is tried as after a loss of our own.
    const loss = this.#current === undefined ? this.#lossCause : "local";
    this.#dialAfter(Math.max(atLeast, reconnectPause(loss, this.#attempt++, this.#platform.random)));
  }

  #dialAfter(pause: number): void {
    this.#cancelTimer?.();
    this.#cancelTimer = this.#platform.clock.after(pause, () => this.#dial());
    this.#dialAt = this.#platform.clock.elapsed() + pause;
    if (this.#current === undefined) {
      this.#setDisconnected({ kind: "waiting", until: this.#platform.clock.now() + pause, attempt: this.#attempt });
    }
  }

  #received(socket: Socket, frame: ServerFrame): void {
    // One that only waits to be closed has nothing more to say.
    if (socket !== this.#current && !this.#retiring.has(socket)) return;
    switch (frame.type) {
      case "reconnect":
        if (socket === this.#current) this.#handOver(frame.before);
        return;
      case "revoked":
        // Comes on every topic; the first says all. The topics stay, for a new token and `connect`.
        if (frame.reason === "session_ended") {
          this.#closeBecause("session_ended");
          return;
        }
        break;
      case "event":
      case "head":
      case "presence":
        break;
      default:
        return;
    }
    this.#topics.deliver(frame);
  }

  /** Opens the next socket beside the current one, soon, but not all clients at one moment. */
  #handOver(before: number | undefined): void {
    if (this.#dialing !== undefined || this.#cancelTimer !== undefined) return;
    const elapsed = this.#platform.clock.elapsed();
    if (elapsed - this.#openedAt < stableMs) {
      this.#wait(0);
      return;
    }
    this.#attempt = 0;
    // `before` is a time of the server's clock, which this machine's own may be hours away from.
    const now = this.#serverAhead === undefined ? this.#platform.clock.now() : elapsed + this.#serverAhead;
    const span = Math.min(maxHandoverDelayMs, Math.max(0, ((before ?? now) - now) / 2));
    this.#cancelTimer = this.#platform.clock.after(this.#platform.random() * span, () => this.#dial());
  }

  /** A socket says nothing when its network goes: a ping without an answer does. */
  #networkChanged(there: boolean): void {
    if (this.#current !== undefined) {
      if (!there) this.#current.suspect();
      else if (this.#current.isSilent(staleMs)) this.#current.ping();
    } else if (there) {
      if (this.#state.kind === "waiting") this.#dial();
      this.#fallback.pollNow();
    }
  }

  #closeWhenIdle(): void {
    this.#cancelIdleClose();
    if (this.#state.kind === "closed") return; // A timer would keep a program from ending.
    this.#cancelIdleClose = this.#platform.clock.after(idleCloseMs, () => {
      if (this.#topics.size === 0) this.#disconnect({ kind: "idle" });
    });
  }

  #closeBecause(reason: ClosedReason): void {
    this.#cancelIdleClose();
    this.#stopNetwork?.();
    this.#stopNetwork = undefined;
    this.#disconnect({ kind: "closed", reason });
  }

  #disconnect(state: ConnectionState): void {
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    this.#dialing?.abort();
    this.#dialing = undefined;
    this.#attempt = 0;
    this.#lossCause = "local";
    this.#stopFallback();
    const sockets = [...this.#retiring];
    if (this.#current !== undefined) sockets.push(this.#current);
    this.#retiring.clear();
    this.#current = undefined;
    this.#setState(state);
    for (const socket of sockets) {
      if (this.#finalFrames > 0) socket.retire();
      else socket.close();
    }
    for (const follower of this.#topics.followers()) follower.onLost();
  }

  /** Where the reasons have changed for which there is no socket. */
  #refreshState(): void {
    if (this.#state.kind === "connecting" || this.#state.kind === "waiting") this.#setDisconnected(this.#state);
  }

  #setDisconnected(state: { readonly kind: "connecting"; readonly attempt: number } | { readonly kind: "waiting"; readonly attempt: number; readonly until: number }): void {
    this.#setState({ ...state, byHttp: this.byHttp, problem: this.#fallback.problem });
  }

  #setState(state: ConnectionState): void {
    this.#state = state;
    this.#emitter.emit("state", state);
  }
}

import { RapportError } from "./errors.ts";
import { Emitter } from "./emitter.ts";
import type { AnswerFrame, ServerFrame } from "./frames.ts";
import type { Platform } from "./platform.ts";
import { hurriedMs, reconnectPause } from "./reconnect.ts";
import type { Loss } from "./reconnect.ts";
import { Socket } from "./socket.ts";
import type { OutgoingFrame } from "./socket.ts";
import { Topics } from "./topics.ts";
import type { TopicFollower } from "./topics.ts";

/** caller: by `close`. session_ended: the server ended the session. unauthorized: the token is refused. */
export type ClosedReason = "caller" | "session_ended" | "unauthorized";

/** Times are milliseconds since the epoch; `attempt` counts failed attempts since the last stable connection. */
export type ConnectionState =
  | { readonly kind: "idle" }
  | { readonly kind: "connecting"; readonly attempt: number }
  | { readonly kind: "open"; readonly since: number }
  | { readonly kind: "waiting"; readonly until: number; readonly attempt: number }
  | { readonly kind: "closed"; readonly reason: ClosedReason };

/** The client's one connection, which opens with its first topic and comes back by itself. */
export interface Connection {
  readonly state: ConnectionState;
  /** Calls `callback` at every change of state (not at once); returns the function that stops it. */
  onState(callback: (state: ConnectionState) => void): () => void;
  /**
   * Connects now: ends a wait, and starts again after `closed`, where all topics
   * are taken up from where they were. Topics connect by themselves otherwise.
   */
  connect(): void;
  /** Closes the connection until `connect`. */
  close(): void;
}

/** A socket that lived this long was a success: the next loss begins with a short wait again. */
const stableMs = 5_000;
const handshakeTimeoutMs = 10_000;
/** Without topics the socket is kept this long. */
const lingerMs = 30_000;
const maxHandoverDelayMs = 5_000;

/** After so long without a frame, a socket is asked for a sign of life when the machine wakes up. */
const staleMs = 10_000;

export class SocketConnection implements Connection {
  readonly #platform: Platform;
  /** Makes a ticket and returns its URL. */
  readonly #ticketUrl: (signal: AbortSignal) => Promise<string>;
  readonly #emitter = new Emitter<{ state(state: ConnectionState): void; open(): void }>();
  readonly #topics: Topics;
  #state: ConnectionState = { kind: "idle" };
  #current: Socket | undefined;
  readonly #retiring = new Set<Socket>();
  #dialing: AbortController | undefined;
  #openedAt = 0;
  #attempt = 0;
  #loss: Loss = "ours";
  /** Whether the present wait was shortened already. */
  #hurried = false;
  #frames = 0;
  #cancelTimer: (() => void) | undefined;
  #cancelLinger = () => {};
  #stopNetwork: (() => void) | undefined;

  constructor(platform: Platform, ticketUrl: (signal: AbortSignal) => Promise<string>) {
    this.#platform = platform;
    this.#ticketUrl = ticketUrl;
    this.#topics = new Topics((action, fields, signal) => this.send(this.frame(action, fields), signal), () => this.#linger());
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
  get isTrusted(): boolean {
    return this.#current?.isTrusted ?? false;
  }

  connect(): void {
    this.#stopNetwork ??= this.#platform.onNetwork((there) => this.#networkIs(there));
    if (this.#current === undefined) this.#dial();
  }

  close(): void {
    this.#shut("caller");
  }

  /** A frame with an id of its own. Keep it to send the same bytes again. */
  frame(action: string, fields: Readonly<Record<string, unknown>>): OutgoingFrame {
    const id = String(++this.#frames);
    return { id, text: JSON.stringify({ action, id, ...fields }) };
  }

  /** As Socket.request on the current socket; DISCONNECTED where there is none. */
  send(frame: OutgoingFrame, signal?: AbortSignal): Promise<AnswerFrame> {
    if (this.#current === undefined) {
      return Promise.reject(new RapportError({ code: "DISCONNECTED", detail: "not connected" }));
    }
    return this.#current.request(frame, signal);
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
  get quietFor(): number {
    return this.#current?.quietFor ?? Infinity;
  }

  /** Somebody has something to send: the first wait after a loss becomes a shorter one. */
  hurry(): void {
    if (this.#state.kind !== "waiting" || this.#state.attempt > 1 || this.#hurried) return;
    this.#hurried = true;
    const pause = this.#platform.random() * hurriedMs;
    if (this.#platform.clock.now() + pause < this.#state.until) this.#dialAfter(pause);
  }

  /** Adds a follower, connecting where that is needed. It is told of a socket that is open already. */
  follow(follower: TopicFollower): void {
    this.#cancelLinger();
    this.#topics.add(follower);
    if (this.#current !== undefined) void follower.onSocket();
    else if (this.#state.kind === "idle") this.connect();
  }

  /** Removes a follower; the last one of a topic takes the subscription with it. */
  unfollow(follower: TopicFollower, subscribed: boolean): void {
    this.#topics.remove(follower, subscribed && this.#current !== undefined);
  }

  /** Sends a subscribe frame when the topic's earlier frames are answered. */
  subscribe(topic: string, from: number | undefined, signal: AbortSignal): Promise<AnswerFrame> {
    return this.#topics.subscribe(topic, from, signal);
  }

  #dial(): void {
    if (this.#dialing !== undefined) return;
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    const dialing = new AbortController();
    this.#dialing = dialing;
    if (this.#current === undefined) this.#become({ kind: "connecting", attempt: this.#attempt });
    this.#handshake(dialing.signal).then(
      (socket) => {
        if (dialing.signal.aborted) {
          socket.close();
          return;
        }
        this.#dialing = undefined;
        this.#adopt(socket);
      },
      (error: unknown) => {
        if (dialing.signal.aborted) return;
        this.#dialing = undefined;
        this.#failed(error);
      },
    );
  }

  async #handshake(signal: AbortSignal): Promise<Socket> {
    const url = await this.#ticketUrl(signal);
    signal.throwIfAborted();
    return await new Promise((resolve, reject) => {
      const refuse = (detail: string) => {
        cancel();
        reject(new RapportError({ code: "NETWORK", detail }));
      };
      const socket = new Socket(url, this.#platform, {
        onOpen: () => {
          cancel();
          resolve(socket);
        },
        onTrusted: () => {
          if (socket === this.#current) this.#emitter.emit("open");
        },
        onFrame: (frame) => this.#received(socket, frame),
        onClose: (loss) => {
          refuse("the WebSocket did not open");
          this.#lost(socket, loss);
        },
      });
      const cancel = this.#platform.clock.after(handshakeTimeoutMs, () => socket.close());
    });
  }

  #adopt(socket: Socket): void {
    const old = this.#current;
    if (!socket.isOpen) {
      this.#failed(new RapportError({ code: "NETWORK", detail: "the WebSocket closed at once" }));
      return;
    }
    this.#current = socket;
    this.#openedAt = this.#platform.clock.now();
    if (old !== undefined) this.#retiring.add(old);
    this.#become({ kind: "open", since: this.#openedAt });
    const resumed = this.#resume();
    this.#emitter.emit("open");
    // Only when all is subscribed here is the old one no longer needed; it then waits for its own answers.
    if (old !== undefined) void resumed.then(() => {
      if (socket.isOpen) old.retire();
    });
  }

  /** Has every follower subscribe on the current socket. */
  #resume(): Promise<unknown> {
    return Promise.allSettled(this.#topics.followers().map((follower) => follower.onSocket()));
  }

  #failed(error: unknown): void {
    const refused = error instanceof RapportError && error.code === "UNAUTHORIZED";
    if (refused && this.#current === undefined) this.#shut("unauthorized");
    else this.#wait(error instanceof RapportError ? (error.retryAfter ?? 0) : 0);
  }

  #lost(socket: Socket, loss: Loss): void {
    this.#retiring.delete(socket);
    if (socket !== this.#current) return;
    this.#current = undefined;
    this.#loss = loss;
    this.#hurried = false;
    if (this.#platform.clock.now() - this.#openedAt >= stableMs) this.#attempt = 0;
    if (this.#fallBack()) return;
    for (const follower of this.#topics.followers()) follower.onLost();
    if (this.#dialing !== undefined) this.#become({ kind: "connecting", attempt: this.#attempt });
    else if (this.#topics.size === 0) this.#become({ kind: "idle" });
    else this.#wait(0);
  }

  /** Where the socket that was to take over is lost, the one before it goes on, if it still lives. */
  #fallBack(): boolean {
    const before = [...this.#retiring].find((socket) => socket.isOpen && !socket.isRetiring);
    if (before === undefined) return false;
    this.#retiring.delete(before);
    this.#current = before;
    this.#become({ kind: "open", since: this.#platform.clock.now() });
    void this.#resume();
    this.#emitter.emit("open");
    this.#wait(0);
    return true;
  }

  /** Dials after the backoff, or after `atLeast` ms. */
  #wait(atLeast: number): void {
    // Beside a socket that works, the next is tried as after a loss of our own.
    const loss = this.#current === undefined ? this.#loss : "ours";
    this.#dialAfter(Math.max(atLeast, reconnectPause(loss, this.#attempt++, this.#platform.random)));
  }

  #dialAfter(pause: number): void {
    this.#cancelTimer?.();
    this.#cancelTimer = this.#platform.clock.after(pause, () => this.#dial());
    if (this.#current === undefined) {
      this.#become({ kind: "waiting", until: this.#platform.clock.now() + pause, attempt: this.#attempt });
    }
  }

  #received(socket: Socket, frame: ServerFrame): void {
    switch (frame.type) {
      case "reconnect":
        if (socket === this.#current) this.#handOver(frame.before);
        return;
      case "revoked":
        // Comes on every topic; the first says all. The topics stay, for a new token and `connect`.
        if (frame.reason === "session_ended") {
          this.#shut("session_ended");
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
    const now = this.#platform.clock.now();
    if (now - this.#openedAt < stableMs) {
      this.#wait(0);
      return;
    }
    this.#attempt = 0;
    const span = Math.min(maxHandoverDelayMs, Math.max(0, ((before ?? now) - now) / 2));
    this.#cancelTimer = this.#platform.clock.after(this.#platform.random() * span, () => this.#dial());
  }

  /** A socket says nothing when its network goes: a ping without an answer does. */
  #networkIs(there: boolean): void {
    if (this.#current !== undefined) {
      if (!there) this.#current.doubt();
      else if (this.quietFor >= staleMs) this.#current.ping();
    } else if (there && this.#state.kind === "waiting") {
      this.#dial();
    }
  }

  #linger(): void {
    this.#cancelLinger();
    if (this.#state.kind === "closed") return; // A timer would keep a program from ending.
    this.#cancelLinger = this.#platform.clock.after(lingerMs, () => {
      if (this.#topics.size === 0) this.#disconnect({ kind: "idle" });
    });
  }

  #shut(reason: ClosedReason): void {
    this.#cancelLinger();
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
    this.#loss = "ours";
    const sockets = [...this.#retiring];
    if (this.#current !== undefined) sockets.push(this.#current);
    this.#retiring.clear();
    const hadSocket = this.#current !== undefined;
    this.#current = undefined;
    this.#become(state);
    for (const socket of sockets) socket.close();
    if (!hadSocket) return;
    for (const follower of this.#topics.followers()) follower.onLost();
  }

  #become(state: ConnectionState): void {
    this.#state = state;
    this.#emitter.emit("state", state);
  }
}

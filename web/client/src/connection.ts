import { backoff } from "./backoff.ts";
import { RapportError } from "./errors.ts";
import { Emitter } from "./emitter.ts";
import type { AnswerFrame, ServerFrame, TopicFrame } from "./frames.ts";
import type { Platform } from "./platform.ts";
import { Socket } from "./socket.ts";
import type { OutgoingFrame } from "./socket.ts";

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

/** Who follows a topic on this connection. */
export interface TopicFollower {
  readonly topic: string;
  /** A new socket is there: subscribe. Settles when that is answered; never rejects. */
  onSocket(): Promise<void>;
  /** The last socket is gone. */
  onLost(): void;
  onFrame(frame: TopicFrame): void;
}

const backoffBaseMs = 500;
const backoffCapMs = 15_000;
/** A socket that lived this long was a success: the next loss begins with a short wait again. */
const stableMs = 5_000;
const handshakeTimeoutMs = 10_000;
/** Without topics the socket is kept this long. */
const lingerMs = 30_000;
const maxHandoverDelayMs = 5_000;

interface Topic {
  readonly followers: Set<TopicFollower>;
  /** Settles when the last frame about this topic has its answer: the server may handle two in any order. */
  tail: Promise<unknown>;
}

export class SocketConnection implements Connection {
  readonly #platform: Platform;
  /** Makes a ticket and returns its URL. */
  readonly #ticketUrl: (signal: AbortSignal) => Promise<string>;
  readonly #states = new Emitter<[ConnectionState]>();
  readonly #opens = new Emitter<[]>();
  readonly #topics = new Map<string, Topic>();
  #state: ConnectionState = { kind: "idle" };
  #current: Socket | undefined;
  readonly #retiring = new Set<Socket>();
  #dialing: AbortController | undefined;
  #openedAt = 0;
  #attempt = 0;
  #frames = 0;
  #cancelTimer: (() => void) | undefined;
  #cancelLinger = () => {};
  #stopOnline: (() => void) | undefined;

  constructor(platform: Platform, ticketUrl: (signal: AbortSignal) => Promise<string>) {
    this.#platform = platform;
    this.#ticketUrl = ticketUrl;
  }

  get state(): ConnectionState {
    return this.#state;
  }

  onState(callback: (state: ConnectionState) => void): () => void {
    return this.#states.add(callback);
  }

  /** Calls back each time that a new socket has become the current one. */
  onOpen(callback: () => void): () => void {
    return this.#opens.add(callback);
  }

  get isOpen(): boolean {
    return this.#current !== undefined;
  }

  connect(): void {
    this.#stopOnline ??= this.#platform.onOnline(() => this.#online());
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

  /** Adds a follower, connecting where that is needed. It is told of a socket that is open already. */
  follow(follower: TopicFollower): void {
    this.#cancelLinger();
    const topic = this.#topics.get(follower.topic) ?? { followers: new Set(), tail: Promise.resolve() };
    topic.followers.add(follower);
    this.#topics.set(follower.topic, topic);
    if (this.#current !== undefined) void follower.onSocket();
    else if (this.#state.kind === "idle") this.connect();
  }

  /** Removes a follower; the last one of a topic takes the subscription with it. */
  unfollow(follower: TopicFollower, subscribed: boolean): void {
    const topic = this.#topics.get(follower.topic);
    if (topic === undefined || !topic.followers.delete(follower) || topic.followers.size > 0) return;
    const forget = () => {
      if (topic.followers.size === 0 && this.#topics.get(follower.topic) === topic) this.#topics.delete(follower.topic);
      if (this.#topics.size === 0) this.#linger();
    };
    if (!subscribed || this.#current === undefined) {
      forget();
      return;
    }
    const frame = this.frame("unsubscribe", { topic: follower.topic });
    topic.tail = topic.tail.then(async () => {
      // By then another follower may have come.
      if (topic.followers.size === 0) await this.send(frame);
    }).catch(() => {
      // A lost socket takes its subscriptions with it, a refusal means that there was none.
    }).finally(forget);
  }

  /** Sends a subscribe frame when the topic's earlier frames are answered. */
  subscribe(topicName: string, from: number | undefined, signal: AbortSignal): Promise<AnswerFrame> {
    const topic = this.#topics.get(topicName);
    if (topic === undefined) return Promise.reject(new RapportError({ code: "CLOSED", detail: "nobody follows the topic" }));
    const answer = topic.tail.then(() => {
      signal.throwIfAborted();
      return this.send(this.frame("subscribe", { topic: topicName, from }), signal);
    });
    topic.tail = answer.catch(() => {}); // The caller gets the error; the queue only needs the end.
    return answer;
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
        onFrame: (frame) => this.#received(socket, frame),
        onClose: () => {
          refuse("the WebSocket did not open");
          this.#lost(socket);
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
    const followers = [...this.#topics.values()].flatMap((topic) => [...topic.followers]);
    const resumed = Promise.allSettled(followers.map((follower) => follower.onSocket()));
    this.#opens.emit();
    if (old !== undefined) void resumed.then(() => old.retire());
  }

  #failed(error: unknown): void {
    const refused = error instanceof RapportError && error.code === "UNAUTHORIZED";
    if (refused && this.#current === undefined) this.#shut("unauthorized");
    else this.#wait(error instanceof RapportError ? (error.retryAfter ?? 0) : 0);
  }

  #lost(socket: Socket): void {
    this.#retiring.delete(socket);
    if (socket !== this.#current) return;
    this.#current = undefined;
    if (this.#platform.clock.now() - this.#openedAt >= stableMs) this.#attempt = 0;
    for (const topic of this.#topics.values()) {
      for (const follower of topic.followers) follower.onLost();
    }
    if (this.#dialing !== undefined) this.#become({ kind: "connecting", attempt: this.#attempt });
    else if (this.#topics.size === 0) this.#become({ kind: "idle" });
    else this.#wait(0);
  }

  /** Dials after the backoff, or after `atLeast` ms. */
  #wait(atLeast: number): void {
    const pause = Math.max(atLeast, backoff(this.#attempt++, backoffBaseMs, backoffCapMs, this.#platform.random));
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
        break;
      default:
        return;
    }
    for (const follower of [...(this.#topics.get(frame.topic)?.followers ?? [])]) follower.onFrame(frame);
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

  #online(): void {
    if (this.#state.kind === "waiting") this.#dial();
    else this.#current?.ping();
  }

  #linger(): void {
    this.#cancelLinger();
    this.#cancelLinger = this.#platform.clock.after(lingerMs, () => {
      if (this.#topics.size === 0 && this.#state.kind !== "closed") this.#disconnect({ kind: "idle" });
    });
  }

  #shut(reason: ClosedReason): void {
    this.#cancelLinger();
    this.#stopOnline?.();
    this.#stopOnline = undefined;
    this.#disconnect({ kind: "closed", reason });
  }

  #disconnect(state: ConnectionState): void {
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    this.#dialing?.abort();
    this.#dialing = undefined;
    this.#attempt = 0;
    const sockets = [...this.#retiring];
    if (this.#current !== undefined) sockets.push(this.#current);
    this.#retiring.clear();
    const hadSocket = this.#current !== undefined;
    this.#current = undefined;
    this.#become(state);
    for (const socket of sockets) socket.close();
    if (!hadSocket) return;
    for (const topic of this.#topics.values()) {
      for (const follower of topic.followers) follower.onLost();
    }
  }

  #become(state: ConnectionState): void {
    this.#state = state;
    this.#states.emit(state);
  }
}

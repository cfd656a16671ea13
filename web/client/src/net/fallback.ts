import type { RapportError } from "../errors.ts";
import type { Platform } from "../runtime/platform.ts";
import { Poller } from "./poller.ts";
import type { Pollable } from "./poller.ts";

/**
 * Why no socket opens. offline: no server answers, by HTTP neither. blocked:
 * HTTP is answered, but no WebSocket opens; something in between does not let it,
 * or the request for a ticket, through. refused: the server gives no ticket, and
 * `error.detail` says why, as with too many windows.
 */
export interface SocketProblem {
  readonly kind: "offline" | "blocked" | "refused";
  readonly error: RapportError;
}

export interface FallbackEvents {
  /** `byHttp` or `problem` may be another. */
  readonly onChange: () => void;
  /** The token is refused. */
  readonly onUnauthorized: () => void;
}

/**
 * What is done while no socket opens: once an attempt has failed though HTTP is
 * answered, topics are asked for by HTTP until one succeeds. A socket that was
 * lost and not tried anew yet is no such failure.
 */
export class Fallback {
  readonly #events: FallbackEvents;
  readonly #poller: Poller;
  /** Of the last attempt that got an answer by HTTP. */
  #problem: SocketProblem | undefined;
  /** What the last call failed with, where nothing answered it. */
  #unanswered: RapportError | undefined;
  /** Whether a round has been answered since polling began. */
  #answered = false;

  constructor(platform: Platform, pollables: () => readonly Pollable[], events: FallbackEvents) {
    this.#events = events;
    this.#poller = new Poller(platform, pollables, (failure) => this.#polled(failure));
  }

  /** Whether topics are asked for by HTTP, with answers. */
  get byHttp(): boolean {
    return this.#answered && this.#unanswered === undefined;
  }

  /** Why the last attempt failed; undefined before one has. */
  get problem(): SocketProblem | undefined {
    return this.#unanswered === undefined ? this.#problem : { kind: "offline", error: this.#unanswered };
  }

  /**
   * An attempt has failed, or takes too long: before a ticket came, or with it.
   * Where the request for one was not answered, a round of the others tells
   * whether it was kept away alone.
   */
  failed(error: RapportError, hadTicket: boolean): void {
    const unanswered = !hadTicket && isUnanswered(error);
    if (!unanswered) this.#unanswered = undefined;
    else if (!this.#answered) this.#unanswered = error;
    this.#problem = { kind: hadTicket || unanswered ? "blocked" : "refused", error };
    if (this.#poller.isRunning && unanswered) this.#poller.pollNow();
    this.#poller.start();
  }

  /** Something moves on this side. */
  noteActivity(): void {
    this.#poller.noteActivity();
  }

  /** Somebody looks, or follows something new. */
  pollNow(): void {
    this.#poller.pollNow();
  }

  /** A socket is open, or none is wanted. */
  stop(): void {
    this.#poller.stop();
    this.#problem = undefined;
    this.#unanswered = undefined;
    this.#answered = false;
  }

  #polled(failure: RapportError | undefined): void {
    if (failure?.code === "UNAUTHORIZED") {
      this.#events.onUnauthorized();
      return;
    }
    const before = { byHttp: this.byHttp, kind: this.problem?.kind };
    this.#unanswered = failure !== undefined && isUnanswered(failure) ? failure : undefined;
    this.#answered ||= failure === undefined;
    if (this.byHttp !== before.byHttp || this.problem?.kind !== before.kind) this.#events.onChange();
  }
}

/** Whether nothing of ours answered: no network, or a proxy in the server's place. */
function isUnanswered({ code }: RapportError): boolean {
  return code === "NETWORK" || code === "TIMEOUT" || code === "PROTOCOL";
}

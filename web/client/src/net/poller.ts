import { backoff } from "../runtime/backoff.ts";
import { RapportError } from "../errors.ts";
import type { Platform } from "../runtime/platform.ts";

/** What is asked for by HTTP, again and again. */
export interface Polled {
  /** Resolves with whether there was something new; rejects with RapportError where it may succeed later. */
  poll(signal: AbortSignal): Promise<boolean>;
}

/** Between two rounds while something moves, when nothing does, and while nobody looks at the page. */
const busyMs = 2_000;
const quietMs = 10_000;
const hiddenMs = 30_000;
/** Something moves until it has not for so long. */
const settleMs = 10_000;
/** A round that takes longer is given up. */
const patienceMs = 10_000;
const retryCapMs = 30_000;

/**
 * Asks everybody who follows something in rounds, one after the other: every 2 s
 * while something moves, every 10 s when nothing does, jittered by a quarter;
 * after failures with backoff, and no sooner than the server asked for.
 */
export class Poller {
  readonly #platform: Platform;
  readonly #polled: () => readonly Polled[];
  readonly #onRound: (failure: RapportError | undefined) => void;
  #running: AbortController | undefined;
  #movedAt = -Infinity;
  #failures = 0;
  #next: { readonly at: number; readonly cancel: () => void } | undefined;

  /** `onRound` hears how each round went. */
  constructor(platform: Platform, polled: () => readonly Polled[], onRound: (failure: RapportError | undefined) => void) {
    this.#platform = platform;
    this.#polled = polled;
    this.#onRound = onRound;
  }

  get isRunning(): boolean {
    return this.#running !== undefined;
  }

  /** Begins with a round now. */
  start(): void {
    if (this.#running !== undefined) return;
    this.#running = new AbortController();
    this.#failures = 0;
    this.moved();
    this.#after(0);
  }

  stop(): void {
    this.#running?.abort(new RapportError({ code: "CLOSED", detail: "polling has stopped" }));
    this.#running = undefined;
    this.#next?.cancel();
    this.#next = undefined;
  }

  /** Something moves: whoever waits for the next round waits less. */
  moved(): void {
    this.#movedAt = this.#platform.clock.elapsed();
    if (this.#failures === 0) this.#hasten(busyMs);
  }

  /** Somebody looks, or has just begun to follow something: the next round comes now, where nothing speaks against it. */
  hurry(): void {
    if (this.#failures === 0) this.#hasten(0);
  }

  #hasten(ms: number): void {
    if (this.#next !== undefined && this.#next.at > this.#platform.clock.elapsed() + ms) this.#after(ms);
  }

  #after(ms: number): void {
    this.#next?.cancel();
    const cancel = this.#platform.clock.after(ms, () => {
      this.#next = undefined;
      const { signal } = this.#running ?? {};
      if (signal !== undefined) void this.#round(signal);
    });
    this.#next = { at: this.#platform.clock.elapsed() + ms, cancel };
  }

  async #round(stopped: AbortSignal): Promise<void> {
    const round = new AbortController();
    const stop = () => round.abort(stopped.reason);
    stopped.addEventListener("abort", stop, { once: true });
    const late = new RapportError({ code: "TIMEOUT", detail: `no answer in ${patienceMs} ms` });
    const cancel = this.#platform.clock.after(patienceMs, () => round.abort(late));
    const results = await Promise.allSettled(this.#polled().map((each) => each.poll(round.signal)));
    cancel();
    stopped.removeEventListener("abort", stop);
    if (stopped.aborted) return;
    let failure: RapportError | undefined;
    for (const result of results) {
      if (result.status === "fulfilled") {
        if (result.value) this.moved();
      } else if (result.reason instanceof RapportError) failure ??= result.reason;
      else throw result.reason;
    }
    this.#failures = failure === undefined ? 0 : this.#failures + 1;
    this.#onRound(failure);
    // Who hears of the round may stop it all.
    if (!stopped.aborted) this.#after(this.#pause(failure));
  }

  #pause(failure: RapportError | undefined): number {
    const { clock, random, hidden } = this.#platform;
    const moves = clock.elapsed() - this.#movedAt < settleMs;
    const usual = (hidden() ? hiddenMs : moves ? busyMs : quietMs) * (0.75 + random() / 2);
    if (failure === undefined) return usual;
    return Math.max(usual, failure.retryAfter ?? 0, backoff(this.#failures, busyMs, retryCapMs, random));
  }
}

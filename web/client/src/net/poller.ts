import { RapportError } from "../errors.ts";
import { backoff } from "../runtime/backoff.ts";
import type { Platform } from "../runtime/platform.ts";

/** What is asked for by HTTP, again and again. */
export interface Pollable {
  /** Resolves with whether there was something new; rejects with RapportError where it may succeed later. */
  poll(signal: AbortSignal): Promise<boolean>;
}

/** Between two rounds while something moves, when nothing does, and while nobody looks at the page. */
const activeMs = 2_000;
const idleMs = 10_000;
const hiddenMs = 30_000;
/** Something moves until it has not for so long. */
const settleMs = 10_000;
/** A round that takes longer is given up. */
const roundTimeoutMs = 10_000;
const retryCapMs = 30_000;

/**
 * Asks everybody who follows something in rounds, one after the other: every 2 s
 * while something moves, every 10 s when nothing does, jittered by a quarter;
 * after failures with backoff, and no sooner than the server asked for.
 */
export class Poller {
  readonly #platform: Platform;
  readonly #pollables: () => readonly Pollable[];
  readonly #onRound: (failure: RapportError | undefined) => void;
  #running: AbortController | undefined;
  #activeAt = -Infinity;
  #failures = 0;
  #next: { readonly at: number; readonly cancel: () => void } | undefined;
  /** Another round follows the one under way at once: somebody asked for one who it may have begun without. */
  #again = false;

  /** `onRound` is called with how each round went. */
  constructor(platform: Platform, pollables: () => readonly Pollable[], onRound: (failure: RapportError | undefined) => void) {
    this.#platform = platform;
    this.#pollables = pollables;
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
    this.noteActivity();
    this.#after(0);
  }

  stop(): void {
    this.#running?.abort(new RapportError({ code: "CLOSED", detail: "polling has stopped" }));
    this.#running = undefined;
    this.#next?.cancel();
    this.#next = undefined;
  }

  /** Something moves on this side: whoever waits for the next round waits less. */
  noteActivity(): void {
    this.#activeAt = this.#platform.clock.elapsed();
    if (this.#failures === 0) this.#bringForward(activeMs);
  }

  /** Somebody looks, or has just begun to follow something: the next round comes now, where nothing speaks against it. */
  pollNow(): void {
    this.#again = this.#next === undefined;
    if (this.#failures === 0) this.#bringForward(0);
  }

  #bringForward(ms: number): void {
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
    this.#again = false;
    const round = new AbortController();
    const stop = () => round.abort(stopped.reason);
    stopped.addEventListener("abort", stop, { once: true });
    const late = new RapportError({ code: "TIMEOUT", detail: `no answer in ${roundTimeoutMs} ms` });
    const cancel = this.#platform.clock.after(roundTimeoutMs, () => round.abort(late));
    const results = await Promise.allSettled(this.#pollables().map((each) => each.poll(round.signal)));
    cancel();
    stopped.removeEventListener("abort", stop);
    if (stopped.aborted) return;
    let failure: RapportError | undefined;
    for (const result of results) {
      if (result.status === "fulfilled") {
        if (result.value) this.noteActivity();
      } else if (result.reason instanceof RapportError) failure ??= result.reason;
      else throw result.reason;
    }
    this.#failures = failure === undefined ? 0 : this.#failures + 1;
    this.#onRound(failure);
    // Who learns of the round may stop it all.
    if (!stopped.aborted) this.#after(this.#again && failure === undefined ? 0 : this.#pause(failure));
  }

  #pause(failure: RapportError | undefined): number {
    const { clock, random, hidden } = this.#platform;
    const active = clock.elapsed() - this.#activeAt < settleMs;
    const usual = (hidden() ? hiddenMs : active ? activeMs : idleMs) * (0.75 + random() / 2);
    if (failure === undefined) return usual;
    return Math.max(usual, failure.retryAfter ?? 0, backoff(this.#failures, activeMs, retryCapMs, random));
  }
}

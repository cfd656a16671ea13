import type { Clock } from "../src/runtime/platform.ts";

interface Timer {
  readonly at: number;
  readonly order: number;
  readonly run: () => void;
}

/** A clock that stands still until `run` moves it; timers fire in order of time, then of making. */
export class FakeClock implements Clock {
  readonly #began = Date.UTC(2030, 0, 1);
  #now = this.#began;
  #order = 0;
  readonly #timers = new Set<Timer>();

  now(): number {
    return this.#now;
  }

  elapsed(): number {
    return this.#now - this.#began;
  }

  after(ms: number, run: () => void): () => void {
    const timer = { at: this.#now + Math.max(0, ms), order: this.#order++, run };
    this.#timers.add(timer);
    return () => {
      this.#timers.delete(timer);
    };
  }

  /** How many timers wait: a program with one does not end. */
  get waiting(): number {
    return this.#timers.size;
  }

  /** Lets `ms` pass: fires what is due, and lets promises settle in between. */
  async run(ms: number): Promise<void> {
    const end = this.#now + ms;
    await settled();
    for (;;) {
      let next: Timer | undefined;
      for (const timer of this.#timers) {
        if (timer.at > end) continue;
        if (next === undefined || timer.at < next.at || (timer.at === next.at && timer.order < next.order)) next = timer;
      }
      if (next === undefined) break;
      this.#timers.delete(next);
      this.#now = next.at;
      next.run();
      await settled();
    }
    this.#now = end;
  }

  /** Lets time pass in steps until `done`, or throws after `limit` ms. */
  async until(done: () => boolean, limit = 600_000, step = 100): Promise<void> {
    for (let passed = 0; !done(); passed += step) {
      if (passed > limit) throw new Error(`not done after ${limit} ms of the fake clock`);
      await this.run(step);
    }
  }
}

/** How often somebody sets an unsteady clock. */
const settingMs = 7_000;

/** The same clock on a machine where it is set an hour back or forward every seven seconds; what elapses is right. */
export function unsteady(clock: FakeClock): Clock {
  const hours = () => [0, -1, 1][Math.floor(clock.elapsed() / settingMs) % 3] ?? 0;
  return {
    now: () => clock.now() + hours() * 3_600_000,
    elapsed: () => clock.elapsed(),
    after: (ms, run) => clock.after(ms, run),
  };
}

/** All promise callbacks have run: the event loop has turned once. */
function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

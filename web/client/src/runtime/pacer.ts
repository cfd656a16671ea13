import type { Clock } from "./platform.ts";

/**
 * How often changes go out while somebody types: one in `windowMs`, or sooner
 * when `maxEdits` edits have gathered. The first after a quiet window goes at
 * once, so that nobody who types now and then waits.
 */
export class Pacer {
  readonly #clock: Clock;
  readonly #windowMs: number;
  readonly #maxEdits: number;
  readonly #onDue: () => void;
  #openAt = -Infinity;
  #rushed = false;
  #cancel: (() => void) | undefined;

  /** `onDue` is called when the window is over that made `due` say no. */
  constructor(clock: Clock, windowMs: number, maxEdits: number, onDue: () => void) {
    this.#clock = clock;
    this.#windowMs = windowMs;
    this.#maxEdits = maxEdits;
    this.#onDue = onDue;
  }

  /** Whether `edits` edits may go now; if not, `onDue` will be called. */
  due(edits: number): boolean {
    const left = this.#openAt - this.#clock.elapsed();
    if (left <= 0 || this.#rushed || edits >= this.#maxEdits) return true;
    this.#cancel ??= this.#clock.after(left, () => {
      this.#cancel = undefined;
      this.#onDue();
    });
    return false;
  }

  /** A change goes out now. */
  sent(): void {
    this.stop();
    this.#rushed = false;
    this.#openAt = this.#clock.elapsed() + this.#windowMs;
  }

  /** Somebody waits for what is there: the next change does not wait. */
  rush(): void {
    this.#rushed = true;
  }

  stop(): void {
    this.#cancel?.();
    this.#cancel = undefined;
  }
}

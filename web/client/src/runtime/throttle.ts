import type { Clock } from "./platform.ts";

/**
 * How often changes go out while somebody types: one in `windowMs`, or sooner
 * when `maxItems` edits have gathered. The first after a quiet window goes at
 * once, so that nobody who types now and then waits.
 */
export class Throttle {
  readonly #clock: Clock;
  readonly #windowMs: number;
  readonly #maxItems: number;
  readonly #onOpen: () => void;
  #openAt = -Infinity;
  #bypassed = false;
  #cancel: (() => void) | undefined;

  /** `onOpen` is called when the window is over that made `allows` say no. */
  constructor(clock: Clock, windowMs: number, maxItems: number, onOpen: () => void) {
    this.#clock = clock;
    this.#windowMs = windowMs;
    this.#maxItems = maxItems;
    this.#onOpen = onOpen;
  }

  /** Whether `items` items may go now; if not, `onOpen` will be called. */
  allows(items: number): boolean {
    const left = this.#openAt - this.#clock.elapsed();
    if (left <= 0 || this.#bypassed || items >= this.#maxItems) return true;
    this.#cancel ??= this.#clock.after(left, () => {
      this.#cancel = undefined;
      this.#onOpen();
    });
    return false;
  }

  /** A change goes out now. */
  record(): void {
    this.stop();
    this.#bypassed = false;
    this.#openAt = this.#clock.elapsed() + this.#windowMs;
  }

  /** Somebody waits for what is there: the next change does not wait. */
  bypass(): void {
    this.#bypassed = true;
  }

  stop(): void {
    this.#cancel?.();
    this.#cancel = undefined;
  }
}

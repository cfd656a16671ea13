import { closedError, RapportError } from "../errors.ts";
import type { Clock } from "../runtime/platform.ts";
import { Throttle } from "../runtime/throttle.ts";

export interface BatchLimits {
  readonly maxItems: number;
  /** Of all items of a batch together, as `sizeOf` counts; a larger single item goes alone. */
  readonly maxSize: number;
  /** How long an item waits for others, in ms; the first after a quiet time does not. */
  readonly windowMs: number;
  /** Items that may wait at once; more are refused with RATE_LIMITED. */
  readonly maxWaiting: number;
}

interface Waiting<In, Out> {
  readonly item: In;
  readonly size: number;
  readonly resolve: (out: Out) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Gathers items and sends them together: when there are enough, when the first
 * has waited long enough, and on `flush` and `close`. One batch is under way at
 * a time, so items arrive in the order in which they were added. Every caller
 * gets what became of its own item; a batch that fails does not hold up the next.
 */
export class Batcher<In, Out> {
  readonly #limits: BatchLimits;
  readonly #sizeOf: (item: In) => number;
  /** Resolves with one answer for each item, in order. */
  readonly #send: (items: readonly In[]) => Promise<readonly Out[]>;
  readonly #throttle: Throttle;
  #waiting: Waiting<In, Out>[] = [];
  #size = 0;
  #sending: Promise<void> | undefined;
  #flushing = false;
  #closed = false;

  constructor(clock: Clock, limits: BatchLimits, sizeOf: (item: In) => number, send: (items: readonly In[]) => Promise<readonly Out[]>) {
    this.#limits = limits;
    this.#sizeOf = sizeOf;
    this.#send = send;
    this.#throttle = new Throttle(clock, limits.windowMs, limits.maxItems, () => this.#next());
  }

  /** Resolves with the item's answer; rejects with what its batch failed with, or CLOSED. */
  add(item: In): Promise<Out> {
    if (this.#closed) return Promise.reject(closedError("the batch"));
    if (this.#waiting.length >= this.#limits.maxWaiting) {
      return Promise.reject(new RapportError({ code: "RATE_LIMITED", detail: `${this.#limits.maxWaiting} items wait already` }));
    }
    return new Promise((resolve, reject) => {
      const size = this.#sizeOf(item);
      this.#waiting.push({ item, size, resolve, reject });
      this.#size += size;
      this.#next();
    });
  }

  /** Sends all that waits without waiting for more; resolves when it is answered, whatever the answers. */
  async flush(): Promise<void> {
    this.#flushing = true;
    this.#next();
    while (this.#sending !== undefined) await this.#sending;
  }

  /** As flush, and takes nothing more. */
  close(): Promise<void> {
    this.#closed = true;
    return this.flush();
  }

  #next(): void {
    if (this.#sending !== undefined) return;
    if (this.#waiting.length === 0) {
      this.#flushing = false;
      return;
    }
    const full = this.#flushing || this.#size >= this.#limits.maxSize;
    if (!full && !this.#throttle.allows(this.#waiting.length)) return;
    this.#throttle.record();
    this.#sending = this.#settle(this.#take()).finally(() => {
      this.#sending = undefined;
      this.#next();
    });
  }

  #take(): Waiting<In, Out>[] {
    const { maxItems, maxSize } = this.#limits;
    let size = 0;
    let n = 0;
    for (const next of this.#waiting) {
      if (n === maxItems || (n > 0 && size + next.size > maxSize)) break;
      size += next.size;
      n++;
    }
    this.#size -= size;
    return this.#waiting.splice(0, n);
  }

  async #settle(batch: readonly Waiting<In, Out>[]): Promise<void> {
    try {
      const answers = await this.#send(batch.map(({ item }) => item));
      if (answers.length !== batch.length) {
        throw new RapportError({ code: "PROTOCOL", detail: `${answers.length} answers to ${batch.length} items` });
      }
      batch.forEach(({ resolve }, i) => resolve(answers[i] as Out));
    } catch (error) {
      for (const { reject } of batch) reject(error);
    }
  }
}

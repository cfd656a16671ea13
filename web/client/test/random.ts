import type { Change, Op } from "../src/index.ts";

/** A seeded generator (mulberry32): the same numbers for the same seed. */
export class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** From 0 up to 1, without 1. */
  readonly next = (): number => {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let t = this.#state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };

  /** A whole number from 0 up to `n`, without `n`. */
  below(n: number): number {
    return Math.floor(this.next() * n);
  }

  chance(p: number): boolean {
    return this.next() < p;
  }

  text(maxCodePoints: number): string {
    const alphabet = [
      "a", "b", "c", " ", "\n", "\r\n", "é", "e\u0301", "漢", "😀", "👩‍🚀", "🏳️‍🌈", "🇩🇪", "שלום", "\u202eعرب\u202c", "\u0000", "\ufeff", '"', "<",
    ];
    return Array.from({ length: 1 + this.below(maxCodePoints) }, () => alphabet[this.below(alphabet.length)]).join("");
  }

  /** A change that fits a document of `length` code points and is not empty. */
  change(length: number, maxOps = 4): Change {
    const ops: Op[] = [];
    let at = 0;
    for (let i = this.below(maxOps) + 1; i > 0; i--) {
      at += this.below(Math.min(6, length - at) + 1);
      const room = length - at;
      const kind = this.below(4);
      if (kind < 2 || room === 0) {
        ops.push({ type: "insert", position: at, content: this.text(3) });
      } else {
        const size = 1 + this.below(Math.min(5, room));
        ops.push({ type: kind === 2 ? "delete" : "retain", position: at, length: size });
        at += size;
      }
    }
    if (!ops.some((op) => op.type !== "retain")) ops.push({ type: "insert", position: at, content: "x" });
    return ops;
  }
}

/** The seed of this run: RAPPORT_SEED, or a fixed one, so that a plain run repeats itself. */
export function baseSeed(): number {
  return Number(process.env["RAPPORT_SEED"] ?? "20240611");
}

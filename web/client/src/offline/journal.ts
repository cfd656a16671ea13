import type { Step } from "../ot/pending.ts";
import type { SegmentRecord } from "./records.ts";

/** A segment is written again with each step until it has this size; so no write is much larger. */
const segmentBytes = 4_096;
/** A longer journal ends: then the replica is stored as a whole. */
const journalBytes = 65_536;

/** What happened to a replica since its base was stored, in segments as they are written. No I/O. */
export class Journal {
  #follows = false;
  /** Of the segment that is being filled; ascends also from base to base. */
  #number = 0;
  #steps: Step[] = [];
  #bytes = 0;
  #total = 0;
  /** Whether the segment has something that was not taken yet. */
  #hasUntaken = false;

  /** Whether a base and the segments say all; else the base must be stored anew. */
  get follows(): boolean {
    return this.#follows;
  }

  /** Numbers up to this one may be in use. */
  skip(number: number): void {
    this.#number = Math.max(this.#number, number + 1);
  }

  /** A base is being stored. Returns the number of the first segment that follows it. */
  begin(): number {
    // A number is left out: where the base can't be stored, what follows it does not seem to follow the one before.
    this.#number++;
    this.#next();
    this.#total = 0;
    this.#follows = true;
    return this.#number;
  }

  /** There is no base any more. */
  end(): void {
    this.#follows = false;
    this.#steps = [];
  }

  /** Undefined is what no step can say. */
  add(step: Step | undefined): void {
    if (!this.#follows) return;
    if (step === undefined || this.#total > journalBytes) {
      this.end();
      return;
    }
    const size = sizeOf(step);
    this.#steps.push(step);
    this.#bytes += size;
    this.#total += size;
    this.#hasUntaken = true;
  }

  /** The segment to write; undefined where all was taken. */
  take(): { readonly number: number; readonly record: SegmentRecord } | undefined {
    if (!this.#hasUntaken) return undefined;
    const taken = { number: this.#number, record: { format: 2, steps: [...this.#steps] } } as const;
    this.#hasUntaken = false;
    if (this.#bytes >= segmentBytes) this.#next();
    return taken;
  }

  #next(): void {
    this.#number++;
    this.#steps = [];
    this.#bytes = 0;
    this.#hasUntaken = false;
  }
}

/** About what the step takes in the storage, which may keep two bytes a character. */
function sizeOf(step: Step): number {
  const ops = step.kind === "edit" ? step.change : step.kind === "own" || step.kind === "others" ? step.ops : [];
  return ops.reduce((size, op) => size + 48 + (op.type === "insert" ? 2 * op.content.length : 0), 32);
}

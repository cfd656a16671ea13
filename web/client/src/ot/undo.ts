import type { Change } from "./change.ts";
import { countCodePoints } from "./codepoints.ts";
import { insertedText, isEmpty } from "./operations.ts";
import { mapPosition } from "./positions.ts";
import { Tombstones } from "./tombstones.ts";
import type { Commit } from "./tombstones.ts";

/** Edits that follow each other so soon, at one place, are undone together. */
const groupMs = 500;
/**
 * What all steps may take in memory, about: twenty deletions of the longest text
 * of Latin letters, or the typing of days.
 */
const maxBytes = 8 << 20;
/** When that is full, so many of the oldest steps go at once: one in sixteen. */
const droppedShare = 16;

/** A stretch of the present text. */
interface Extent {
  readonly from: number;
  readonly to: number;
}

/**
 * The way back and forth through one editor's own edits; others' edits stay.
 *
 * The steps are numbers; what each of them inserted and deleted lies in the text
 * itself, as spans and tombstones, and moves with what others do. So neither
 * hearing of others' edits nor taking a step costs more for how much others did.
 * Where a step ends depends on this editor's own edits alone. Taking back a
 * deletion brings back what this editor deleted, around what others wrote in it,
 * and also where somebody else deleted it at the same time.
 */
export class UndoHistory {
  readonly #text = new Tombstones();
  /** Steps after `#oldest` up to `#done` can be taken back, those after it up to `#newest` made again. */
  #oldest = 0;
  #done = 0;
  #newest = 0;
  /** Where and when the newest step was last added to; undefined when nothing may be. */
  #open: (Extent & { readonly at: number }) | undefined;

  get canUndo(): boolean {
    return this.#done > this.#oldest;
  }

  get canRedo(): boolean {
    return this.#newest > this.#done;
  }

  /** What the steps take in memory, about. */
  get bytes(): number {
    return this.#text.bytes;
  }

  /** A local edit was made at time `now`, and `inverse` undoes it. */
  edited(change: Change, inverse: Change, now: number): void {
    if (this.canRedo) this.#forget(this.#oldest, this.#done);
    const joins = this.#open !== undefined && now - this.#open.at <= groupMs && touches(extent(change), this.#open);
    if (!joins) this.#newest = ++this.#done;
    this.#text.edit(change, insertedText(inverse), this.#done);
    this.#open = { at: now, ...extent(inverse) };
    while (this.#text.bytes > maxBytes && this.#done - this.#oldest > 1) {
      this.#forget(this.#oldest + Math.ceil((this.#done - this.#oldest) / droppedShare), this.#newest);
    }
  }

  /**
   * Others' edits, or whatever else changed the local text and is not to be
   * undone. `commit` is what was committed, where it is that.
   */
  applyRemote(change: Change, commit?: Commit): void {
    this.#text.applyRemote(change, commit);
    if (this.#open !== undefined) this.#open = { at: this.#open.at, ...mapExtent(this.#open, change) };
  }

  /** Edits of this history were committed. */
  commitOwn(commit: Commit): void {
    this.#text.commitOwn(commit);
  }

  /** Every edit is committed. */
  allCommitted(): void {
    this.#text.allCommitted();
  }

  /** The next edit begins a step of its own. */
  closeStep(): void {
    this.#open = undefined;
  }

  clear(): void {
    this.#text.clear();
    this.#oldest = this.#done = this.#newest;
    this.#open = undefined;
  }

  /**
   * Takes the newest step back: `apply` gets the change on the present text and
   * returns its inverse. What it throws leaves everything as it was. Undefined
   * when there is nothing to undo.
   */
  undo(apply: (change: Change) => Change): Change | undefined {
    while (this.canUndo) {
      const change = this.#move(this.#done, true, apply);
      this.#done--;
      if (!isEmpty(change)) return change;
    }
    return undefined;
  }

  /** As undo, for what was undone last. */
  redo(apply: (change: Change) => Change): Change | undefined {
    while (this.canRedo) {
      const change = this.#move(this.#done + 1, false, apply);
      this.#done++;
      if (!isEmpty(change)) return change;
    }
    return undefined;
  }

  /** Others may have left nothing of the step: then the change is empty. */
  #move(step: number, back: boolean, apply: (change: Change) => Change): Change {
    this.#open = undefined;
    const change = this.#text.move(step, back);
    if (!isEmpty(change)) this.#text.moved(step, back, insertedText(apply(change)));
    return change;
  }

  #forget(oldest: number, newest: number): void {
    this.#text.forget(oldest, newest);
    this.#oldest = oldest;
    this.#newest = newest;
  }
}

/** The stretch of the document before the change that it reaches over. */
function extent(change: Change): Extent {
  const last = change.at(-1);
  const to = last === undefined || last.type === "insert" ? last?.position : last.position + last.length;
  return { from: change[0]?.position ?? 0, to: to ?? 0 };
}

function touches(a: Extent, b: Extent): boolean {
  return a.from <= b.to && a.to >= b.from;
}

/** Where a stretch is after a change, with what that puts at its ends. */
function mapExtent({ from, to }: Extent, change: Change): Extent {
  const behind = change.filter((op) => op.type === "insert" && op.position === to);
  return { from: mapPosition(from, change), to: mapPosition(to, change) + countCodePoints(insertedText(behind)) };
}

import { compose, isEmpty, transformPair } from "./ot.ts";
import type { Change } from "./ot.ts";

/** Edits that follow each other so soon, at one place, are undone together. */
const groupMs = 500;
const maxSteps = 200;
/** Of text that undoing would bring back, in UTF-16 units, over all steps. */
const maxText = 2_000_000;

/** What takes a step back. */
interface Step {
  /** On the text as it was when the step above this one, or the present, began. */
  readonly change: Change;
  /** What others did since then. */
  readonly others: Change;
  readonly text: number;
}

/**
 * The way back and forth through one editor's own edits; others' edits stay.
 *
 * Each step stands on the text that is left when the steps above it are taken,
 * and carries along what others did while it was the newest. When a step is
 * taken, it is transformed against that, and that is handed down to the next.
 * So hearing of others' edits costs the same however many steps there are.
 * Taking back a deletion brings back what this editor deleted, also where
 * somebody else was about to delete it at the same time.
 */
export class UndoHistory {
  readonly #back: Stack = new Stack();
  readonly #forth: Stack = new Stack();
  /** Where and when the newest step was last added to; undefined when nothing may be. */
  #open: { readonly at: number; readonly from: number; readonly to: number } | undefined;

  get canUndo(): boolean {
    return this.#back.length > 0;
  }

  get canRedo(): boolean {
    return this.#forth.length > 0;
  }

  /** A local edit was made at time `now`, and `inverse` undoes it. */
  edited(change: Change, inverse: Change, now: number): void {
    this.#forth.clear();
    const joins = this.#open !== undefined && now - this.#open.at <= groupMs && touches(change, this.#open);
    if (joins) this.#back.extend(inverse);
    else this.#back.push(inverse);
    this.#open = { at: now, ...extent(inverse) };
  }

  /** Others' edits, or whatever else changed the local text and is not to be undone. */
  others(change: Change): void {
    this.#back.carry(change);
    this.#forth.carry(change);
    this.#open = undefined;
  }

  /** The next edit begins a step of its own. */
  seal(): void {
    this.#open = undefined;
  }

  clear(): void {
    this.#back.clear();
    this.#forth.clear();
    this.#open = undefined;
  }

  /**
   * Takes the newest step back: `apply` gets the change on the present text and
   * returns its inverse. What it throws leaves everything as it was. Undefined
   * when there is nothing to undo.
   */
  undo(apply: (change: Change) => Change): Change | undefined {
    return this.#move(this.#back, this.#forth, apply);
  }

  /** As undo, for what was undone last. */
  redo(apply: (change: Change) => Change): Change | undefined {
    return this.#move(this.#forth, this.#back, apply);
  }

  #move(from: Stack, to: Stack, apply: (change: Change) => Change): Change | undefined {
    this.#open = undefined;
    for (let change = from.top(); change !== undefined; change = from.top()) {
      // Others may have left nothing of the step.
      if (isEmpty(change)) {
        from.pop();
        continue;
      }
      const inverse = apply(change);
      from.pop();
      to.push(inverse);
      return change;
    }
    return undefined;
  }
}

class Stack {
  #steps: Step[] = [];
  #text = 0;

  get length(): number {
    return this.#steps.length;
  }

  clear(): void {
    this.#steps = [];
    this.#text = 0;
  }

  /** The newest step, on the present text. */
  top(): Change | undefined {
    const step = this.#steps.at(-1);
    return step && transformPair(step.others, step.change)[1];
  }

  push(change: Change): void {
    const text = textOf(change);
    this.#steps.push({ change, others: [], text });
    this.#text += text;
    while (this.#steps.length > 1 && (this.#steps.length > maxSteps || this.#text > maxText)) {
      this.#text -= this.#steps.shift()?.text ?? 0;
    }
  }

  /** Takes the newest step off; what others did since goes on to the next. */
  pop(): Change | undefined {
    const step = this.#steps.pop();
    if (step === undefined) return undefined;
    this.#text -= step.text;
    const [others, change] = transformPair(step.others, step.change);
    this.carry(others);
    return change;
  }

  /** Makes one step of the newest and what was done after it. */
  extend(inverse: Change): void {
    const newest = this.pop();
    this.push(newest === undefined ? inverse : compose(inverse, newest));
  }

  carry(change: Change): void {
    const step = this.#steps.at(-1);
    if (step !== undefined) this.#steps[this.#steps.length - 1] = { ...step, others: compose(step.others, change) };
  }
}

function textOf(change: Change): number {
  return change.reduce((n, op) => n + (op.type === "insert" ? op.content.length : 0), 0);
}

/** The stretch of the document before the change that it reaches over. */
function extent(change: Change): { from: number; to: number } {
  const last = change.at(-1);
  const to = last === undefined || last.type === "insert" ? last?.position : last.position + last.length;
  return { from: change[0]?.position ?? 0, to: to ?? 0 };
}

function touches(change: Change, place: { readonly from: number; readonly to: number }): boolean {
  const { from, to } = extent(change);
  return from <= place.to && to >= place.from;
}

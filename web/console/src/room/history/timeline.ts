/**
 * The notes at every version that is kept, with who wrote what. Made of the
 * changes alone: the text at a version is the text at an earlier one with the
 * changes between. Where the oldest changes are gone, the text before the first
 * one that is kept is known only as far as it is still there today.
 */
import { type Change, codePointOffset, type NotesEvent } from "@rapport/client";

/** A stretch of text by one author. */
export interface Run {
  /** Undefined for what stood there before the kept history. */
  readonly authorId: string | undefined;
  readonly text: string;
  /** What was deleted since, before the kept history began: nobody knows the letters any more. */
  readonly unknown?: true;
}

export type Step = Pick<NotesEvent, "version" | "authorId" | "createdAt" | "ops">;

/** Stands for a character that is no longer known. */
export const unknownCharacter = "\u2592";
const checkpointEvery = 128;

interface Piece {
  readonly authorId: string | undefined;
  readonly text: string;
  /** In code points. */
  readonly length: number;
  /** For text from before the history: its place there. */
  readonly from?: number;
}

export class Timeline {
  readonly #steps: Step[] = [];
  /** The text at `oldest - 1` and at every 128th version after it. */
  #checkpoints: (readonly Piece[])[];
  readonly #oldest: number;

  /** `oldest` is the first version whose change is kept. */
  constructor(oldest = 1) {
    this.#oldest = oldest;
    this.#checkpoints = [[]];
  }

  /** The first version that can be shown. */
  get first(): number {
    return this.#oldest - 1;
  }

  get last(): number {
    return this.#oldest + this.#steps.length - 1;
  }

  /** The change that made a version; undefined for the first, or one that isn't here. */
  step(version: number): Step | undefined {
    return this.#steps[version - this.#oldest];
  }

  /** Takes the next change. False for one that has come before; throws RangeError for one after a hole. */
  add(step: Step): boolean {
    if (step.version <= this.last) return false;
    if (step.version !== this.last + 1) throw new RangeError(`version ${step.version} does not follow ${this.last}`);
    this.#steps.push(step);
    return true;
  }

  /**
   * Says what the text is at the last version, where the history doesn't begin
   * with an empty one: what of it is older than the history is found by it.
   */
  anchor(text: string): void {
    if (this.#oldest === 1) return;
    const growth = this.#steps.reduce((sum, { ops }) => sum + grown(ops), 0);
    const length = lengthOf(text) - growth;
    this.#checkpoints = [[{ authorId: undefined, text: unknownCharacter.repeat(length), length, from: 0 }]];
    const known = new Map<number, string>();
    const letters = [...text];
    let at = 0;
    for (const piece of this.#piecesAt(this.last)) {
      if (piece.from !== undefined) for (let i = 0; i < piece.length; i++) known.set(piece.from + i, letters[at + i] ?? unknownCharacter);
      at += piece.length;
    }
    const base = Array.from({ length }, (_, i) => known.get(i) ?? unknownCharacter).join("");
    this.#checkpoints = [length === 0 ? [] : [{ authorId: undefined, text: base, length }]];
  }

  /** The text at a version, in stretches by one author each. */
  at(version: number): readonly Run[] {
    const runs: Run[] = [];
    for (const { authorId, text } of this.#piecesAt(version)) {
      // Only text from before the history can hold characters that are not known.
      const parts = authorId === undefined ? text.split(/(\u2592+)/u).filter(Boolean) : [text];
      for (const part of parts) {
        const unknown = authorId === undefined && this.#oldest > 1 && part.startsWith(unknownCharacter);
        runs.push({ authorId, text: part, ...(unknown && { unknown: true as const }) });
      }
    }
    return runs;
  }

  #piecesAt(version: number): readonly Piece[] {
    if (version < this.first || version > this.last) throw new RangeError(`version ${version} is not kept`);
    const done = version - this.first;
    let checkpoint = Math.min(Math.floor(done / checkpointEvery), this.#checkpoints.length - 1);
    let pieces = this.#checkpoints[checkpoint] ?? [];
    for (let i = checkpoint * checkpointEvery; i < done; i++) {
      const step = this.#steps[i];
      if (step) pieces = applied(pieces, step);
      if ((i + 1) % checkpointEvery === 0 && ++checkpoint === this.#checkpoints.length) this.#checkpoints.push(pieces);
    }
    return pieces;
  }
}

/** The whole text; undefined where a part of it is not known any more. */
export function wholeText(runs: readonly Run[]): string | undefined {
  return runs.some(({ unknown }) => unknown) ? undefined : runs.map(({ text }) => text).join("");
}

function applied(pieces: readonly Piece[], { ops, authorId }: Step): readonly Piece[] {
  const next: Piece[] = [];
  const put = (piece: Piece): void => {
    const before = next.at(-1);
    const joins = before && before.authorId === piece.authorId && (before.from === undefined) === (piece.from === undefined)
      && (before.from === undefined || before.from + before.length === piece.from);
    if (joins) next[next.length - 1] = { ...before, text: before.text + piece.text, length: before.length + piece.length };
    else if (piece.length > 0) next.push(piece);
  };
  let index = 0;
  let within = 0;
  let place = 0;
  /** Goes on to `end`, in the text before the change, and keeps or drops what lies between. */
  const go = (end: number, keep: boolean): void => {
    while (place < end) {
      const piece = pieces[index];
      if (!piece) throw new RangeError("a change reaches beyond the text that it was made on");
      const taken = Math.min(piece.length - within, end - place);
      if (keep) put(cut(piece, within, taken));
      place += taken;
      within += taken;
      if (within === piece.length) {
        index++;
        within = 0;
      }
    }
  };
  for (const op of ops) {
    if (op.type === "insert") {
      go(op.position, true);
      put({ authorId, text: op.content, length: lengthOf(op.content) });
    } else if (op.type === "delete") {
      go(op.position, true);
      go(op.position + op.length, false);
    }
  }
  const rest = pieces[index];
  if (rest) put(cut(rest, within, rest.length - within));
  for (const piece of pieces.slice(index + 1)) put(piece);
  return next;
}

function cut(piece: Piece, start: number, length: number): Piece {
  if (start === 0 && length === piece.length) return piece;
  const plain = piece.text.length === piece.length;
  const from = plain ? start : offset(piece.text, 0, start);
  const to = plain ? start + length : offset(piece.text, from, length);
  return { authorId: piece.authorId, text: piece.text.slice(from, to), length, ...(piece.from !== undefined && { from: piece.from + start }) };
}

/** The index `count` code points after `from`. */
function offset(text: string, from: number, count: number): number {
  let index = from;
  for (let left = count; left > 0; left--) index += (text.charCodeAt(index) & 0xfc00) === 0xd800 ? 2 : 1;
  return index;
}

function lengthOf(text: string): number {
  return codePointOffset(text, text.length);
}

function grown(change: Change): number {
  return change.reduce((sum, op) => sum + (op.type === "insert" ? lengthOf(op.content) : op.type === "delete" ? -op.length : 0), 0);
}

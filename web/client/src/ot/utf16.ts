/**
 * For editors, whose offsets count UTF-16 units. Offsets that fall inside a
 * surrogate pair are RangeErrors: an editor that offers them would send half a
 * character.
 */
import type { Change, Op } from "./change.ts";
import { countCodePoints, insidePair, skipCodePoints } from "./codepoints.ts";

/** A replacement; offsets are UTF-16 units in the text before all edits of the list. */
export interface Utf16Edit {
  readonly from: number;
  readonly to: number;
  readonly insert: string;
}

/** The number of code points before the UTF-16 offset. */
export function codePointOffset(text: string, utf16: number): number {
  checkOffset(text, utf16);
  return countCodePoints(text, 0, utf16);
}

/** The UTF-16 offset of the code point with that index; the length of the text for the end. */
export function utf16Offset(text: string, codePoints: number): number {
  const index = skipCodePoints(text, 0, codePoints);
  if (index < 0) throw new RangeError(`code point ${codePoints} is beyond the text`);
  return index;
}

/**
 * Ascending edits that do not overlap, as CodeMirror's `ChangeSet.iterChanges`
 * gives them, as one change on `text`. Takes one walk over the text.
 */
export function changeFromUtf16(text: string, edits: readonly Utf16Edit[]): Change {
  const ops: Op[] = [];
  let index = 0;
  let position = 0;
  for (const { from, to, insert } of edits) {
    checkOffset(text, from);
    checkOffset(text, to);
    if (from < index || to < from) throw new RangeError(`edits must ascend: ${from} to ${to} after ${index}`);
    position += countCodePoints(text, index, from);
    if (insert !== "") ops.push({ type: "insert", position, content: insert });
    const length = countCodePoints(text, from, to);
    if (length > 0) ops.push({ type: "delete", position, length });
    position += length;
    index = to;
  }
  return ops;
}

/** A change on `text` as ascending edits on it, as CodeMirror's `changes` takes them. */
export function changeToUtf16(text: string, change: Change): Utf16Edit[] {
  const edits: Utf16Edit[] = [];
  let index = 0;
  let position = 0;
  for (const op of change) {
    const from = skipCodePoints(text, index, op.position - position);
    const to = from < 0 || op.type === "insert" ? from : skipCodePoints(text, from, op.length);
    if (to < 0) throw new RangeError("the change reaches beyond the text");
    if (op.type === "insert") edits.push({ from, to: from, insert: op.content });
    else if (op.type === "delete") edits.push({ from, to, insert: "" });
    position = op.type === "insert" ? op.position : op.position + op.length;
    index = to;
  }
  return edits;
}

function checkOffset(text: string, offset: number): void {
  if (!Number.isInteger(offset) || offset < 0 || offset > text.length) {
    throw new RangeError(`offset ${offset} is outside the text`);
  }
  if (insidePair(text, offset)) throw new RangeError(`offset ${offset} is inside a surrogate pair`);
}

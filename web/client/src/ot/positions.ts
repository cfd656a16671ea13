/** Positions in a text that changes; all count code points. */
import type { Change } from "./change.ts";
import { countCodePoints } from "./codepoints.ts";

/** Where a position of the text before the change is after it. What is inserted just there comes behind it. */
export function mapPosition(position: number, change: Change): number {
  let moved = position;
  for (const op of change) {
    if (op.position >= position) break;
    if (op.type === "insert") moved += countCodePoints(op.content);
    else if (op.type === "delete") moved -= Math.min(op.length, position - op.position);
  }
  return moved;
}

/** Where a position of the text after the change was before it; inside an inserted text, where that was inserted. */
export function mapPositionBack(position: number, change: Change): number {
  let back = position;
  let shift = 0; // of what comes after the ops so far
  for (const op of change) {
    const at = op.position + shift;
    if (at >= position && op.type !== "delete") break;
    if (op.type === "insert") {
      const length = countCodePoints(op.content);
      back -= Math.min(length, position - at);
      shift += length;
    } else if (op.type === "delete") {
      if (at >= position) break;
      back += op.length;
      shift -= op.length;
    }
  }
  return back;
}

/** Where a caret is that has just made the change: behind the last thing that it did. Undefined for no change. */
export function caretAfter(change: Change): number | undefined {
  let shift = 0;
  let caret: number | undefined;
  for (const op of change) {
    if (op.type === "retain") continue;
    const length = op.type === "insert" ? countCodePoints(op.content) : -op.length;
    caret = op.position + shift + Math.max(0, length);
    shift += length;
  }
  return caret;
}

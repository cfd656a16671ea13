/** The contract's limits on a change, with room for the frame around it. */
import type { Change, Op } from "./change.ts";
import { countCodePoints, skipCodePoints } from "./codepoints.ts";

export const maxDocumentCodePoints = 262_144;
const maxOps = 500;
/** Of the ops as JSON. A change may have 16 KB; the fields around the ops stay below 1 KB. */
const maxOpsBytes = 15_000;

/**
 * Cuts a change in normal form in two: `first`, which is within the limits and
 * is sent first, and `rest`, which stands after it (empty when all fits). Both
 * together do what the change does.
 *
 * The cut is made from the end: `first` is the end of the change. So what others
 * insert meanwhile where a long text begins stands before or after all of it:
 * an insert at one place comes after those that are committed already, and had
 * the beginning of the text been sent first, theirs would come between.
 */
export function splitChange(change: Change): { readonly first: Change; readonly rest: Change } {
  const first: Op[] = [];
  let bytes = 2; // the brackets
  for (let i = change.length - 1; i >= 0; i--) {
    const op = change[i] as Op;
    const size = jsonBytes(op) + 1; // the comma
    if (first.length < maxOps && bytes + size <= maxOpsBytes) {
      first.push(op);
      bytes += size;
      continue;
    }
    const rest: Op[] = change.slice(0, i + 1);
    if (op.type === "insert" && first.length < maxOps) {
      const [begin, end] = splitInsert(op.content, maxOpsBytes - bytes - jsonBytes({ ...op, content: "" }) - 1);
      if (end !== "") first.push({ ...op, content: end });
      rest[i] = { ...op, content: begin };
    }
    return { first: first.reverse(), rest };
  }
  return { first: change, rest: [] };
}

/** The longest end of `content` whose JSON takes at most `room` bytes, after what is left. Something is always left. */
function splitInsert(content: string, room: number): [string, string] {
  // Bisects on code points: JSON's escapes make their sizes differ.
  const total = countCodePoints(content);
  let low = 0;
  let high = Math.min(total - 1, Math.max(room, 0)); // none takes less than a byte
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if (jsonBytes(content.slice(skipCodePoints(content, 0, total - middle))) - 2 <= room) low = middle;
    else high = middle - 1;
  }
  const cut = skipCodePoints(content, 0, total - low);
  return [content.slice(0, cut), content.slice(cut)];
}

/** The size of the value as JSON in UTF-8. */
function jsonBytes(value: unknown): number {
  return new TextEncoder().encode(JSON.stringify(value)).length;
}

/** The contract's limits on a change, with room for the frame around it. */
import { countCodePoints, skipCodePoints } from "./codepoints.ts";
import { growth } from "./ot.ts";
import type { Change, Op } from "./ot.ts";

export const maxDocumentCodePoints = 262_144;
const maxOps = 500;
/** Of the ops as JSON. A change may have 16 KB; the fields around the ops stay below 1 KB. */
const maxOpsBytes = 15_000;

/**
 * Cuts a change in normal form in two: `head` within the limits, and `rest`,
 * which stands after it (empty when all fits). Both together do what the change
 * does.
 */
export function splitChange(change: Change): { readonly head: Change; readonly rest: Change } {
  const head: Op[] = [];
  let bytes = 2; // the brackets
  for (let i = 0; i < change.length; i++) {
    const op = change[i] as Op;
    const size = jsonBytes(op) + 1; // the comma
    if (head.length < maxOps && bytes + size <= maxOpsBytes) {
      head.push(op);
      bytes += size;
      continue;
    }
    const after: Op[] = change.slice(i);
    if (op.type === "insert" && head.length < maxOps) {
      const [first, second] = splitInsert(op.content, maxOpsBytes - bytes - jsonBytes({ ...op, content: "" }));
      if (first !== "") head.push({ ...op, content: first });
      after[0] = { ...op, content: second };
    }
    const shift = growth(head);
    return { head, rest: after.map((later) => ({ ...later, position: later.position + shift })) };
  }
  return { head, rest: [] };
}

/** The longest beginning of `content` whose JSON takes at most `room` bytes, and what is left. */
function splitInsert(content: string, room: number): [string, string] {
  // Bisects on code points: JSON's escapes make their sizes differ.
  let low = 0;
  let high = Math.min(countCodePoints(content) - 1, Math.max(room, 0)); // none takes less than a byte
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if (jsonBytes(content.slice(0, skipCodePoints(content, 0, middle))) - 2 <= room) low = middle;
    else high = middle - 1;
  }
  const cut = skipCodePoints(content, 0, low);
  return [content.slice(0, cut), content.slice(cut)];
}

/** The size of the value as JSON in UTF-8. */
function jsonBytes(value: unknown): number {
  return new TextEncoder().encode(JSON.stringify(value)).length;
}

/**
 * The edits that make one text of another, small enough that carets and others'
 * words stay where they are: Myers, "An O(ND) Difference Algorithm and Its
 * Variations" (1986), first over lines, then over the words of what differs.
 */
import type { Utf16Edit } from "@rapport/client";

/** With more differences than this, a stretch is replaced whole. */
const mostDifferences = 1_000;

/** Ascending edits on `before`, none within a character. */
export function editsBetween(before: string, after: string): Utf16Edit[] {
  const edits = differing(split(before, /[^\n]*\n|[^\n]+/gu), split(after, /[^\n]*\n|[^\n]+/gu)).flatMap(({ at, removed, added }) =>
    removed === "" || added === ""
      ? [{ from: at, to: at + removed.length, insert: added }]
      : differing(split(removed, words), split(added, words)).map((part) => ({ from: at + part.at, to: at + part.at + part.removed.length, insert: part.added })),
  );
  return edits;
}

/** Words, stretches of space, and single other characters. */
const words = /[\p{L}\p{N}\p{M}_]+|[ \t]+|[^]/gu;

interface Difference {
  readonly at: number;
  readonly removed: string;
  readonly added: string;
}

function split(text: string, tokens: RegExp): readonly string[] {
  return text.match(tokens) ?? [];
}

function differing(before: readonly string[], after: readonly string[]): readonly Difference[] {
  let head = 0;
  while (head < before.length && head < after.length && before[head] === after[head]) head++;
  let tail = 0;
  while (tail < before.length - head && tail < after.length - head && before[before.length - 1 - tail] === after[after.length - 1 - tail]) tail++;
  const a = before.slice(head, before.length - tail);
  const b = after.slice(head, after.length - tail);
  if (a.length === 0 && b.length === 0) return [];
  const start = lengthOf(before.slice(0, head));
  const kept = path(a, b);
  const differences: Difference[] = [];
  let [x, y, at] = [0, 0, start];
  for (const [nextX, nextY] of [...kept, [a.length, b.length] as const]) {
    const removed = a.slice(x, nextX).join("");
    const added = b.slice(y, nextY).join("");
    if (removed !== "" || added !== "") differences.push({ at, removed, added });
    at += removed.length + (a[nextX]?.length ?? 0);
    x = nextX + 1;
    y = nextY + 1;
  }
  return differences;
}

/** The pairs of indexes that are kept, ascending; none where too much differs. */
function path(a: readonly string[], b: readonly string[]): readonly (readonly [number, number])[] {
  const most = Math.min(a.length + b.length, mostDifferences);
  const reach = new Map<number, number>([[1, 0]]);
  const trail: Map<number, number>[] = [];
  for (let d = 0; d <= most; d++) {
    for (let k = -d; k <= d; k += 2) {
      const down = k === -d || (k !== d && (reach.get(k - 1) ?? -1) < (reach.get(k + 1) ?? -1));
      let x = down ? (reach.get(k + 1) ?? 0) : (reach.get(k - 1) ?? 0) + 1;
      while (x < a.length && x - k < b.length && a[x] === b[x - k]) x++;
      reach.set(k, x);
      if (x >= a.length && x - k >= b.length) return back(trail, a.length, b.length);
    }
    trail.push(diagonals(reach, d));
  }
  return [];
}

/** Those that the next round can start from. */
function diagonals(reach: ReadonlyMap<number, number>, d: number): Map<number, number> {
  const kept = new Map<number, number>();
  for (let k = -d; k <= d; k += 2) kept.set(k, reach.get(k) ?? 0);
  return kept;
}

function back(trail: readonly ReadonlyMap<number, number>[], width: number, height: number): readonly (readonly [number, number])[] {
  const kept: (readonly [number, number])[] = [];
  let [x, y] = [width, height];
  for (let d = trail.length; d > 0; d--) {
    const reach = trail[d - 1];
    const k = x - y;
    const down = k === -d || (k !== d && (reach?.get(k - 1) ?? -1) < (reach?.get(k + 1) ?? -1));
    const startX = down ? (reach?.get(k + 1) ?? 0) : (reach?.get(k - 1) ?? 0);
    const startY = startX - (down ? k + 1 : k - 1);
    while (x > startX + (down ? 0 : 1) && y > startY + (down ? 1 : 0)) kept.push([--x, --y]);
    [x, y] = [startX, startY];
  }
  while (x > 0 && y > 0) kept.push([--x, --y]);
  return kept.reverse();
}

function lengthOf(tokens: readonly string[]): number {
  return tokens.reduce((sum, token) => sum + token.length, 0);
}

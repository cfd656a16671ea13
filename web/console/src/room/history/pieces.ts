/** A version as it is shown: stretches by author, and what the version's own change wrote. */
import { codePointOffset } from "@rapport/client";
import type { Run, Step } from "./timeline.ts";

export interface Shown extends Run {
  /** The first stretch of its author since another's. */
  readonly begins: boolean;
  /** Written by the change that made this version. */
  readonly fresh: boolean;
}

export function shownRuns(runs: readonly Run[], step: Step | undefined): readonly Shown[] {
  const fresh = step ? freshRanges(step) : [];
  const shown: Shown[] = [];
  let at = 0;
  let author: string | undefined;
  for (const run of runs) {
    const letters = [...run.text];
    const marks = [0, ...fresh.flatMap(({ from, to }) => [from - at, to - at]).filter((mark) => mark > 0 && mark < letters.length), letters.length];
    for (let i = 0; i + 1 < marks.length; i++) {
      const [from, to] = [marks[i] ?? 0, marks[i + 1] ?? 0];
      if (from === to) continue;
      const isFresh = fresh.some((range) => range.from <= at + from && at + to <= range.to);
      shown.push({ ...run, text: letters.slice(from, to).join(""), fresh: isFresh, begins: run.authorId !== undefined && run.authorId !== author });
      author = run.authorId;
    }
    at += letters.length;
  }
  return shown;
}

/** Where the change's insertions lie in the text after it, in code points. */
function freshRanges({ ops }: Step): readonly { readonly from: number; readonly to: number }[] {
  const ranges: { from: number; to: number }[] = [];
  let shift = 0;
  for (const op of ops) {
    if (op.type === "insert") {
      const length = codePointOffset(op.content, op.content.length);
      const from = op.position + shift;
      const before = ranges.at(-1);
      if (before?.to === from) before.to = from + length;
      else ranges.push({ from, to: from + length });
      shift += length;
    } else if (op.type === "delete") shift -= op.length;
  }
  return ranges;
}

import type { Change } from "./change.ts";
import { ComponentReader } from "./components.ts";

/** Code points that one change deletes at one place of the text after it: how many, and how many before them. */
export interface Run {
  readonly length: number;
  readonly rank: number;
}

/** Which numbers a committed change deletes too, and how many code points it deletes before them. */
export interface CommittedDeletion {
  readonly number: number;
  readonly length: number;
  readonly rank: number;
}

export interface Relation {
  /** What `unconfirmed` deletes, by the place in the local text. */
  readonly runs: ReadonlyMap<number, Run>;
  /** What both delete. */
  readonly deletions: readonly CommittedDeletion[];
  /** What `ops` insert: how much they insert before it, and how much `unconfirmed` deletes before it. */
  readonly inserts: readonly { readonly offset: number; readonly length: number; readonly after: number }[];
}

/** How a committed change lies to the unconfirmed one; both are made on one text. */
export function relate(ops: Change, unconfirmed: Change): Relation {
  const runs = new Map<number, Run>();
  const deletions: CommittedDeletion[] = [];
  const inserts: Relation["inserts"][number][] = [];
  const a = new ComponentReader(ops);
  const b = new ComponentReader(unconfirmed);
  let [offset, rank, number, local] = [0, 0, 0, 0];
  while (!a.ended || !b.ended) {
    if (a.kind === "insert") {
      inserts.push({ offset, length: a.left, after: number });
      offset += a.left;
      a.take(a.left);
      continue;
    }
    if (b.kind === "insert") {
      local += b.left;
      b.take(b.left);
      continue;
    }
    const n = Math.min(a.left, b.left);
    if (b.kind === "delete") {
      if (a.kind === "delete") deletions.push({ number, length: n, rank });
      const run = runs.get(local) ?? { length: 0, rank: number };
      runs.set(local, { ...run, length: run.length + n });
      number += n;
    } else {
      local += n;
    }
    if (a.kind === "delete") rank += n;
    a.take(n);
    b.take(n);
  }
  return { runs, deletions, inserts };
}

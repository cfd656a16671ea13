import { expect, test } from "vitest";
import { apply } from "../src/index.ts";
import type { Change } from "../src/index.ts";
import { countCodePoints } from "../src/ot/codepoints.ts";
import { splitChange } from "../src/ot/limits.ts";
import { baseSeed, Random } from "./random.ts";

/** All pieces of the change, each on the text that the one before left. */
function pieces(change: Change): Change[] {
  const all: Change[] = [];
  for (let rest = change; rest.length > 0; ) {
    const split = splitChange(rest);
    all.push(split.first);
    rest = split.rest;
    if (all.length > 10_000) throw new Error("no end");
  }
  return all;
}

function bytes(change: Change): number {
  return new TextEncoder().encode(JSON.stringify(change)).length;
}

test("a change within the limits stays whole", () => {
  const change: Change = [{ type: "insert", position: 1, content: "x" }, { type: "delete", position: 1, length: 1 }];
  expect(splitChange(change)).toEqual({ first: change, rest: [] });
});

test("pieces are within the limits, fill them, and do together what the change does", () => {
  const seed = baseSeed();
  console.log(`limits: RAPPORT_SEED=${seed}`);
  for (let round = 0; round < 40; round++) {
    const random = new Random(seed + round);
    const doc = "😀x".repeat(1_000);
    let at = 0;
    const change: Change = Array.from({ length: 1 + random.below(900) }, () => {
      at += 1;
      if (random.chance(0.3)) return { type: "delete" as const, position: at++, length: 1 };
      const size = random.chance(0.02) ? random.below(30_000) : 1 + random.below(40);
      return { type: "insert" as const, position: at, content: random.text(4).repeat(1 + Math.floor(size / 3)) };
    });
    expect(countCodePoints(doc)).toBeGreaterThan(at);
    const all = pieces(change);
    for (const piece of all) {
      expect(piece.length, `round ${round}`).toBeGreaterThan(0);
      expect(piece.length).toBeLessThanOrEqual(500);
      expect(bytes(piece)).toBeLessThanOrEqual(15_000);
    }
    expect(all.length).toBeLessThanOrEqual(2 + Math.ceil(change.length / 500) + Math.ceil(bytes(change) / 14_000));
    expect(all.reduce(apply, doc)).toBe(apply(doc, change));
  }
});

test("what JSON must escape counts with its escapes", () => {
  const content = "\u0001\"😀".repeat(5_000);
  const all = pieces([{ type: "insert", position: 0, content }]);
  expect(Math.max(...all.map(bytes))).toBeLessThanOrEqual(15_000);
  expect(all.reduce(apply, "")).toBe(content);
});

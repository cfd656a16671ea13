import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import {
  apply, changeFromUtf16, changeToUtf16, codePointOffset, compose, diff, invert, RapportError, transform, transformPair,
  utf16Offset, validate,
} from "../src/index.ts";
import type { Change } from "../src/index.ts";
import { countCodePoints } from "../src/ot/codepoints.ts";
import { baseSeed, Random } from "./random.ts";

interface Vectors {
  readonly apply: readonly { name: string; doc: string; change: Change; want: string }[];
  readonly compose: readonly { name: string; doc: string; a: Change; b: Change; want: Change }[];
  readonly transform: readonly {
    name: string; doc: string; committed: Change; change: Change; wantCommitted: Change; wantChange: Change; wantDoc: string;
  }[];
  readonly invert: readonly { name: string; doc: string; change: Change; want: Change }[];
}

// Written by the server's package: both sides must agree on every one.
const vectors = JSON.parse(
  readFileSync(new URL("../../../shared/core/ot/testdata/vectors.json", import.meta.url), "utf8"),
) as Vectors;

describe("the server's vectors", () => {
  test("there are some of each kind", () => {
    for (const cases of [vectors.apply, vectors.compose, vectors.transform, vectors.invert]) expect(cases.length).toBeGreaterThan(500);
  });
  test.each(vectors.apply)("apply: $name", ({ doc, change, want }) => {
    expect(apply(doc, change)).toBe(want);
  });
  test.each(vectors.compose)("compose: $name", ({ doc, a, b, want }) => {
    expect(compose(a, b)).toEqual(want);
    expect(apply(doc, want)).toBe(apply(apply(doc, a), b));
  });
  test.each(vectors.transform)("transform: $name", ({ doc, committed, change, wantCommitted, wantChange, wantDoc }) => {
    expect(transformPair(committed, change)).toEqual([wantCommitted, wantChange]);
    expect(transform(committed, change)).toEqual(wantChange);
    expect(apply(apply(doc, committed), wantChange)).toBe(wantDoc);
    expect(apply(apply(doc, change), wantCommitted)).toBe(wantDoc);
  });
});

describe("the server's vectors, undone", () => {
  test.each(vectors.invert)("invert: $name", ({ doc, change, want }) => {
    expect(invert(doc, change)).toEqual(want);
    expect(apply(apply(doc, change), want)).toBe(doc);
  });
});

describe("laws on random changes", () => {
  const rounds = 3000;
  const seed = baseSeed();
  console.log(`ot laws: RAPPORT_SEED=${seed}`);

  function each(offset: number, law: (random: Random, doc: string) => void): void {
    for (let i = 0; i < rounds; i++) {
      const random = new Random(seed + offset + i);
      law(random, random.chance(0.1) ? "" : random.text(12));
    }
  }

  test("both orders give one text (TP1)", () => {
    each(0, (random, doc) => {
      const a = random.change(countCodePoints(doc));
      const b = random.change(countCodePoints(doc));
      const [a2, b2] = transformPair(a, b);
      expect(apply(apply(doc, a), b2)).toBe(apply(apply(doc, b), a2));
    });
  });

  test("compose is one after the other, and associative", () => {
    each(1e6, (random, doc) => {
      const a = random.change(countCodePoints(doc));
      const afterA = apply(doc, a);
      const b = random.change(countCodePoints(afterA));
      const afterB = apply(afterA, b);
      const c = random.change(countCodePoints(afterB));
      expect(apply(doc, compose(a, b))).toBe(afterB);
      expect(compose(compose(a, b), c)).toEqual(compose(a, compose(b, c)));
    });
  });

  test("transforming against a composition is transforming against each", () => {
    each(2e6, (random, doc) => {
      const a = random.change(countCodePoints(doc));
      const b = random.change(countCodePoints(apply(doc, a)));
      const c = random.change(countCodePoints(doc));
      expect(transform(compose(a, b), c)).toEqual(transform(b, transform(a, c)));
    });
  });

  test("invert undoes", () => {
    each(3e6, (random, doc) => {
      const a = random.change(countCodePoints(doc));
      const inverse = invert(doc, a);
      expect(apply(apply(doc, a), inverse)).toBe(doc);
      expect(invert(apply(doc, a), inverse)).toEqual(compose([], a));
    });
  });

  test("diff turns one text into the other", () => {
    each(4e6, (random, doc) => {
      const other = random.chance(0.5) ? random.text(12) : apply(doc, random.change(countCodePoints(doc)));
      const change = diff(doc, other);
      expect(apply(doc, change)).toBe(other);
      if (doc === other) expect(change).toEqual([]);
    });
  });

  test("diff is on whole characters where all share halves", () => {
    const letters = ["😀", "😄", "\u{1fa00}", "𠮷", "𠮟", "a"];
    each(7e6, (random) => {
      const text = (): string => Array.from({ length: random.below(7) }, () => letters[random.below(letters.length)]).join("");
      const [before, after] = [text(), text()];
      expect(apply(before, diff(before, after))).toBe(after); // which refuses halves
    });
  });

  test("UTF-16 edits and changes say the same", () => {
    each(5e6, (random, doc) => {
      const change = random.change(countCodePoints(doc));
      const edits = changeToUtf16(doc, change);
      expect(apply(doc, changeFromUtf16(doc, edits))).toBe(apply(doc, change));
      let text = doc;
      for (const { from, to, insert } of edits.reverse()) text = text.slice(0, from) + insert + text.slice(to);
      expect(text).toBe(apply(doc, change));
    });
  });
});

test("diff leaves surrogate pairs whole", () => {
  expect(diff("a😀b", "a😁b")).toEqual([
    { type: "insert", position: 1, content: "😁" },
    { type: "delete", position: 1, length: 1 },
  ]);
  expect(diff("😀", "🨀")).toEqual([
    { type: "insert", position: 0, content: "🨀" },
    { type: "delete", position: 0, length: 1 },
  ]);
});

test("offsets convert, and half a pair is refused", () => {
  expect(codePointOffset("a😀b", 3)).toBe(2);
  expect(utf16Offset("a😀b", 2)).toBe(3);
  expect(utf16Offset("a😀b", 3)).toBe(4);
  expect(() => codePointOffset("a😀b", 2)).toThrow(RangeError);
  expect(() => utf16Offset("a😀b", 4)).toThrow(RangeError);
  expect(() => changeFromUtf16("a😀b", [{ from: 0, to: 2, insert: "" }])).toThrow(RangeError);
});

test.each<[string, Change, string]>([
  ["nothing", [], "a change has at least one insert or delete"],
  ["only retains", [{ type: "retain", position: 0, length: 3 }], "a change has at least one insert or delete"],
  ["empty content", [{ type: "insert", position: 0, content: "" }], "ops[0].content"],
  ["lone surrogate", [{ type: "insert", position: 0, content: "\ud800" }], "ops[0].content"],
  ["zero length", [{ type: "delete", position: 0, length: 0 }], "ops[0].length"],
  ["fraction", [{ type: "delete", position: 0.5, length: 1 }], "ops[0].position"],
  ["beyond the end", [{ type: "delete", position: 2, length: 4 }], "ops[0].length"],
  ["insert beyond", [{ type: "insert", position: 6, content: "x" }], "ops[0].position"],
  ["descending", [{ type: "insert", position: 2, content: "x" }, { type: "insert", position: 1, content: "x" }], "ops[1].position"],
  ["insert inside", [{ type: "delete", position: 0, length: 3 }, { type: "insert", position: 1, content: "x" }], "ops[1].position"],
  ["overlap", [{ type: "delete", position: 0, length: 3 }, { type: "delete", position: 2, length: 1 }], "ops[1].position"],
])("refuses a change: %s", (_name, change, place) => {
  let caught: unknown;
  try {
    validate(change, 5);
  } catch (error) {
    caught = error;
  }
  expect(caught).toBeInstanceOf(RapportError);
  expect((caught as RapportError).code).toBe("VALIDATION_ERROR");
  expect((caught as RapportError).detail).toContain(place);
});

import { expect, test } from "vitest";
import { compose, insertedText } from "../src/ot/operations.ts";
import type { Change } from "../src/index.ts";
import { composePlaces, placesIn, splitPlaces } from "../src/ot/places.ts";
import { placesOf } from "./places.ts";
import { baseSeed, Random } from "./random.ts";

const seed = baseSeed();
console.log(`places: RAPPORT_SEED=${seed}`);

test("what the client finds is what the server does", () => {
  for (let i = 0; i < 2_000; i++) {
    const random = new Random(seed + i);
    const [change, committed] = [random.change(12), random.change(12)];
    expect(placesIn(change, 7, committed), `seed ${seed + i}`).toEqual(placesOf(change, [{ version: 7, ops: committed }]));
  }
});

// Two texts at one place, "ab" and "cd" of one insert, and "ef" elsewhere.
const change: Change = [{ type: "insert", position: 3, content: "abcd" }, { type: "insert", position: 5, content: "ef" }];
const places = [{ offset: 0, version: 7, after: 1 }, { offset: 2, version: 7, after: 4 }, { offset: 4, version: 8, after: 0 }];

test.each<[string, Change, string, number[]]>([
  ["typing before all", [{ type: "insert", position: 0, content: "日x" }], "日xabcdef", [2, 4, 6]],
  ["typing within", [{ type: "insert", position: 4, content: "x" }], "axbcdef", [0, 3, 5]],
  ["taking a beginning out", [{ type: "delete", position: 5, length: 1 }], "abdef", [0, 2, 3]],
  ["taking a text out", [{ type: "delete", position: 5, length: 2 }], "abef", [0, -1, 2]],
  ["taking all but the last out", [{ type: "delete", position: 3, length: 4 }, { type: "delete", position: 9, length: 1 }], "f", [-1, -1, 0]],
])("places go with their text: %s", (_, later, text, offsets) => {
  expect(insertedText(compose(change, later))).toBe(text);
  const want = places.flatMap((place, i) => ((offsets[i] ?? -1) < 0 ? [] : { ...place, offset: offsets[i] }));
  expect(composePlaces(places, change, later)).toEqual(want);
});

test("a change that is cut takes its own places along", () => {
  expect(splitPlaces(places, 3)).toEqual([places.slice(0, 2), [{ offset: 1, version: 8, after: 0 }]]);
});

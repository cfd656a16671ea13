import { expect, test } from "vitest";
import { Replica } from "../src/ot/replica.ts";
import { Journal } from "../src/offline/journal.ts";
import { apply, transform } from "../src/ot/operations.ts";
import type { Change } from "../src/ot/change.ts";
import type { Step } from "../src/ot/pending.ts";
import { parseBase, parseSegment, replay } from "../src/offline/records.ts";
import type { ReplicaState } from "../src/ot/replica.ts";
import { countCodePoints } from "../src/ot/codepoints.ts";
import { baseSeed, Random } from "./random.ts";

const seed = baseSeed();
console.log(`journal: RAPPORT_SEED=${seed}`);

/** As a storage gives it back. */
function stored(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value));
}

/** Does something to the draft that may happen to it. */
function happen(draft: Replica, random: Random): void {
  const kind = random.below(10);
  if (kind < 5) draft.edit(random.change(countCodePoints(draft.text)));
  else if (kind < 6) draft.begin();
  else if (kind < 7) draft.withdraw();
  else if (kind < 8 && draft.inFlight !== undefined) draft.commitOwn(draft.inFlight.change);
  else draft.commitRemote(random.change(countCodePoints(draft.confirmed)));
}

test.each(Array.from({ length: 30 }, (_, i) => seed + i))("base and segments bring a draft back as it was at every moment: seed %i", (one) => {
  const random = new Random(one);
  const draft = new Replica(7, "😀x".repeat(200));
  const journal = new Journal();
  draft.observe((step) => journal.add(step));
  const segments = new Map<number, unknown>();
  let base: unknown;
  let bases = 0;
  for (let i = 0; i < 200; i++) {
    happen(draft, random);
    if (random.chance(0.3)) continue; // written together with what follows
    if (journal.follows) {
      const taken = journal.take();
      if (taken !== undefined) segments.set(taken.number, stored(taken.record));
    } else {
      base = stored({ format: 2, segment: journal.begin(), ...draft.save() });
      bases++;
    }
    const parsed = parseBase(base);
    if (parsed === undefined) throw new Error("the base can't be read");
    const steps: Step[] = [];
    for (let number = parsed.segment; segments.has(number); number++) steps.push(...(parseSegment(segments.get(number)) ?? []));
    const back = replay(parsed.saved, steps);
    expect(back).toEqual(draft.save());
    expect(Replica.restore(back).text).toBe(draft.text);
  }
  expect(bases).toBeLessThan(5);
  expect(segments.size).toBeGreaterThan(1);
});

test("a letter in a long text is a small write, and the journal ends where it would be long", () => {
  const draft = new Replica(1, "x".repeat(262_000));
  const journal = new Journal();
  draft.observe((step) => journal.add(step));
  draft.edit([{ type: "insert", position: 0, content: "a" }]);
  journal.begin();
  let largest = 0;
  let letters = 0;
  for (; journal.follows && letters < 5_000; letters++) {
    draft.edit([{ type: "insert", position: 1, content: "b" }, { type: "delete", position: 1, length: 1 }]);
    largest = Math.max(largest, JSON.stringify(journal.take() ?? {}).length);
  }
  expect(largest).toBeLessThan(8_192);
  expect(letters).toBeGreaterThan(200);
  expect(letters).toBeLessThan(2_000);
});

test("what an earlier version stored is read, as it was", () => {
  const flight = { clientSeq: 3, baseVersion: 4, ops: [{ type: "insert", position: 0, content: "A" }], change: [{ type: "insert", position: 1, content: "A" }], edits: 1 };
  const format1 = { format: 1, version: 5, confirmed: "bhello", inFlight: flight, buffer: [{ type: "insert", position: 7, content: "B" }], waiting: 1, nextSeq: 4 };
  const parsed = parseBase(stored(format1));
  const { format: _, ...saved } = format1;
  expect(parsed?.saved).toEqual({ ...saved, places: [] });
  expect(parsed?.segment).toBe(Infinity);
  expect(Replica.restore(parsed?.saved as ReplicaState).text).toBe("bAhelloB");
});

test.each<[string, unknown]>([
  ["another format", { format: 3, segment: 0, version: 1, confirmed: "", buffer: [], waiting: 0, nextSeq: 1 }],
  ["no segment", { format: 2, version: 1, confirmed: "", buffer: [], waiting: 0, nextSeq: 1 }],
  ["half a change in flight", { format: 2, segment: 0, version: 1, confirmed: "", inFlight: { clientSeq: 1 }, buffer: [], waiting: 0, nextSeq: 1 }],
  ["nothing", undefined],
])("no base: %s", (_name, value) => {
  expect(parseBase(value)).toBeUndefined();
});

test("a segment with a step of another version is read by nobody", () => {
  expect(parseSegment({ format: 2, steps: [{ kind: "begin" }, { kind: "wink" }] })).toBeUndefined();
  expect(parseSegment({ format: 2, steps: [{ kind: "edit", change: [{ type: "insert", position: -1, content: "x" }] }] })).toBeUndefined();
  expect(parseSegment({ format: 2, steps: [{ kind: "begin" }, { kind: "recall" }] })).toEqual([{ kind: "begin" }, { kind: "recall" }]);
});

test("a long text that is sent in pieces stays whole beside what others insert there meanwhile", () => {
  const theirs: Change = [{ type: "insert", position: 3, content: "<theirs>" }];
  const mine = "0123456789".repeat(5_000);
  for (let when = 0; when < 5; when++) {
    const draft = new Replica(0, "abcdef");
    draft.edit([{ type: "insert", position: 3, content: mine }]);
    let server = "abcdef";
    let pending = theirs;
    for (let piece = 0; draft.pending; piece++) {
      if (piece === when) {
        server = apply(server, pending);
        draft.commitRemote(pending);
      }
      const flight = draft.begin();
      if (flight === undefined) throw new Error("nothing is in flight");
      server = apply(server, flight.ops);
      pending = transform(flight.ops, pending);
      draft.commitOwn(flight.ops);
    }
    expect(draft.text).toBe(server);
    if (when < 4) expect(server.includes("<theirs>"), `before piece ${when}`).toBe(true);
    expect(server.includes(mine), `before piece ${when}`).toBe(true);
  }
});

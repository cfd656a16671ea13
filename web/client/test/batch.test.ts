import { beforeEach, expect, test } from "vitest";
import { Batcher } from "../src/meeting/batcher.ts";
import { FakeClock } from "./clock.ts";

let clock: FakeClock;
let sent: { readonly at: number; readonly items: readonly string[] }[];
let begun: number;
/** How long an answer takes. */
let latency: number;
let fail: ((items: readonly string[]) => Error | undefined);

beforeEach(() => {
  clock = new FakeClock();
  begun = clock.now();
  sent = [];
  latency = 10;
  fail = () => undefined;
});

function batcher(): Batcher<string, string> {
  const limits = { maxItems: 3, maxSize: 10, windowMs: 100, maxWaiting: 5 };
  return new Batcher(clock, limits, (item) => item.length, (items) => {
    sent.push({ at: clock.now() - begun, items });
    return new Promise((resolve, reject) => {
      const error = fail(items);
      clock.after(latency, () => (error === undefined ? resolve(items.map((item) => `${item}!`)) : reject(error)));
    });
  });
}

test("the first after a quiet time goes at once, the next wait for the window", async () => {
  const batch = batcher();
  const first = batch.add("a");
  await clock.run(20);
  void batch.add("b");
  await clock.run(20);
  void batch.add("c");
  await clock.run(1_000);
  void batch.add("d");
  await clock.run(1_000);
  expect(await first).toBe("a!");
  expect(sent).toEqual([{ at: 0, items: ["a"] }, { at: 100, items: ["b", "c"] }, { at: 1_040, items: ["d"] }]);
});

test("a full batch does not wait: by number, or by size", async () => {
  const batch = batcher();
  void batch.add("a");
  await clock.run(20);
  for (const item of ["b", "c", "d"]) void batch.add(item);
  await clock.run(20);
  void batch.add("e".repeat(7));
  void batch.add("f".repeat(7));
  await clock.run(1_000);
  expect(sent.map(({ items }) => items)).toEqual([["a"], ["b", "c", "d"], ["e".repeat(7)], ["f".repeat(7)]]);
  expect(sent[1]?.at).toBe(20);
  expect(sent[2]?.at).toBe(40);
});

test("one is under way at a time, and order is kept", async () => {
  latency = 500;
  const batch = batcher();
  const done: string[] = [];
  for (const item of ["a", "b", "c", "d", "e"]) void batch.add(item).then((out) => done.push(out));
  await clock.run(400);
  expect(sent).toHaveLength(1);
  await clock.run(2_000);
  expect(sent.map(({ items }) => items)).toEqual([["a"], ["b", "c", "d"], ["e"]]);
  expect(done).toEqual(["a!", "b!", "c!", "d!", "e!"]);
});

test("every caller hears of a failure, and the next batch goes on", async () => {
  fail = (items) => (items.includes("b") ? new Error("refused") : undefined);
  const batch = batcher();
  const all = Promise.allSettled(["a", "b", "c", "d", "e"].map((item) => batch.add(item)));
  await clock.run(1_000);
  expect((await all).map((r) => (r.status === "fulfilled" ? r.value : String(r.reason)))).toEqual([
    "a!", "Error: refused", "Error: refused", "Error: refused", "e!",
  ]);
});

test("an answer of another length fails the batch", async () => {
  const batch = new Batcher<string, string>(clock, { maxItems: 3, maxSize: 10, windowMs: 100, maxWaiting: 5 }, () => 1, () => Promise.resolve([]));
  await expect(batch.add("a")).rejects.toMatchObject({ code: "PROTOCOL" });
});

test("flush and close send what waits; then nothing more is taken", async () => {
  const batch = batcher();
  const items = ["a", "b", "c", "d", "e"].map((item) => batch.add(item));
  let closed = false;
  void batch.close().then(() => {
    closed = true;
  });
  await clock.run(0);
  await expect(batch.add("f")).rejects.toMatchObject({ code: "CLOSED" });
  expect(closed).toBe(false);
  await clock.run(40);
  expect(closed).toBe(true);
  expect(await Promise.all(items)).toEqual(["a!", "b!", "c!", "d!", "e!"]);
});

test("no more wait than may", async () => {
  const batch = batcher();
  const all = Array.from({ length: 7 }, (_, i) => batch.add(String(i)));
  const settled = Promise.allSettled(all);
  await clock.run(1_000);
  const refused = (await settled).filter((r) => r.status === "rejected");
  expect(refused.map(({ reason }) => (reason as { code: string }).code)).toEqual(["RATE_LIMITED"]);
});

import { apply, type Change, changeFromUtf16, RapportError } from "@rapport/client";
import { describe, expect, it } from "vitest";
import { loadTimeline } from "../src/room/history/load.ts";
import { shownRuns } from "../src/room/history/pieces.ts";
import { editsBetween } from "../src/room/history/textdiff.ts";
import { type Step, Timeline, unknownCharacter, wholeText } from "../src/room/history/timeline.ts";
import { mulberry32 } from "./random.ts";

const seeds = process.env["SEED"] ? [Number(process.env["SEED"])] : Array.from({ length: 30 }, (_, i) => i + 1);
const letters = ["a", "word ", "\n", "🙂", "𝄞", "e\u0301", "漢字", "ß"];

/** A random history: its steps, and the text after each. */
function randomHistory(seed: number, length: number): { readonly steps: readonly Step[]; readonly texts: readonly string[] } {
  const random = mulberry32(seed);
  const below = (n: number): number => Math.floor(random() * n);
  const texts = [""];
  const steps: Step[] = [];
  for (let version = 1; version <= length; version++) {
    const before = texts.at(-1) ?? "";
    const size = [...before].length;
    const ops: Change[number][] = [];
    const position = below(size + 1);
    if (below(3) || size === 0) ops.push({ type: "insert", position, content: letters[below(letters.length)] ?? "x" });
    if (position < size && below(2)) ops.push({ type: "delete", position, length: 1 + below(Math.min(8, size - position)) });
    steps.push({ version, authorId: `u${below(4)}`, createdAt: new Date(version * 1000).toISOString(), ops });
    texts.push(apply(before, ops));
  }
  return { steps, texts };
}

describe("a timeline", () => {
  it.each(seeds)("seed %i: has the text of every version, in any order", (seed) => {
    const { steps, texts } = randomHistory(seed, 400);
    const timeline = new Timeline();
    for (const step of steps) timeline.add(step);
    const random = mulberry32(seed + 1000);
    const versions = [timeline.last, 0, ...Array.from({ length: 60 }, () => Math.floor(random() * 401))];
    for (const version of versions) expect(wholeText(timeline.at(version)), `version ${version}`).toBe(texts[version]);
  });

  it.each(seeds)("seed %i: without its beginning, knows what is still there today, and says what isn't", (seed) => {
    const { steps, texts } = randomHistory(seed, 300);
    const oldest = 120;
    const timeline = new Timeline(oldest);
    for (const step of steps.slice(oldest - 1)) timeline.add(step);
    timeline.anchor(texts.at(-1) ?? "");
    expect(timeline.first).toBe(oldest - 1);
    for (const version of [119, 150, 200, 299, 300]) {
      const shown = [...timeline.at(version).map(({ text }) => text).join("")];
      const real = [...(texts[version] ?? "")];
      expect(shown.length).toBe(real.length);
      shown.forEach((letter, i) => expect([real[i], unknownCharacter]).toContain(letter));
    }
    expect(wholeText(timeline.at(300))).toBe(texts[300]);
    // What was deleted since is not made up.
    const goneSince = timeline.at(119).some(({ unknown }) => unknown);
    expect(wholeText(timeline.at(119)) === undefined).toBe(goneSince);
  });

  it("knows who wrote what", () => {
    const timeline = new Timeline();
    const write = (version: number, authorId: string, ops: Change): boolean => timeline.add({ version, authorId, createdAt: "", ops });
    write(1, "ada", [{ type: "insert", position: 0, content: "Hello 🙂 world" }]);
    write(2, "grace", [{ type: "insert", position: 6, content: "dear " }, { type: "delete", position: 6, length: 2 }]);
    write(3, "ada", [{ type: "insert", position: 0, content: "> " }]);
    expect(timeline.at(3)).toEqual([{ authorId: "ada", text: "> Hello " }, { authorId: "grace", text: "dear " }, { authorId: "ada", text: "world" }]);
    expect(timeline.step(2)?.authorId).toBe("grace");
    expect(timeline.step(0)).toBeUndefined();
  });

  it("takes what comes twice once, and refuses holes", () => {
    const timeline = new Timeline();
    const step = (version: number): Step => ({ version, authorId: "a", createdAt: "", ops: [{ type: "insert", position: 0, content: "x" }] });
    expect([timeline.add(step(1)), timeline.add(step(1)), timeline.add(step(2))]).toEqual([true, false, true]);
    expect(() => timeline.add(step(4))).toThrow(RangeError);
    expect(() => timeline.at(3)).toThrow(RangeError);
  });

  it("grows after it was shown", () => {
    const { steps, texts } = randomHistory(7, 300);
    const timeline = new Timeline();
    for (const step of steps) {
      timeline.add(step);
      expect(wholeText(timeline.at(step.version))).toBe(texts[step.version]);
    }
  });
});

describe("a version as it is shown", () => {
  it("marks where each author begins, and what its change wrote", () => {
    const runs = [{ authorId: "a", text: "ab🙂" }, { authorId: "b", text: "cd" }];
    const step: Step = { version: 9, authorId: "b", createdAt: "", ops: [{ type: "delete", position: 0, length: 1 }, { type: "insert", position: 5, content: "d" }] };
    expect(shownRuns(runs, step)).toEqual([
      { authorId: "a", text: "ab🙂", begins: true, fresh: false },
      { authorId: "b", text: "c", begins: true, fresh: false },
      { authorId: "b", text: "d", begins: false, fresh: true },
    ]);
  });
});

describe("reading a history", () => {
  const { steps, texts } = randomHistory(3, 950);

  /** Pages as the server gives them; `kept` is the oldest version that it has, and moves on. */
  function server(kept: () => number, pageLength = 200) {
    const calls: number[] = [];
    return {
      calls,
      changes: async (_id: string, { from = 0, limit = 50 } = {}) => {
        calls.push(from);
        if (from + 1 < kept()) throw new RapportError({ code: "HISTORY_GONE", detail: "gone", status: 410, oldest: kept() });
        const items = steps.slice(from, from + Math.min(limit, pageLength)).map((step) => ({ ...step, clientId: "c", clientSeq: step.version }));
        return { items, nextCursor: null };
      },
    };
  }
  const end = { version: 900, text: texts[900] ?? "" };
  const signal = new AbortController().signal;

  it.each([200, 37])("puts pages of %i together, and stops at the version that was asked for", async (pageLength) => {
    const progress: number[] = [];
    const timeline = await loadTimeline(server(() => 1, pageLength), "m", end, (part) => progress.push(part), signal);
    expect([timeline.first, timeline.last]).toEqual([0, 900]);
    for (const version of [0, 1, 500, 900]) expect(wholeText(timeline.at(version))).toBe(texts[version]);
    expect(progress.at(-1)).toBe(1);
  });

  it("begins where the kept history does, also when that moves on meanwhile", async () => {
    let kept = 300;
    const server1 = server(() => kept);
    const { changes } = server1;
    server1.changes = async (id, query) => {
      if (server1.calls.length === 3) kept = 420;
      return await changes(id, query);
    };
    const timeline = await loadTimeline(server1, "m", end, () => {}, signal);
    expect(timeline.last).toBe(900);
    expect(timeline.first).toBeGreaterThanOrEqual(299);
    expect(wholeText(timeline.at(900))).toBe(texts[900]);
  });

  it("is empty where nothing was written", async () => {
    const empty = server(() => 1);
    const timeline = await loadTimeline(empty, "m", { version: 0, text: "" }, () => {}, signal);
    expect([timeline.last, empty.calls.length]).toEqual([0, 0]);
  });

  it("fails where the server fails", async () => {
    const broken = { changes: () => Promise.reject(new RapportError({ code: "FORBIDDEN", detail: "no", status: 403 })) };
    await expect(loadTimeline(broken, "m", end, () => {}, signal)).rejects.toMatchObject({ code: "FORBIDDEN" });
  });
});

describe("the edits between two texts", () => {
  const applied = (before: string, after: string): string => apply(before, changeFromUtf16(before, editsBetween(before, after)));

  it.each(seeds)("seed %i: make the one of the other", (seed) => {
    const { texts } = randomHistory(seed, 200);
    const random = mulberry32(seed);
    for (let i = 0; i < 60; i++) {
      const [before, after] = [texts[Math.floor(random() * 200)] ?? "", texts[Math.floor(random() * 200)] ?? ""];
      expect(applied(before, after)).toBe(after);
    }
  });

  it("leave alone what stayed", () => {
    const before = "Agenda\n1. What the first cohort told us\n2. Questions\n\nTo do\n- Ada writes\n";
    const after = "Agenda\n1. What the second cohort told us\n2. Questions\n3. Who\n\nTo do\n- Ada writes\n";
    expect(editsBetween(before, after).map(({ from, to, insert }) => [before.slice(from, to), insert])).toEqual([["first", "second"], ["", "3. Who\n"]]);
  });

  it("are one replacement where nearly all differs", () => {
    const before = Array.from({ length: 3_000 }, (_, i) => `before ${i}`).join("\n");
    const after = Array.from({ length: 3_000 }, (_, i) => `after ${i * 7}`).join("\n");
    expect(applied(before, after)).toBe(after);
    expect(editsBetween(before, after).length).toBeLessThan(5);
  });

  it("are none between equals, and keep characters whole", () => {
    expect(editsBetween("a🙂b", "a🙂b")).toEqual([]);
    expect(applied("\u{1f601}", "\u{1f600}")).toBe("\u{1f600}");
    expect(applied("", "x\r\ny")).toBe("x\r\ny");
  });

  it.each([1, 2, 3])("seed %i: are on whole characters where all share halves", (seed) => {
    const random = mulberry32(seed);
    const letters = ["😀", "😄", "\u{1fa00}", "𠮷", "𠮟", "a", " ", "\n"];
    const text = (): string => Array.from({ length: Math.floor(random() * 9) }, () => letters[Math.floor(random() * letters.length)] ?? "").join("");
    for (let i = 0; i < 500; i++) {
      const [before, after] = [text(), text()];
      expect(applied(before, after)).toBe(after);
      expect(editsBetween(before, after).every(({ insert }) => insert.isWellFormed())).toBe(true);
    }
  });
});

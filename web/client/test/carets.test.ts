import { createHash } from "node:crypto";
import { beforeEach, describe, expect, test } from "vitest";
import { apply } from "../src/index.ts";
import type { Carets, Change, MeetingSession, NotesSession } from "../src/index.ts";
import { caretAfter, mapPosition, mapPositionBack } from "../src/ot/positions.ts";
import { baseSeed, Random } from "./random.ts";
import { Harness } from "./harness.ts";

function insert(position: number, content: string): Change {
  return [{ type: "insert", position, content }];
}

describe("positions", () => {
  const seed = baseSeed();
  console.log(`carets: RAPPORT_SEED=${seed}`);

  test("stay on their characters, there and back", () => {
    for (let round = 0; round < 300; round++) {
      const random = new Random(seed + round);
      let code = 0xe000;
      const next = () => String.fromCharCode(code++);
      const before = Array.from({ length: 12 }, next).join("");
      const change = random.change(12).map((op) => (op.type === "insert" ? { ...op, content: [...op.content].map(next).join("") } : op));
      const after = apply(before, change);
      for (let i = 0; i < before.length; i++) {
        const at = after.indexOf(before[i] ?? "");
        if (at < 0) continue;
        // Before the character, or before what was inserted in front of it.
        const moved = mapPosition(i, change);
        expect(moved).toBeLessThanOrEqual(at);
        expect([...after.slice(moved, at)].some((c) => before.includes(c))).toBe(false);
        expect(mapPosition(i + 1, change)).toBe(at + 1);
        expect(mapPositionBack(at + 1, change)).toBe(i + 1);
      }
      for (let at = 0; at <= after.length; at++) {
        const there = mapPositionBack(at, change);
        expect(there).toBeGreaterThanOrEqual(0);
        expect(there).toBeLessThanOrEqual(12);
      }
    }
  });

  test.each<[string, Change, number | undefined]>([
    ["typed", insert(3, "ab😀"), 6],
    ["deleted", [{ type: "delete", position: 3, length: 2 }], 3],
    ["replaced", [{ type: "insert", position: 3, content: "xyz" }, { type: "delete", position: 3, length: 2 }], 6],
    ["in two places", [{ type: "insert", position: 0, content: "ab" }, { type: "insert", position: 5, content: "c" }], 8],
    ["nothing", [], undefined],
  ])("the author's caret: %s", (_name, change, want) => {
    expect(caretAfter(change)).toBe(want);
  });
});

describe("in a room", () => {
  let harness: Harness;
  let notes: NotesSession;
  let meeting: MeetingSession;
  let carets: Carets;

  const keyOf = (userId: string, clientId: string) =>
    createHash("sha256").update(`${userId}\0${clientId}`).digest().subarray(0, 16).toString("base64url");

  function bob(cursor?: { anchor: number; head: number; version: number }, clientId = "c-bob"): Record<string, unknown> {
    return { userId: "bob", clientKey: keyOf("bob", clientId), displayName: "Bob", status: "active", ...(cursor === undefined ? {} : { cursor }) };
  }

  function byBob(ops: Change, clientId = "c-bob"): void {
    harness.server.append({ authorId: "bob", clientId, clientSeq: harness.server.version, ops });
  }

  function heads(): string[] {
    return carets.list.map(({ userId, anchor, head }) => `${userId} ${anchor === head ? head : `${anchor}-${head}`}`);
  }

  function told(): (string | undefined)[] {
    return harness.server.presence.map(({ fields }) => {
      const cursor = fields["cursor"] as { head: number; version: number } | undefined;
      return cursor && `${cursor.head}@${cursor.version}`;
    });
  }

  beforeEach(async () => {
    harness = new Harness(4);
    harness.server.begin("hello world");
    harness.server.roles.set("ada", "host");
    harness.server.here = [bob({ anchor: 6, head: 11, version: 1 })];
    const rapport = harness.client("ada");
    const opening = Promise.all([rapport.openNotes("m1"), rapport.openMeeting("m1")]);
    await harness.clock.run(100);
    [notes, meeting] = await opening;
    carets = notes.carets(meeting);
    await harness.clock.run(100);
  });

  test("others' are where they told, and stay on their words while this window types", async () => {
    expect(heads()).toEqual(["bob 6-11"]);
    notes.edit(insert(0, "Oh, "));
    expect(heads()).toEqual(["bob 10-15"]);
    await harness.clock.run(1_000);
    expect(heads()).toEqual(["bob 10-15"]);
    notes.edit(insert(12, "xx"));
    await harness.clock.run(1_000);
    expect(heads()).toEqual(["bob 10-17"]);
    expect(told()).toEqual([]);
  });

  test("an author's goes behind what they wrote, without a frame", async () => {
    byBob(insert(11, "!"));
    await harness.clock.run(50);
    expect(heads()).toEqual(["bob 12"]);
    byBob([{ type: "delete", position: 0, length: 6 }]);
    await harness.clock.run(50);
    expect(heads()).toEqual(["bob 0"]);
  });

  test("of two windows of one person, only the author's moves", async () => {
    harness.server.tellPresence([bob({ anchor: 2, head: 2, version: 1 }, "c-bob-2")]);
    await harness.clock.run(50);
    byBob(insert(8, "XX"), "c-bob-2");
    await harness.clock.run(50);
    expect(heads()).toEqual(["bob 6-13", "bob 10"]);
  });

  test("one that was told at an earlier version is brought to the present; at a later one, it waits for that", async () => {
    byBob(insert(0, "12345"), "c-other");
    await harness.clock.run(50);
    harness.server.tellPresence([bob({ anchor: 0, head: 3, version: 1 })]);
    await harness.clock.run(50);
    expect(heads()).toEqual(["bob 0-8"]);
    harness.server.tellPresence([bob({ anchor: 20, head: 20, version: 3 })]);
    await harness.clock.run(50);
    expect(heads()).toEqual([]);
    byBob(insert(0, "12345"), "c-other");
    await harness.clock.run(50);
    expect(heads()).toEqual(["bob 20"]);
  });

  test("who leaves takes the caret along", async () => {
    const seen: number[] = [];
    carets.onChange((list) => seen.push(list.length));
    harness.server.tellPresence([], [bob()]);
    await harness.clock.run(50);
    expect(heads()).toEqual([]);
    expect(seen.at(-1)).toBe(0);
  });

  test("this window's own is told when it is moved, not when it moves along; never shown here", async () => {
    carets.tell("active", { anchor: 5, head: 5 });
    await harness.clock.run(1_500);
    expect(told()).toEqual(["5@1"]);
    expect(harness.server.presence[0]?.fields["clientId"]).toBe(notes.clientId);
    harness.server.tellPresence([{ ...bob(), userId: "ada", clientKey: keyOf("ada", notes.clientId) }]);
    await harness.clock.run(1_500);
    harness.server.presence.length = 0;
    expect(heads()).toEqual(["bob 6-11"]);
    for (let i = 0; i < 30; i++) {
      notes.edit(insert(5 + i, "x"));
      carets.tell("active", { anchor: 6 + i, head: 6 + i });
      await harness.clock.run(100);
    }
    await harness.clock.run(5_000);
    byBob(insert(0, "123"), "c-other");
    await harness.clock.run(50);
    carets.tell("active", { anchor: 38, head: 38 }); // as editors do when the text moves
    await harness.clock.run(5_000);
    expect(told()).toEqual([]);
    carets.tell("active", { anchor: 1, head: 1 });
    await harness.clock.run(1_500);
    expect(told()).toEqual([`1@${notes.version}`]);
  });

  test("one that moved while an edit was on its way is told on the text that the others have", async () => {
    harness.network.faults.delay = 300;
    notes.edit(insert(0, "abc"));
    carets.tell("typing", { anchor: 3, head: 3 });
    await harness.clock.run(20);
    carets.tell("typing", { anchor: 9, head: 9 });
    await harness.clock.run(5_000);
    expect(told().at(-1)).toBe("9@2");
  });
});

import { beforeEach, describe, expect, test } from "vitest";
import { apply, RapportError } from "../src/index.ts";
import type { Change, NotesProblem, NotesSession, Rapport } from "../src/index.ts";
import { Refusal } from "./server.ts";
import { Harness } from "./harness.ts";

let harness: Harness;
let rapport: Rapport;

beforeEach(() => {
  harness = new Harness(7);
  harness.server.begin("hello");
  harness.server.roles.set("ada", "host");
  harness.server.roles.set("bob", "participant");
  rapport = harness.client("ada");
});

async function open(from = rapport): Promise<NotesSession> {
  const opening = from.openNotes("m1");
  await harness.clock.run(50);
  return await opening;
}

/** What the session says, in order. */
function record(session: NotesSession): string[] {
  const log: string[] = [];
  session.on("remote", (change) => log.push(`remote ${JSON.stringify(change)}`));
  session.on("reset", (text) => log.push(`reset ${text}`));
  session.on("state", (state) => log.push(`state ${state}`));
  session.on("error", ({ error, lost }) => log.push(`error ${error.code}${lost === undefined ? "" : ` lost ${lost.text}`}`));
  return log;
}

function insert(position: number, content: string): Change {
  return [{ type: "insert", position, content }];
}

function byBob(ops: Change, clientSeq = 1): void {
  harness.server.append({ authorId: "bob", clientId: "c-bob", clientSeq, ops });
}

/** The edit frames that were sent, without those sent again. */
function edits(): { baseVersion: number; clientSeq: number; ops: Change }[] {
  const texts = new Set(harness.sockets.flatMap((s) => s.sent).filter((text) => text.includes('"action":"edit"')));
  return [...texts].map((text) => JSON.parse(text) as { baseVersion: number; clientSeq: number; ops: Change });
}

describe("editing", () => {
  test("an edit shows at once and is confirmed", async () => {
    const session = await open();
    const log = record(session);
    expect(session.state).toBe("synced");
    session.edit(insert(5, " world"));
    expect(session.text).toBe("hello world");
    expect(session.confirmed).toEqual({ version: 1, text: "hello" });
    const synced = session.whenSynced();
    await harness.clock.run(50);
    await synced;
    expect(session.confirmed).toEqual({ version: 2, text: "hello world" });
    expect(log).toEqual(["state saving", "state synced"]);
  });

  test("one change is in flight, and what is typed meanwhile goes as one", async () => {
    const session = await open();
    for (const [i, c] of [..."abcde"].entries()) session.edit(insert(5 + i, c));
    await harness.clock.run(300);
    expect(edits().map(({ clientSeq, baseVersion, ops }) => ({ clientSeq, baseVersion, ops }))).toEqual([
      { clientSeq: 1, baseVersion: 1, ops: insert(5, "a") },
      { clientSeq: 2, baseVersion: 2, ops: insert(6, "bcde") },
    ]);
    expect(harness.server.content).toBe("helloabcde");
  });

  test("who types fast sends every 250 ms, and the first at once", async () => {
    const session = await open();
    for (let i = 0; i < 40; i++) {
      session.edit(insert(5 + i, "x")); // twenty a second
      await harness.clock.run(50);
      if (i === 0) expect(harness.server.content).toBe("hellox");
    }
    await harness.clock.run(300);
    expect(session.state).toBe("synced");
    expect(edits().length).toBeGreaterThanOrEqual(8);
    expect(edits().length).toBeLessThanOrEqual(10);
    await harness.clock.run(300);
    session.edit(insert(0, "y"));
    await harness.clock.run(10);
    expect(harness.server.content).toBe(`yhello${"x".repeat(40)}`);
  });

  test("ten edits do not wait for the rest of the 250 ms, and who waits for them hurries them", async () => {
    const session = await open();
    session.edit(insert(0, "x"));
    await harness.clock.run(10);
    for (let i = 0; i < 9; i++) session.edit(insert(0, "x"));
    await harness.clock.run(10);
    expect(edits()).toHaveLength(1);
    session.edit(insert(0, "x"));
    await harness.clock.run(10);
    expect(edits()).toHaveLength(2);
    session.edit(insert(0, "y"));
    const synced = session.whenSynced();
    await harness.clock.run(10);
    await synced;
    expect(harness.server.content).toBe(`y${"x".repeat(11)}hello`);
  });

  test("a change by others is given as it stands on the local text", async () => {
    const session = await open();
    const log = record(session);
    byBob(insert(5, "!"));
    session.edit([{ type: "delete", position: 0, length: 1 }, { type: "insert", position: 1, content: "J" }]);
    await harness.clock.run(50);
    expect(session.text).toBe("Jello!");
    expect(log).toContain(`remote ${JSON.stringify(insert(5, "!"))}`);
    expect(harness.server.content).toBe("Jello!");
  });

  test("another window of the same person is another", async () => {
    const [one, two] = [await open(), await open(harness.client("ada"))];
    one.edit(insert(0, "1"));
    two.edit(insert(0, "2"));
    await harness.clock.run(100);
    expect(one.text).toBe(two.text);
    expect(one.text).toHaveLength(7);
  });

  test("two sessions on one connection share the topic, and closing one leaves the other", async () => {
    const [one, two] = [await open(), await open()];
    one.edit(insert(0, "1"));
    await harness.clock.run(50);
    expect(two.text).toBe("1hello");
    one.close();
    await harness.clock.run(1_000);
    byBob(insert(0, "b"));
    await harness.clock.run(50);
    expect(two.text).toBe("b1hello");
    expect(harness.server.actions.get("unsubscribe")).toBeUndefined();
    two.close();
    await harness.clock.run(50);
    expect(harness.server.actions.get("unsubscribe")).toBe(1);
  });

  test.each<[string, Change, string]>([
    ["beyond the text", insert(6, "x"), "VALIDATION_ERROR"],
    ["nothing", [], "VALIDATION_ERROR"],
    ["half a character", insert(0, "\udc00"), "VALIDATION_ERROR"],
    ["too long a document", insert(0, "x".repeat(262_144)), "PAYLOAD_TOO_LARGE"],
  ])("refuses an edit and changes nothing: %s", async (_name, change, code) => {
    const session = await open();
    expect(() => session.edit(change)).toThrow(expect.objectContaining({ code }) as RapportError);
    expect(session.text).toBe("hello");
    expect(session.pending).toBe(false);
  });

  test("typed and deleted again before it was sent, nothing is pending", async () => {
    const session = await open();
    harness.sockets[0]?.close();
    await harness.clock.run(1);
    session.edit(insert(0, "x")); // in flight, waits for a socket
    session.edit(insert(1, "y"));
    session.edit([{ type: "delete", position: 1, length: 1 }]);
    await harness.clock.run(5_000);
    expect(harness.server.content).toBe("xhello");
    expect(harness.server.version).toBe(2);
  });

  test("a large paste goes in changes within the limits", async () => {
    const session = await open();
    const paste = '"<\n😀漢'.repeat(20_000);
    session.edit(insert(2, paste));
    session.edit([{ type: "delete", position: 0, length: 1 }]);
    await harness.clock.until(() => !session.pending);
    expect(harness.server.content).toBe(`e${paste}llo`);
    expect(harness.server.version).toBeGreaterThan(10);
    for (const { sent } of harness.sockets) {
      for (const text of sent) expect(Buffer.byteLength(text)).toBeLessThanOrEqual(16_000);
    }
  });

  test("a change of very many ops is cut too", async () => {
    harness.server.begin("x".repeat(3_000));
    const session = await open();
    session.edit(Array.from({ length: 1_200 }, (_, i) => ({ type: "insert", position: i * 2, content: String(i % 10) })));
    await harness.clock.until(() => !session.pending);
    expect(edits().map(({ ops }) => ops.length).every((n) => n <= 500)).toBe(true);
    expect(harness.server.content).toBe(session.text);
    expect(session.text).toHaveLength(4_200);
  });
});

describe("what people paste", () => {
  test("300,000 characters are refused as a whole, with what to do; what fits is sent in pieces", async () => {
    const session = await open();
    expect(() => session.edit(insert(5, "x".repeat(300_000)))).toThrow(
      "PAYLOAD_TOO_LARGE: the notes can hold 262144 characters, and with this they would have 300005: take out 37861, or insert that much less",
    );
    expect([session.text, session.pending, session.canUndo]).toEqual(["hello", false, false]);
    session.edit(insert(5, "😀".repeat(262_139))); // a million bytes
    await harness.clock.until(() => !session.pending);
    expect(harness.server.content).toBe(session.text);
    expect(harness.server.version).toBeGreaterThan(50);
    expect(() => session.edit(insert(0, "x"))).toThrow("take out 1,");
    expect(session.undo()).toBeDefined();
    await harness.clock.until(() => !session.pending);
    expect(harness.server.content).toBe("hello");
  });

  test.each([
    ["right to left", "שלום עולם, مرحبا"],
    ["marks for the direction", "a\u202eb\u202cc\u2066d\u2069"],
    ["combining marks", "e\u0301\u0323 \u0915\u094d\u0937 Z\u0351\u036b\u0343"],
    ["emoji of several characters", "👩‍👩‍👧‍👦 🏳️‍🌈 👍🏽 🇩🇪 1️⃣"],
    ["control characters and line ends", "\u0000\u0007\u001b[31m\r\n\r\u2028\ufeff\ufffe"],
    ["quotes and markup", "\"\\'<script>&amp;</script>"],
  ])("%s arrive as they are, also when others write between them", async (_name, pasted) => {
    const session = await open();
    session.edit(insert(2, pasted));
    byBob(insert(2, "b"));
    await harness.clock.run(500);
    expect(session.state).toBe("synced");
    expect(session.text).toBe(harness.server.content);
    expect(harness.server.content).toBe(`heb${pasted}llo`);
    // Others may come between any two characters, also of one sign.
    byBob(insert(4, "|"), 2);
    await harness.clock.run(500);
    expect(session.text).toBe(harness.server.content);
  });

  test.each(["\ud83d", "\ude00", "a\ude00\ud83db"])("half a character is refused, with what to do: %j", async (half) => {
    const session = await open();
    expect(() => session.edit(insert(0, half))).toThrow("ops[0].content has half of a surrogate pair: insert whole characters");
    expect([session.text, session.pending]).toEqual(["hello", false]);
  });
});

describe("what is not answered is sent again, exactly", () => {
  test("after 10 s on the same socket, transformed by others in between", async () => {
    const session = await open();
    harness.network.faults.drop = 1;
    session.edit(insert(5, "A"));
    harness.network.faults.drop = 0;
    byBob(insert(0, "bob "));
    await harness.clock.run(12_000);
    const sent = harness.sockets.flatMap((s) => s.sent).filter((text) => text.includes('"action":"edit"'));
    expect(sent.length).toBe(2);
    expect(sent[0]).toBe(sent[1]);
    expect(session.text).toBe("bob helloA");
    expect(session.state).toBe("synced");
  });

  test("after a cut, where the first had arrived", async () => {
    const session = await open();
    session.edit(insert(5, "A"));
    await harness.clock.run(1); // arrived, not answered
    harness.sockets[0]?.close();
    byBob(insert(0, "b"));
    await harness.clock.run(5_000);
    expect(harness.sockets.length).toBe(2);
    expect(harness.server.content).toBe("bhelloA");
    expect(session.text).toBe("bhelloA");
    expect([...harness.server.arrivals.values()].every((forms) => forms.size === 1)).toBe(true);
  });

  test.each(["RATE_LIMITED", "INTERNAL"])("after %s, the same bytes", async (code) => {
    const session = await open();
    harness.server.refuseEdits.push(new Refusal(code, 429), new Refusal(code, 429));
    session.edit(insert(5, "A"));
    await harness.clock.run(10_000);
    const sent = harness.sockets.flatMap((s) => s.sent).filter((text) => text.includes('"action":"edit"'));
    expect(sent.length).toBe(3);
    expect(new Set(sent).size).toBe(1);
    expect(session.confirmed.text).toBe("helloA");
  });

  test("by HTTP where no socket opens, with others' changes read too", async () => {
    const session = await open();
    harness.socketsBlocked = true;
    harness.sockets[0]?.close();
    await harness.clock.run(10);
    byBob(insert(0, "b"));
    expect(session.state).toBe("offline");
    session.edit(insert(5, "A"));
    await harness.clock.run(10_000);
    expect(harness.server.content).toBe("bhelloA");
    expect(session.text).toBe("bhelloA");
    expect(session.pending).toBe(false);
  });

  test("its own event may come before the answer, and the answer then says nothing new", async () => {
    const session = await open();
    session.edit(insert(5, "A"));
    harness.network.faults.delay = 200;
    await harness.clock.run(2_000);
    expect(session.confirmed).toEqual({ version: 2, text: "helloA" });
    expect(harness.server.version).toBe(2);
  });

  test("an answer and an event without ops are read by HTTP", async () => {
    harness.server.omitAbove = 10;
    const session = await open();
    session.edit(insert(5, "A"));
    byBob(insert(0, "b"));
    await harness.clock.run(2_000);
    expect(session.confirmed.text).toBe("bhelloA");
    expect(session.state).toBe("synced");
    expect(harness.server.actions.get("subscribe")).toBe(1);
  });
});

describe("a refused change is rolled back", () => {
  test.each<[string, number, string]>([
    ["VALIDATION_ERROR", 400, "synced"],
    ["PAYLOAD_TOO_LARGE", 413, "synced"],
    ["CONFLICT", 409, "synced"],
    ["FORBIDDEN", 403, "readonly"],
    ["MEETING_NOT_ACTIVE", 409, "readonly"],
  ])("%s", async (code, status, state) => {
    const session = await open();
    const log = record(session);
    const problems: NotesProblem[] = [];
    session.on("error", (problem) => problems.push(problem));
    harness.server.refuseEdits.push(new Refusal(code, status));
    session.edit(insert(5, "A"));
    session.edit(insert(6, "B"));
    byBob(insert(0, "b"));
    const synced = session.whenSynced();
    synced.catch(() => {});
    await harness.clock.run(100);
    await expect(synced).rejects.toMatchObject({ code });
    expect(session.text).toBe("bhello");
    expect(session.confirmed.text).toBe("bhello");
    expect(session.state).toBe(state);
    expect(log).toContain("reset bhello");
    expect(log).toContain(`error ${code} lost bhelloAB`);
    const [problem] = problems;
    expect(apply(session.text, problem?.lost?.change ?? [])).toBe("bhelloAB");
    if (state === "synced") {
      session.edit(insert(6, "C"));
      await harness.clock.run(100);
      expect(harness.server.content).toBe("bhelloC");
    } else {
      expect(() => session.edit(insert(0, "x"))).toThrow(RapportError);
    }
  });

  test("where it was committed after all, its event counts as any other's", async () => {
    const session = await open();
    session.edit(insert(5, "A"));
    const flight = edits()[0];
    harness.server.refuseEdits.push(new Refusal("FORBIDDEN", 403));
    await harness.clock.run(100);
    expect(session.text).toBe("hello");
    harness.server.append({ authorId: "ada", clientId: session.clientId, clientSeq: flight?.clientSeq ?? 0, ops: insert(5, "A") });
    await harness.clock.run(100);
    expect(session.text).toBe("helloA");
  });
});

describe("healing", () => {
  test("a text that differs from the server's hash at its version is read again, pending edits stay", async () => {
    const session = await open();
    const log = record(session);
    harness.server.content = "HELLO you"; // as if this client had gone wrong before
    harness.server.log[0] = { ...(harness.server.log[0] ?? never()), ops: insert(0, "HELLO you") };
    harness.network.faults.drop = 1;
    session.edit(insert(5, "A"));
    harness.network.faults.drop = 0;
    harness.server.head();
    await harness.clock.run(30_000);
    expect(session.confirmed.text).toBe(harness.server.content);
    expect(session.text).toBe(harness.server.content);
    expect(harness.server.content).toContain("A");
    expect(log).toContain("state reloading");
    expect(log).toContain("error PROTOCOL");
    expect(session.state).toBe("synced");
  });

  test("a hash for an earlier version says nothing", async () => {
    const session = await open();
    const log = record(session);
    byBob(insert(0, "b"));
    byBob(insert(0, "c"), 2);
    await harness.clock.run(50);
    for (const { socket } of harness.server.links) {
      socket.deliver({ type: "head", topic: "meetings/m1/notes", position: 2, hash: "0000" });
    }
    await harness.clock.run(5_000);
    expect(session.version).toBe(3);
    expect(log.filter((line) => line.startsWith("state"))).toEqual([]);
  });

  test("a server that contradicts itself is not asked without end", async () => {
    const session = await open();
    for (let i = 0; i < 60; i++) {
      harness.server.head("0000");
      await harness.clock.run(1_000);
    }
    const reads = harness.requests.filter((r) => r.url.pathname.endsWith("/notes")).length;
    expect(reads).toBeGreaterThan(1);
    expect(reads).toBeLessThan(20);
    session.close();
  });

  test("an event that does not fit is healed, not thrown", async () => {
    const session = await open();
    harness.server.log.push({ version: 2, authorId: "bob", clientId: "x", clientSeq: 1, ops: insert(99, "far"), createdAt: "" });
    harness.server.content = "hello";
    for (const link of harness.server.links) {
      link.socket.deliver({ type: "event", topic: "meetings/m1/notes", events: [{ position: 2, data: harness.server.log[1] }] });
    }
    await harness.clock.run(100);
    expect(session.version).toBe(2);
    expect(session.text).toBe("hello");
  });

  test("history that is gone: the state is read again, unsent edits become a draft", async () => {
    const session = await open();
    const log = record(session);
    harness.socketsBlocked = true;
    harness.sockets[0]?.close();
    await harness.clock.run(1);
    session.edit(insert(5, "A"));
    session.edit(insert(6, "B"));
    const synced = session.whenSynced();
    synced.catch(() => {});
    for (let i = 1; i <= 20; i++) byBob(insert(0, "b"), i);
    harness.server.horizon = 15;
    harness.socketsBlocked = false;
    await harness.clock.run(20_000);
    await expect(synced).rejects.toMatchObject({ code: "HISTORY_GONE" });
    expect(harness.server.content).toBe(`${"b".repeat(20)}hello`);
    expect(session.text).toBe(harness.server.content);
    expect(session.status).toEqual({ kind: "draft", drafts: 1, storage: "tab" });
    expect(session.drafts).toMatchObject([{ reason: "history_gone", baseVersion: 1, baseText: "hello", text: "helloAB" }]);
    expect(log).toContain("error HISTORY_GONE lost helloAB");
    const [draft] = session.drafts;
    expect(session.previewDraft(draft?.id ?? "")?.text).toBe(`${"b".repeat(20)}helloAB`);
    expect(await session.applyDraft(draft?.id ?? "")).toBe(true);
    expect(log.slice(-2).sort()).toEqual([expect.stringMatching(/^remote/), "state saving"]);
    await harness.clock.run(1_000);
    expect(harness.server.content).toBe(`${"b".repeat(20)}helloAB`);
    expect(session.status).toEqual({ kind: "saved", drafts: 0, storage: "tab" });
    session.undo();
    expect(session.text).toBe(`${"b".repeat(20)}hello`);
  });

  test("history that is gone, but the edit was committed: it is not sent twice", async () => {
    const session = await open();
    for (let i = 1; i <= 10; i++) byBob(insert(0, "b"), i);
    await harness.clock.run(100);
    harness.network.faults.drop = 1;
    for (let i = 11; i <= 15; i++) byBob(insert(0, "b"), i);
    harness.network.faults.drop = 0;
    session.edit(insert(15, "A"));
    session.edit(insert(16, "B"));
    await harness.clock.run(1); // the first arrived, as version 17
    harness.socketsBlocked = true;
    harness.sockets[0]?.close();
    await harness.clock.run(1);
    for (let i = 16; i <= 20; i++) byBob(insert(0, "b"), i);
    harness.server.horizon = 14;
    harness.socketsBlocked = false;
    await harness.clock.run(20_000);
    expect(harness.server.content).toBe(`${"b".repeat(20)}helloA`);
    expect(session.text).toBe(harness.server.content);
    expect(session.drafts).toMatchObject([{ baseText: `${"b".repeat(10)}helloA`, change: insert(16, "B") }]);
  });

  test("a server that lost its history: the edit is sent anew on what is there", async () => {
    const session = await open();
    for (let i = 1; i <= 5; i++) byBob(insert(0, "b"), i);
    await harness.clock.run(100);
    harness.sockets[0]?.close();
    await harness.clock.run(1);
    session.edit(insert(10, "A"));
    harness.server.begin("hello");
    await harness.clock.run(10_000);
    expect(session.text).toBe(harness.server.content);
    expect(harness.server.content).toBe("helloA");
    expect(session.state).toBe("synced");
  });
});

describe("rights", () => {
  test("an observer reads along and can't edit", async () => {
    harness.server.roles.set("ada", "observer");
    const session = await open();
    expect(session.state).toBe("readonly");
    expect(() => session.edit(insert(0, "x"))).toThrow(expect.objectContaining({ code: "FORBIDDEN" }) as RapportError);
    byBob(insert(0, "b"));
    await harness.clock.run(50);
    expect(session.text).toBe("bhello");
  });

  test("a changed role holds at once, in both directions", async () => {
    const session = await open();
    harness.server.setRole("ada", "observer");
    await harness.clock.run(50);
    expect(session.state).toBe("readonly");
    byBob(insert(0, "b"));
    await harness.clock.run(50);
    expect(session.text).toBe("bhello");
    harness.server.setRole("ada", "participant");
    await harness.clock.run(50);
    expect(session.state).toBe("synced");
    session.edit(insert(0, "x"));
    await harness.clock.run(50);
    expect(harness.server.content).toBe("xbhello");
  });

  test("an observer who may write since, told of it by nobody, can write when the connection is back", async () => {
    harness.server.roles.set("ada", "observer");
    const session = await open();
    expect(session.state).toBe("readonly");
    const [socket] = harness.sockets;
    socket?.close();
    harness.server.roles.set("ada", "participant");
    await harness.clock.run(30_000);
    expect(session.state).toBe("synced");
    session.edit(insert(0, "x"));
    await harness.clock.run(1_000);
    expect(harness.server.content).toBe("xhello");
  });

  test("removed: what was not confirmed comes back as lost, nothing is thrown", async () => {
    const session = await open();
    const log = record(session);
    session.edit(insert(5, "A"));
    session.edit(insert(6, "B"));
    harness.server.setRole("ada", undefined);
    await harness.clock.run(1_000);
    expect(session.state).toBe("readonly");
    expect(session.pending).toBe(false);
    expect(session.text).toBe("hello");
    expect(log.some((line) => line.startsWith("error FORBIDDEN lost helloAB"))).toBe(true);
  });

  test.each([
    ["came before", 0],
    ["comes about then", 100],
  ])("removed, and the answer to a change on a version never read %s: what the server has is no draft", async (_when, delay) => {
    const session = await open();
    const log = record(session);
    harness.network.faults.drop = 1;
    byBob(insert(0, "b"));
    harness.network.faults.drop = 0;
    harness.network.faults.delay = delay;
    session.edit(insert(5, "A"));
    while (harness.server.version < 3) await harness.clock.run(1);
    if (delay === 0) await harness.clock.run(20);
    session.edit(insert(6, "B"));
    harness.server.setRole("ada", undefined);
    await harness.clock.run(2_000);
    expect(session.pending).toBe(false);
    expect(session.text).toBe("hello");
    expect(session.status).toMatchObject({ kind: "draft", drafts: 1 });
    expect(session.drafts).toMatchObject([{ reason: "forbidden", baseText: "helloA", text: "helloAB" }]);
    expect(log.filter((line) => line.startsWith("error FORBIDDEN lost"))).toEqual(["error FORBIDDEN lost helloAB"]);
  });

  test("the meeting's end while the network is bad: the last changes are read when it is better", async () => {
    const session = await open();
    harness.network.faults.drop = 1;
    byBob(insert(0, "last "));
    harness.network.faults.drop = 0;
    harness.server.endMeeting();
    harness.network.faults.drop = 1;
    await harness.clock.run(60_000);
    expect(session.text).toBe("hello");
    harness.network.faults.drop = 0;
    await harness.clock.run(60_000);
    expect(session.text).toBe("last hello");
    expect(session.state).toBe("readonly");
  });

  test("the meeting's end: the last changes are read, the session stays readable", async () => {
    const session = await open();
    harness.network.faults.drop = 1;
    byBob(insert(0, "last "));
    harness.network.faults.drop = 0;
    harness.server.endMeeting();
    await harness.clock.run(1_000);
    expect(session.text).toBe("last hello");
    expect(session.state).toBe("readonly");
    expect(() => session.edit(insert(0, "x"))).toThrow(expect.objectContaining({ code: "MEETING_NOT_ACTIVE" }) as RapportError);
  });

  test("a meeting that is over opens readonly", async () => {
    harness.server.state = "concluded";
    const session = await open();
    expect(session.state).toBe("readonly");
    expect(session.text).toBe("hello");
    expect(harness.sockets).toHaveLength(0);
  });

  test("an ended session keeps the edits for the next token", async () => {
    const session = await open();
    harness.server.endSession("ada");
    await harness.clock.run(10);
    expect(rapport.connection.state).toEqual({ kind: "closed", reason: "session_ended" });
    session.edit(insert(5, "A"));
    await harness.clock.run(60_000);
    expect(harness.server.content).toBe("hello");
    expect(session.state).toBe("offline");
    rapport.connection.connect();
    await harness.clock.run(1_000);
    expect(harness.server.content).toBe("helloA");
    expect(session.state).toBe("synced");
  });

  test("notes that can't be read reject", async () => {
    const opening = harness.client("eve").openNotes("m1");
    opening.catch(() => {});
    await harness.clock.run(100);
    await expect(opening).rejects.toMatchObject({ code: "FORBIDDEN", status: 403 });
  });
});

test("a closed session is quiet", async () => {
  const session = await open();
  const log = record(session);
  session.edit(insert(5, "A"));
  const synced = session.whenSynced();
  synced.catch(() => {});
  session.close();
  byBob(insert(0, "b"));
  await harness.clock.run(60_000);
  await expect(synced).rejects.toMatchObject({ code: "CLOSED" });
  expect(() => session.edit(insert(0, "x"))).toThrow(expect.objectContaining({ code: "CLOSED" }) as RapportError);
  expect(log).toEqual(["state saving", "state closed"]);
  expect(rapport.connection.state).toEqual({ kind: "idle" });
});

function never(): never {
  throw new Error("the server has no first change");
}

/** Without a socket, where HTTP is answered. */
import { beforeEach, describe, expect, test } from "vitest";
import type { ConnectionState, EndReason, MeetingSession, NotesSession, Rapport } from "../src/index.ts";
import { Harness } from "./harness.ts";
import type { Answer } from "./harness.ts";

let harness: Harness;
let rapport: Rapport;
let states: ConnectionState[];

beforeEach(() => {
  harness = new Harness(29);
  harness.server.tellsPresence = true;
  harness.server.begin("hello");
  harness.server.roles.set("ada", "host");
  harness.server.roles.set("bob", "participant");
  harness.socketsBlocked = true;
  rapport = harness.client("bob");
  states = [];
  rapport.connection.onState((state) => states.push(state));
});

async function room(client = rapport, ms = 3_000): Promise<{ meeting: MeetingSession; notes: NotesSession }> {
  const opening = Promise.all([client.openMeeting("m1"), client.openNotes("m1")]);
  await harness.clock.run(ms);
  const [meeting, notes] = await opening;
  return { meeting, notes };
}

function byAda(content: string): void {
  harness.server.append({ authorId: "ada", clientId: "a", clientSeq: harness.server.version + 1, ops: [{ type: "insert", position: 0, content }] });
}

/** Requests to paths that end so, of the last so many ms. */
function asked(end: string, method = "GET"): number {
  return harness.requests.filter((r) => r.method === method && r.url.pathname.endsWith(end)).length;
}

function refuseTickets(answer: Answer | "lost" | "hanging"): void {
  harness.intercept = (r) => (r.url.pathname.endsWith("/tickets") ? answer : undefined);
}

describe("where WebSockets are blocked", () => {
  test.each([
    ["refused", true], ["without an answer", "hanging"], ["that throw", "throwing"], ["whose sockets bring nothing", "mute"], ["whose sockets end", "cut"],
  ] as const)("all works within three seconds: handshakes %s", async (_how, blocked) => {
    harness.socketsBlocked = blocked;
    const { meeting, notes } = await room(rapport, 3_200);
    expect(meeting.view?.meeting.title).toBe("Test");
    expect(meeting.view?.participants).toHaveLength(2);
    expect(meeting.live).toBe(true);
    expect(notes.status.kind).toBe("saved");
    await harness.clock.until(() => "byHttp" in rapport.connection.state && rapport.connection.state.byHttp, 5_000);
    expect(rapport.connection.state).toMatchObject({ byHttp: true, problem: { kind: "blocked" } });

    notes.edit([{ type: "insert", position: 5, content: "!" }]);
    expect(notes.status.kind).toBe("saving");
    await harness.clock.run(500);
    expect(harness.server.content).toBe("hello!");
    expect(notes.status.kind).toBe("saved");

    const heard: unknown[] = [];
    notes.on("remote", (change) => heard.push(change));
    byAda("later ");
    await harness.clock.run(3_000);
    expect(notes.text).toBe("later hello!");
    expect(heard).toHaveLength(1);
  });

  test("a socket that brings nothing is not taken for an open one again, until something comes on one", async () => {
    harness.socketsBlocked = "mute";
    const { notes } = await room(rapport, 6_000);
    states.length = 0;
    for (let i = 0; i < 30; i++) {
      notes.edit([{ type: "insert", position: 0, content: "x" }]);
      await harness.clock.run(2_000);
      expect(harness.server.content).toBe(`${"x".repeat(i + 1)}hello`);
    }
    expect(states.filter((state) => !("byHttp" in state && state.byHttp))).toEqual([]);
    harness.socketsBlocked = false;
    await harness.clock.until(() => rapport.connection.state.kind === "open", 45_000);
    const before = asked("/notes/changes", "POST");
    notes.edit([{ type: "insert", position: 0, content: "y" }]);
    await harness.clock.run(500);
    expect(harness.server.content.startsWith("y")).toBe(true);
    expect(asked("/notes/changes", "POST")).toBe(before);
  });

  test("others see who is there, and are seen, and gone at once", async () => {
    const { meeting } = await room();
    harness.socketsBlocked = false;
    const ada = harness.client("ada");
    const { meeting: adas } = await room(ada);
    adas.setPresence({ status: "active" });
    harness.socketsBlocked = true;
    meeting.setPresence({ status: "typing", cursor: { anchor: 1, head: 1, version: 1 } });
    await harness.clock.run(3_000);
    expect(adas.here.map(({ userId, status }) => `${userId} ${status}`).sort()).toEqual(["ada active", "bob typing"]);
    expect(meeting.here.map(({ userId }) => userId).sort()).toEqual(["ada", "bob"]);
    await harness.clock.run(60_000);
    expect(asked("/presence", "POST")).toBeLessThanOrEqual(5);
    expect(asked("/presence", "POST")).toBeGreaterThanOrEqual(3);
    meeting.close();
    await harness.clock.run(50);
    expect(adas.here.map(({ userId }) => userId)).toEqual(["ada"]);
  });

  test("asks every two seconds while something moves, every ten when nothing does, seldom when hidden, and not after the end", async () => {
    const { meeting, notes } = await room();
    const rounds = async (ms: number): Promise<number> => {
      const before = asked("/notes/changes");
      await harness.clock.run(ms);
      return asked("/notes/changes") - before;
    };
    await harness.clock.run(20_000);
    const quiet = await rounds(120_000);
    expect(quiet).toBeGreaterThanOrEqual(9);
    expect(quiet).toBeLessThanOrEqual(17);
    let moving = 0;
    for (let i = 0; i < 24; i++) {
      byAda("x");
      moving += await rounds(5_000);
    }
    // Each round that brings something reads once more, to know that this was all.
    expect(moving).toBeGreaterThanOrEqual(40);
    expect(moving).toBeLessThanOrEqual(130);
    harness.hidden = true;
    await harness.clock.run(20_000);
    expect(await rounds(120_000)).toBeLessThanOrEqual(6);
    const before = asked("/notes/changes");
    harness.tellNetwork(true); // The page is looked at again.
    await harness.clock.run(100);
    expect(asked("/notes/changes")).toBeGreaterThan(before);
    // Participants are read again only when the meeting has changed.
    expect(asked("/participants")).toBeLessThanOrEqual(5);
    meeting.close();
    notes.close();
    await harness.clock.run(40_000);
    expect(await rounds(120_000)).toBe(0);
    expect(rapport.connection.state.kind).toBe("idle");
  });

  test("goes over to a socket without loss, repetition or a gap in what is shown, and back", async () => {
    const { meeting, notes } = await room();
    meeting.setPresence({ status: "active" });
    const lives: boolean[] = [];
    const heres: number[] = [];
    const shown: string[] = [];
    meeting.on("live", (live) => lives.push(live));
    meeting.on("presence", (here) => heres.push(here.length));
    notes.on("status", ({ kind }) => shown.push(kind));
    let n = 0;
    const write = async (ms: number) => {
      for (let passed = 0; passed < ms; passed += 500) {
        byAda(`${n++},`);
        notes.edit([{ type: "insert", position: [...notes.text].length, content: "." }]);
        await harness.clock.run(500);
      }
    };
    await write(5_000);
    harness.socketsBlocked = false;
    await write(40_000);
    expect(rapport.connection.state.kind).toBe("open");
    expect(lives).toEqual([]);
    expect(shown).not.toContain("offline");
    expect(Math.min(...heres, 1)).toBe(1);
    harness.socketsBlocked = true;
    harness.server.links[0]?.socket.close();
    await write(30_000);
    expect(rapport.connection.state).toMatchObject({ byHttp: true, problem: { kind: "blocked" } });
    await harness.clock.until(() => !notes.pending);
    await harness.clock.run(5_000);
    expect(notes.text).toBe(harness.server.content);
    expect(notes.text.match(/\./g)).toHaveLength(150);
    expect([...harness.server.arrivals.values()].every((forms) => forms.size === 1)).toBe(true);
  });

  test("what is opened while a round is under way is asked for right after it", async () => {
    await room();
    await harness.clock.run(20_000);
    harness.network.faults = { delay: 300, drop: 0, duplicate: 0, cut: 0 };
    const before = asked("/notes/changes");
    await harness.clock.until(() => asked("/notes/changes") > before);
    const chunks: string[] = [];
    harness.server.transcript.push({ text: "hello", position: 1 });
    rapport.watchTranscript("m1", { onChunk: ({ text }) => chunks.push(text) });
    await harness.clock.run(1_500);
    expect(chunks).toEqual(["hello"]);
  });

  test("another role, a removal and the end of the meeting are noticed", async () => {
    const { meeting, notes } = await room();
    const ends: (EndReason | string)[] = [];
    meeting.on("end", (reason) => ends.push(`meeting ${reason}`));
    harness.server.setRole("bob", "observer");
    await harness.clock.run(11_000);
    expect(notes.status).toMatchObject({ kind: "readonly", why: "role" });
    harness.server.setRole("bob", "participant");
    await harness.clock.run(11_000);
    expect(notes.status.kind).toBe("saved");
    byAda("the last words, ");
    harness.server.endMeeting();
    await harness.clock.run(11_000);
    expect(meeting.view?.meeting.state).toBe("concluded");
    expect(notes.text).toBe("the last words, hello");
    expect(notes.status).toMatchObject({ kind: "readonly", why: "meeting_over" });
    expect(ends).toEqual([]);
    harness.server.setRole("bob", undefined);
    await harness.clock.run(11_000);
    expect(ends).toEqual(["meeting removed"]);
  });

  test("a meeting that was never open to the caller is refused", async () => {
    const ends: unknown[] = [];
    harness.server.roles.delete("bob");
    rapport.watchMeeting("m1", { onView: () => {}, onEnd: (reason, error) => ends.push([reason, error?.code]) });
    await harness.clock.run(3_000);
    expect(ends).toEqual([["refused", "FORBIDDEN"]]);
  });

  test("a transcript is followed to its end", async () => {
    const heard: string[] = [];
    rapport.watchTranscript("m1", { onChunk: ({ text }) => heard.push(text), onEnd: (reason) => heard.push(reason) });
    await harness.clock.run(3_000);
    const say = (text: string) => rapport.transcript.append("m1", { chunks: [{ text, confidence: 1, startMs: 0, endMs: 1, isFinal: true }] });
    void say("one");
    await harness.clock.run(11_000);
    void say("two");
    harness.server.endMeeting();
    await harness.clock.run(11_000);
    expect(heard).toEqual(["one", "two", "meeting_ended"]);
  });

  test("who is not told who is there has all the rest", async () => {
    harness.intercept = (r) => (r.url.pathname.endsWith("/presence") ? { status: 404, body: { code: "NOT_FOUND" } } : undefined);
    const { meeting, notes } = await room();
    meeting.setPresence({ status: "active" });
    await harness.clock.run(30_000);
    expect(meeting.live).toBe(true);
    expect(notes.status.kind).toBe("saved");
    expect(asked("/presence", "POST")).toBeLessThan(10);
  });

  test("with every answer late, doubled or lost, all come to the same text", async () => {
    harness.network.faults = { delay: 400, drop: 0.1, duplicate: 0, cut: 0 };
    const { notes } = await room(rapport, 60_000);
    const { notes: adas } = await room(harness.client("ada"), 60_000);
    for (let i = 0; i < 60; i++) {
      for (const each of [notes, adas]) each.edit([{ type: "insert", position: harness.random.below([...each.text].length + 1), content: `${i}` }]);
      await harness.clock.run(harness.random.below(3_000));
    }
    harness.network.faults = { delay: 0, drop: 0, duplicate: 0, cut: 0 };
    await harness.clock.run(60_000);
    expect(notes.text).toBe(harness.server.content);
    expect(adas.text).toBe(harness.server.content);
    expect(harness.server.content.length).toBe("hello".length + 2 * (10 + 50 * 2));
  });
});

describe("why there is no socket", () => {
  test("the server's words, where it gives no ticket; it is asked again when it said", async () => {
    refuseTickets({ status: 429, headers: { "retry-after": "20" }, body: { code: "RATE_LIMITED", detail: "ten windows are open" } });
    const { notes } = await room();
    expect(rapport.connection.state).toMatchObject({
      kind: "waiting", byHttp: true, problem: { kind: "refused", error: { code: "RATE_LIMITED", detail: "ten windows are open" } },
    });
    expect(notes.status.kind).toBe("saved");
    harness.intercept = () => undefined;
    harness.socketsBlocked = false;
    await harness.clock.run(16_000);
    expect(rapport.connection.state.kind).toBe("waiting");
    await harness.clock.run(10_000);
    expect(rapport.connection.state.kind).toBe("open");
  });

  test("offline is no fallback, and comes back as one", async () => {
    const { notes, meeting } = await room();
    harness.intercept = () => "lost";
    await harness.clock.run(12_000);
    expect(rapport.connection.state).toMatchObject({ byHttp: false, problem: { kind: "offline", error: { code: "NETWORK" } } });
    expect(notes.status).toMatchObject({ kind: "offline" });
    expect(meeting.live).toBe(false);
    notes.edit([{ type: "insert", position: 0, content: "x" }]);
    await harness.clock.run(60_000);
    expect(notes.status).toMatchObject({ kind: "offline", changes: 1 });
    harness.intercept = () => undefined;
    await harness.clock.run(31_000);
    expect(rapport.connection.state).toMatchObject({ byHttp: true, problem: { kind: "blocked" } });
    await harness.clock.run(31_000);
    expect(notes.status.kind).toBe("saved");
    expect(harness.server.content).toBe("xhello");
  });

  test.each(["lost", "hanging"] as const)("a request for a ticket that alone is kept away (%s) leaves all the rest", async (how) => {
    refuseTickets(how);
    const { meeting, notes } = await room(rapport, 4_000);
    expect(meeting.view?.meeting.title).toBe("Test");
    states.length = 0;
    for (let i = 0; i < 15; i++) {
      notes.edit([{ type: "insert", position: 0, content: "x" }]);
      await harness.clock.run(4_000);
      expect(notes.status.kind).toBe("saved");
    }
    expect(harness.server.content).toBe(`${"x".repeat(15)}hello`);
    expect(states.filter((state) => !("byHttp" in state && state.byHttp))).toEqual([]);
    expect(rapport.connection.state).toMatchObject({ byHttp: true, problem: { kind: "blocked" } });
  });

  test("who asks too often asks no sooner than told, and stays what it was", async () => {
    const { meeting } = await room();
    harness.intercept = (r) =>
      (r.url.pathname.endsWith("/tickets") ? undefined : { status: 429, headers: { "retry-after": "25" }, body: { code: "RATE_LIMITED" } });
    await harness.clock.run(13_000);
    const before = harness.requests.filter((r) => r.method === "GET").length;
    await harness.clock.run(11_000);
    expect(harness.requests.filter((r) => r.method === "GET").length).toBe(before);
    expect(meeting.live).toBe(true);
  });

  test("a token that is refused closes the connection", async () => {
    await room();
    harness.server.refusedTokens.add("bob");
    await harness.clock.run(15_000);
    expect(rapport.connection.state).toEqual({ kind: "closed", reason: "unauthorized" });
  });

  test("a lost socket that was not tried again yet is no failure", async () => {
    harness.socketsBlocked = false;
    await room();
    await harness.clock.run(10_000);
    harness.requests.length = 0;
    harness.server.links[0]?.socket.close();
    await harness.clock.run(1);
    expect(rapport.connection.state).toMatchObject({ kind: "waiting", byHttp: false, problem: undefined });
    await harness.clock.run(16_000);
    expect(rapport.connection.state.kind).toBe("open");
    expect(asked("/notes/changes")).toBe(0);
  });
});

import { beforeEach, describe, expect, test } from "vitest";
import type { ConnectionState, MeetingView, NotesSession, Rapport } from "../src/index.ts";
import { Harness } from "./harness.ts";
import type { Answer } from "./harness.ts";

let harness: Harness;
let rapport: Rapport;
let states: ConnectionState[];

beforeEach(() => {
  harness = new Harness(11);
  harness.server.begin("hello");
  harness.server.roles.set("ada", "host");
  rapport = harness.client("ada");
  states = [];
  rapport.connection.onState((state) => states.push(state));
});

async function open(): Promise<NotesSession> {
  const opening = rapport.openNotes("m1");
  await harness.clock.run(50);
  return await opening;
}

function byBob(content: string): void {
  const clientSeq = harness.server.version + 1;
  harness.server.append({ authorId: "bob", clientId: "b", clientSeq, ops: [{ type: "insert", position: 0, content }] });
}

function kinds(): string[] {
  return states.map(({ kind }) => kind);
}

function sent(action: string): string[] {
  return harness.sockets.flatMap((s) => s.sent).filter((text) => text.includes(`"action":"${action}"`));
}

test("nothing connects before the first topic, and nothing stays long after the last", async () => {
  await harness.clock.run(60_000);
  expect(rapport.connection.state).toEqual({ kind: "idle" });
  const session = await open();
  expect(kinds()).toEqual(["connecting", "open"]);
  session.close();
  await harness.clock.run(29_000);
  expect(rapport.connection.state.kind).toBe("open");
  await harness.clock.run(2_000);
  expect(rapport.connection.state.kind).toBe("idle");
  expect(harness.server.links).toHaveLength(0);
  await open();
  expect(rapport.connection.state.kind).toBe("open");
});

describe("coming back", () => {
  test("the waits grow, are bounded, and a stable connection makes them short again", async () => {
    await open();
    await harness.clock.run(10_000);
    harness.socketsBlocked = true;
    harness.sockets[0]?.close();
    await harness.clock.run(600_000);
    const waits = states.flatMap((s, i) => {
      const before = states[i - 1];
      return s.kind === "waiting" ? [{ attempt: s.attempt, last: before }] : [];
    });
    expect(waits.length).toBeGreaterThan(15);
    expect(waits.length).toBeLessThan(100); // 40 in the mean
    expect(waits[0]?.attempt).toBe(1);
    harness.socketsBlocked = false;
    await harness.clock.until(() => rapport.connection.state.kind === "open", 40_000);
    await harness.clock.run(10_000);
    harness.server.links[0]?.socket.close();
    await harness.clock.run(1);
    expect(rapport.connection.state).toMatchObject({ kind: "waiting", attempt: 1 });
    await harness.clock.run(15_100);
    expect(rapport.connection.state.kind).toBe("open");
  });

  test("after a mass cut the clients come back evenly within 15 s; who has something to send, within 5", async () => {
    harness.server.roles.set("bob", "participant");
    const sessions: NotesSession[] = [];
    for (let i = 0; i < 300; i++) {
      const opening = harness.client(i % 2 === 0 ? "ada" : "bob").openNotes("m1");
      await harness.clock.run(20);
      sessions.push(await opening);
    }
    await harness.clock.run(10_000);
    const writers = sessions.filter((_, i) => i % 10 === 0);
    for (const link of [...harness.server.links]) link.socket.close();
    await harness.clock.run(0);
    for (const session of writers) session.edit([{ type: "insert", position: 0, content: "x" }]);
    const back: number[] = [];
    for (let second = 0; second < 16; second++) {
      await harness.clock.run(1_000);
      back.push(harness.server.links.length);
      if (second === 4) expect(writers.every((session) => !session.pending)).toBe(true);
    }
    const perSecond = back.map((n, i) => n - (back[i - 1] ?? 0));
    expect(back[14]).toBeGreaterThan(295);
    expect(back[15]).toBe(300);
    expect(Math.max(...perSecond)).toBeLessThan(300 / 5);
    for (let second = 0; second < 15; second++) expect(perSecond[second], `second ${second}`).toBeGreaterThan(4);
  });

  test("`until` is when the next attempt is made", async () => {
    await open();
    harness.socketsBlocked = true;
    harness.sockets[0]?.close();
    await harness.clock.until(() => rapport.connection.state.kind === "waiting");
    const { state } = rapport.connection;
    if (state.kind !== "waiting") throw new Error("not waiting");
    await harness.clock.run(state.until - harness.clock.now() - 1);
    expect(rapport.connection.state).toBe(state);
    await harness.clock.run(1);
    expect(rapport.connection.state.kind).toBe("connecting");
  });

  test("at once when the machine is online again, or on `connect`", async () => {
    for (const hurry of [() => harness.tellNetwork(true), () => rapport.connection.connect()]) {
      await open();
      harness.socketsBlocked = true;
      harness.server.links[0]?.socket.close();
      await harness.clock.until(() => states.at(-1)?.kind === "waiting" && (states.at(-1) as { attempt: number }).attempt > 4);
      harness.socketsBlocked = false;
      hurry();
      expect(rapport.connection.state.kind).toBe("connecting");
      await harness.clock.run(100);
      expect(rapport.connection.state.kind).toBe("open");
    }
  });

  test("a ticket is asked for anew for each attempt, without a key that would bring the old one", async () => {
    await open();
    harness.server.links[0]?.socket.close();
    await harness.clock.run(16_000);
    const tickets = harness.requests.filter((r) => r.url.pathname.endsWith("/tickets"));
    expect(tickets).toHaveLength(2);
    expect(tickets.every((r) => r.headers["idempotency-key"] === undefined)).toBe(true);
  });

  test("RATE_LIMITED tickets wait as long as they say", async () => {
    harness.intercept = (r) =>
      r.url.pathname.endsWith("/tickets") ? { status: 429, headers: { "retry-after": "60" }, body: { code: "RATE_LIMITED" } } : undefined;
    await open();
    expect(rapport.connection.state).toMatchObject({ kind: "waiting" });
    await harness.clock.run(59_000);
    expect(harness.requests.filter((r) => r.url.pathname.endsWith("/tickets"))).toHaveLength(1);
  });
});

describe("a dead network", () => {
  test("is noticed by an unanswered frame", async () => {
    const session = await open();
    for (const socket of harness.sockets) socket.dead = true;
    session.edit([{ type: "insert", position: 0, content: "x" }]);
    await harness.clock.run(12_000);
    expect(harness.sockets).toHaveLength(2);
    expect(harness.server.content).toBe("xhello");
    expect(session.state).toBe("synced");
  });

  test("is noticed in quiet times by a ping, and the way back is short", async () => {
    await open();
    for (const socket of harness.sockets) socket.dead = true;
    await harness.clock.run(300_000 + 10_000 + 1_100);
    expect(harness.sockets).toHaveLength(2);
    expect(rapport.connection.state.kind).toBe("open");
  });

  test.each([
    ["wakes up, or the page is looked at", 11_000, true],
    ["says that its network is gone", 0, false],
  ])("is noticed in 10 s when the machine %s", async (_what, quiet, there) => {
    await open();
    for (const socket of harness.sockets) socket.dead = true;
    await harness.clock.run(quiet);
    harness.tellNetwork(there);
    await harness.clock.run(11_100);
    expect(harness.sockets).toHaveLength(2);
    expect(rapport.connection.state.kind).toBe("open");
  });

  test("is not dialled anew because the network is gone", async () => {
    await open();
    harness.socketsBlocked = true;
    harness.server.links[0]?.socket.close();
    await harness.clock.until(() => states.at(-1)?.kind === "waiting" && (states.at(-1) as { attempt: number }).attempt > 4);
    harness.tellNetwork(false);
    expect(rapport.connection.state.kind).toBe("waiting");
  });

  test("a quiet connection that lives is kept, with less than ten minutes between frames", async () => {
    await open();
    const at: number[] = [];
    for (let passed = 0; passed < 3_600_000; passed += 1_000) {
      await harness.clock.run(1_000);
      if (sent("ping").length > at.length) at.push(passed);
    }
    expect(harness.sockets).toHaveLength(1);
    const gaps = at.map((t, i) => t - (at[i - 1] ?? 0));
    for (const gap of gaps) expect(gap).toBeLessThanOrEqual(301_000);
    for (const gap of gaps.slice(1)) expect(gap).toBeGreaterThanOrEqual(239_000);
    expect(new Set(gaps).size).toBeGreaterThan(3);
  });

  test("a handshake without an end is given up", async () => {
    harness.network.faults.delay = 0;
    const opening = rapport.openNotes("m1");
    opening.catch(() => {});
    await harness.clock.until(() => harness.sockets.length === 1, 1_000, 1);
    const [first] = harness.sockets;
    if (first !== undefined) first.state = "closed"; // it never opens and never ends
    await harness.clock.run(12_000);
    expect(harness.sockets.length).toBeGreaterThan(1);
    expect(rapport.connection.state.kind).toBe("open");
  });
});

describe("handing over", () => {
  test("opens the next socket, subscribes there, and only then closes the first", async () => {
    const session = await open();
    const watched = rapport.watchMeeting("m1", { onView: () => {} });
    await harness.clock.run(10_000);
    harness.network.faults.delay = 30;
    harness.server.askToReconnect(60_000);
    let open2 = 0;
    for (let i = 0; i < 600; i++) {
      session.edit([{ type: "insert", position: 0, content: "x" }]);
      await harness.clock.run(10);
      open2 = Math.max(open2, harness.server.links.length);
      expect(rapport.connection.state.kind).toBe("open");
    }
    expect(open2).toBe(2);
    await harness.clock.run(1_000);
    expect(harness.server.links).toHaveLength(1);
    expect(harness.server.links[0]?.socket).toBe(harness.sockets[1]);
    expect(harness.server.links[0]?.topics).toEqual(new Set(["meetings/m1/notes", "meetings/m1"]));
    expect(session.text).toBe(`${"x".repeat(600)}hello`);
    expect(harness.server.content).toBe(session.text);
    expect([...harness.server.arrivals.values()].every((forms) => forms.size === 1)).toBe(true);
    watched.close();
  });

  test("keeps the first while the next can't be opened", async () => {
    const session = await open();
    await harness.clock.run(10_000);
    harness.socketsBlocked = true;
    harness.server.askToReconnect(60_000);
    await harness.clock.run(30_000);
    expect(rapport.connection.state.kind).toBe("open");
    session.edit([{ type: "insert", position: 0, content: "x" }]);
    await harness.clock.run(100);
    expect(harness.server.content).toBe("xhello");
    harness.socketsBlocked = false;
    await harness.clock.run(60_000);
    expect(harness.server.links).toHaveLength(1);
    expect(harness.server.links[0]?.socket).not.toBe(harness.sockets[0]);
  });

  test.each<[string, Answer | "lost"]>([
    ["lost", "lost"],
    ["refused for a while", { status: 429, headers: { "retry-after": "7" }, body: { code: "RATE_LIMITED" } }],
    ["refused for good", { status: 401, body: { code: "UNAUTHORIZED" } }],
    ["forbidden", { status: 403, body: { code: "FORBIDDEN" } }],
    ["broken", { status: 500 }],
  ])("a ticket that is %s leaves the first socket in place, and is asked for again", async (_name, answer) => {
    const session = await open();
    await harness.clock.run(10_000);
    harness.intercept = (r) => (r.url.pathname.endsWith("/tickets") ? answer : undefined);
    harness.server.askToReconnect(60_000);
    for (let i = 0; i < 20; i++) {
      session.edit([{ type: "insert", position: 0, content: "x" }]);
      await harness.clock.run(1_000);
      expect(rapport.connection.state.kind).toBe("open");
    }
    expect(harness.sockets).toHaveLength(1);
    harness.intercept = () => undefined;
    await harness.clock.run(60_000);
    expect(harness.server.links.map(({ socket }) => socket)).toEqual([harness.sockets[1]]);
    expect(harness.server.content).toBe(`${"x".repeat(20)}hello`);
    expect(session.state).toBe("synced");
  });

  test("a next socket that dies before its subscriptions are answered gives way to the first again", async () => {
    const session = await open();
    const watched = rapport.watchMeeting("m1", { onView: () => {} });
    await harness.clock.run(10_000);
    harness.network.faults.delay = 100;
    harness.server.askToReconnect(60_000);
    await harness.clock.until(() => harness.sockets[1]?.sent.length === 2, 10_000, 1);
    const shown = [session.state];
    session.on("state", (state) => shown.push(state));
    harness.sockets[1]?.close();
    await harness.clock.run(0);
    expect(rapport.connection.state.kind).toBe("open");
    expect(harness.sockets[0]?.state).toBe("open");
    byBob("while only the first is there ");
    session.edit([{ type: "insert", position: 0, content: "x" }]);
    await harness.clock.run(300);
    expect(session.confirmed.text).toBe(harness.server.content);
    await harness.clock.run(20_000);
    expect(harness.server.links.map(({ socket }) => socket)).toEqual([harness.sockets.at(-1)]);
    expect(harness.server.links[0]?.topics).toEqual(new Set(["meetings/m1/notes", "meetings/m1"]));
    expect(session.text).toBe(harness.server.content);
    expect(shown.includes("offline")).toBe(false);
    watched.close();
  });

  test("the first may die before the next is there", async () => {
    const session = await open();
    await harness.clock.run(10_000);
    harness.network.faults.delay = 200;
    harness.server.askToReconnect(60_000);
    session.edit([{ type: "insert", position: 0, content: "x" }]);
    await harness.clock.until(() => harness.sockets.length === 2, 10_000, 1);
    harness.sockets[0]?.close();
    byBob("b");
    await harness.clock.run(5_000);
    expect(harness.sockets).toHaveLength(2);
    expect(session.state).toBe("synced");
    expect(session.text).toBe(harness.server.content);
    expect(harness.server.version).toBe(3);
  });

  test("an edit that the first did not answer is repeated on the next, byte for byte, soon", async () => {
    const session = await open();
    await harness.clock.run(10_000);
    harness.network.faults.delay = 20;
    harness.server.askToReconnect(60_000);
    await harness.clock.until(() => harness.sockets.length === 2, 10_000, 1);
    harness.server.silent = harness.server.links[0];
    session.edit([{ type: "insert", position: 0, content: "x" }]);
    await harness.clock.run(4_000);
    const [first, next] = harness.sockets.map(({ sent }) => sent.filter((text) => text.includes('"edit"')));
    expect(first).toHaveLength(1);
    expect(next).toEqual(first);
    expect(harness.server.content).toBe("xhello");
    expect(harness.server.version).toBe(2);
    expect(session.state).toBe("synced");
  });

  test("a server that asks on every socket is not followed in a busy loop", async () => {
    await open();
    for (let i = 0; i < 600; i++) {
      harness.server.askToReconnect(60_000);
      await harness.clock.run(100);
    }
    expect(harness.sockets.length).toBeLessThan(40);
  });
});

describe("closed", () => {
  test("by the caller: nothing comes back by itself, `connect` takes all up again", async () => {
    const session = await open();
    rapport.connection.close();
    expect(rapport.connection.state).toEqual({ kind: "closed", reason: "caller" });
    session.edit([{ type: "insert", position: 0, content: "x" }]);
    await harness.clock.run(600_000);
    expect(harness.sockets).toHaveLength(1);
    expect(session.state).toBe("offline");
    rapport.connection.connect();
    await harness.clock.run(100);
    expect(harness.server.content).toBe("xhello");
  });

  test("by a token that is refused even when asked for anew", async () => {
    await open();
    harness.server.refusedTokens.add("ada");
    harness.server.links[0]?.socket.close();
    await harness.clock.run(16_000);
    expect(rapport.connection.state).toEqual({ kind: "closed", reason: "unauthorized" });
    const before = harness.requests.length;
    await harness.clock.run(600_000);
    expect(harness.requests.length).toBe(before);
  });

  test("`Rapport.close` leaves nothing behind", async () => {
    const session = await open();
    rapport.watchMeeting("m1", { onView: () => {} });
    await harness.clock.run(100);
    rapport.close();
    await harness.clock.run(2_000);
    expect(harness.clock.waiting).toBe(0); // Node would wait for a timer before it ends.
    await harness.clock.run(60_000);
    expect(session.state).toBe("closed");
    expect(harness.server.links).toHaveLength(0);
    expect(rapport.connection.state).toEqual({ kind: "closed", reason: "caller" });
  });
});

describe("watchMeeting", () => {
  test("gives the whole now and after each change, also across a cut", async () => {
    const views: MeetingView[] = [];
    const watched = rapport.watchMeeting("m1", { onView: (view) => views.push(view) });
    await harness.clock.run(50);
    expect(views).toHaveLength(1);
    harness.server.roles.set("bob", "participant");
    harness.server.touch();
    await harness.clock.run(50);
    harness.server.links[0]?.socket.close();
    await harness.clock.run(1);
    harness.server.state = "concluded";
    harness.server.touch();
    await harness.clock.run(16_000);
    expect(views.map(({ meeting, participants }) => [meeting.revision, meeting.state, participants.length])).toEqual([
      [1, "active", 1],
      [2, "active", 2],
      [3, "concluded", 2],
    ]);
    watched.close();
    harness.server.touch();
    await harness.clock.run(5_000);
    expect(views).toHaveLength(3);
    expect(sent("unsubscribe")).toHaveLength(1);
  });

  test("asks again when the state does not come", async () => {
    const views: MeetingView[] = [];
    harness.network.faults.drop = 0.5;
    rapport.watchMeeting("m1", { onView: (view) => views.push(view) });
    await harness.clock.run(120_000);
    expect(views.at(-1)?.meeting.revision).toBe(1);
  });

  test("tells why it ended: removed, or refused", async () => {
    const ends: unknown[] = [];
    rapport.watchMeeting("m1", { onView: () => {}, onEnd: (reason) => ends.push(reason) });
    harness.client("eve").watchMeeting("m1", { onView: () => {}, onEnd: (reason, error) => ends.push([reason, error?.code]) });
    await harness.clock.run(50);
    expect(ends).toEqual([["refused", "FORBIDDEN"]]);
    harness.server.setRole("ada", undefined);
    await harness.clock.run(50);
    expect(ends).toEqual([["refused", "FORBIDDEN"], "removed"]);
  });

  test("opened and closed quickly, the last word counts", async () => {
    await open();
    let seen = 0;
    harness.network.faults.delay = 50;
    for (let i = 0; i < 20; i++) {
      const watched = rapport.watchMeeting("m1", { onView: () => {} });
      await harness.clock.run(harness.random.below(40));
      watched.close();
    }
    rapport.watchMeeting("m1", { onView: () => seen++ });
    await harness.clock.run(5_000);
    expect(seen).toBe(1);
    harness.server.touch();
    await harness.clock.run(100);
    expect(seen).toBe(2);
  });
});

describe("a log topic", () => {
  test("replays a long history in pieces", async () => {
    const session = await open();
    harness.server.links[0]?.socket.close();
    await harness.clock.run(1);
    for (let i = 1; i <= 3_500; i++) {
      harness.server.append({ authorId: "bob", clientId: "b", clientSeq: i, ops: [{ type: "insert", position: 0, content: "b" }] });
    }
    await harness.clock.run(25_000);
    expect(session.version).toBe(3_501);
    expect(sent("subscribe")).toHaveLength(1 + 4);
  });

  test("a missing event is asked for again from its own position", async () => {
    const session = await open();
    harness.network.faults.drop = 1;
    harness.server.append({ authorId: "bob", clientId: "b", clientSeq: 1, ops: [{ type: "insert", position: 0, content: "1" }] });
    harness.network.faults.drop = 0;
    harness.server.append({ authorId: "bob", clientId: "b", clientSeq: 2, ops: [{ type: "insert", position: 0, content: "2" }] });
    await harness.clock.run(400);
    expect(session.version).toBe(1);
    await harness.clock.run(300);
    expect(session.text).toBe("21hello");
    expect(sent("subscribe").map((text) => (JSON.parse(text) as { from: number }).from)).toEqual([1, 1]);
  });

  test("after an unprompted head it waits half a second for what may be on its way", async () => {
    const session = await open();
    harness.network.faults.drop = 1;
    harness.server.append({ authorId: "bob", clientId: "b", clientSeq: 1, ops: [{ type: "insert", position: 0, content: "1" }] });
    harness.network.faults.drop = 0;
    harness.server.head();
    await harness.clock.run(450);
    expect(sent("subscribe")).toHaveLength(1);
    await harness.clock.run(100);
    expect(session.text).toBe("1hello");
    expect(sent("subscribe")).toHaveLength(2);
  });

  test("a server that never brings what it announces is asked ever more rarely", async () => {
    const session = await open();
    for (const { socket } of harness.server.links) {
      socket.deliver({ type: "event", topic: "meetings/m1/notes", events: [{ position: 9, data: {} }] });
    }
    await harness.clock.run(600_000);
    expect(sent("subscribe").length).toBeGreaterThan(3);
    expect(sent("subscribe").length).toBeLessThan(150);
    session.close();
  });

  test("frames that are no frames, or unknown ones, do no harm", async () => {
    const session = await open();
    for (const { socket } of harness.server.links) {
      for (const odd of [null, 1, [], {}, { message: "Internal server error" }, { type: "news" }, { type: "event" }, { type: "head", topic: 3 },
        { type: "event", topic: "meetings/m1/notes", events: [null, { position: "x" }, {}] }, { type: "ack", id: "77" }, { type: "revoked" }]) {
        socket.deliver(odd);
      }
    }
    await harness.clock.run(1_000);
    session.edit([{ type: "insert", position: 0, content: "x" }]);
    await harness.clock.run(50);
    expect(session.confirmed.text).toBe("xhello");
  });
});

test("a callback that throws does not keep others from theirs", async () => {
  const caught: unknown[] = [];
  const listener = (error: unknown) => caught.push(error);
  const before = process.listeners("uncaughtException");
  process.removeAllListeners("uncaughtException");
  process.on("uncaughtException", listener);
  try {
    const session = await open();
    session.on("state", () => {
      throw new Error("in a callback");
    });
    session.edit([{ type: "insert", position: 0, content: "x" }]);
    await harness.clock.run(50);
    expect(session.confirmed.text).toBe("xhello");
    expect(caught.map(String)).toEqual(["Error: in a callback", "Error: in a callback"]);
  } finally {
    process.removeListener("uncaughtException", listener);
    for (const each of before) process.on("uncaughtException", each);
  }
});

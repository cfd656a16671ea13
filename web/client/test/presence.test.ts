import { beforeEach, describe, expect, test } from "vitest";
import type { MeetingSession, MeetingView, Rapport } from "../src/index.ts";
import { Harness } from "./harness.ts";

let harness: Harness;
let rapport: Rapport;

beforeEach(() => {
  harness = new Harness(3);
  harness.server.begin("hello");
  harness.server.roles.set("ada", "host");
  harness.server.roles.set("bob", "participant");
  harness.server.here = [someone("bob", "b1", { at: "2029-12-31T00:00:00Z" })];
  rapport = harness.client("ada");
});

function someone(userId: string, clientKey: string, more: Record<string, unknown> = {}): Record<string, unknown> {
  return { userId, clientKey, displayName: userId, status: "active", ...more };
}

async function open(): Promise<MeetingSession> {
  const opening = rapport.openMeeting("m1");
  await harness.clock.run(50);
  return await opening;
}

/** Every presence frame; `seq` counts from the first. */
function told(): { at: number; seq: number; status: unknown; head: unknown; clientId: unknown }[] {
  const first = Number(harness.server.presence[0]?.fields["seq"]);
  return harness.server.presence.map(({ at, fields }) => ({
    at: at - Date.UTC(2030, 0, 1), seq: Number(fields["seq"]) - first + 1, status: fields["status"], clientId: fields["clientId"],
    head: (fields["cursor"] as { head: number } | undefined)?.head,
  }));
}

function keys(session: MeetingSession): string[] {
  return session.here.map(({ clientKey }) => clientKey);
}

describe("telling", () => {
  test("nothing before the first call, then the latest at most once a second, the last one too", async () => {
    const session = await open();
    await harness.clock.run(5_000);
    expect(told()).toEqual([]);
    for (let i = 0; i <= 35; i++) {
      session.setPresence({ status: "active", cursor: { anchor: i, head: i, version: 1 } });
      await harness.clock.run(100);
    }
    await harness.clock.run(2_000);
    const gaps = told().map(({ at }, i) => at - (told()[i - 1]?.at ?? -Infinity));
    for (const gap of gaps) expect(gap).toBeGreaterThanOrEqual(1_000);
    expect(told().map(({ head }) => head)).toEqual([0, 9, 19, 29, 35]);
    expect(told().map(({ seq }) => seq)).toEqual([1, 2, 3, 4, 5]);
  });

  test("repeated every 20 s, never the same number twice", async () => {
    const session = await open();
    session.setPresence({ status: "active" });
    await harness.clock.run(100_500);
    expect(told().map(({ at }, i) => Math.round((at - (told()[i - 1]?.at ?? at)) / 1000))).toEqual([0, 20, 20, 20, 20, 20]);
    session.setPresence({ status: "active" });
    await harness.clock.run(500);
    expect(told()).toHaveLength(6);
    session.close();
    await harness.clock.run(100_000);
    expect(told().map(({ status }) => status)).toEqual(["active", "active", "active", "active", "active", "active", "gone"]);
  });

  test("a caret that nobody sees is not told before somebody comes", async () => {
    harness.server.here = [someone("ada", "a1")];
    const session = await open();
    session.setPresence({ status: "active" });
    await harness.clock.run(2_000);
    session.setPresence({ status: "active", cursor: { anchor: 1, head: 1, version: 1 } });
    await harness.clock.run(5_000);
    expect(told()).toHaveLength(1);
    harness.server.tellPresence([someone("bob", "b1")]);
    await harness.clock.run(50);
    expect(told().map(({ head }) => head)).toEqual([undefined, 1]);
  });

  test("goes on after a cut, and on the next socket of a handover: same client, next number", async () => {
    const session = await open();
    session.setPresence({ status: "typing" });
    await harness.clock.run(10_000);
    harness.server.askToReconnect(60_000);
    await harness.clock.run(10_000);
    harness.sockets[1]?.close();
    await harness.clock.run(20_000);
    const sockets = new Set(harness.server.presence.map(({ socket }) => socket));
    expect([...sockets]).toEqual(harness.sockets);
    expect(told().map(({ seq }) => seq)).toEqual(told().map((_, i) => i + 1));
    expect(new Set(told().map(({ clientId }) => clientId)).size).toBe(1);
    expect(told().every(({ status }) => status === "typing")).toBe(true);
  });

  test("finds a dead socket within a minute and a half", async () => {
    const session = await open();
    session.setPresence({ status: "active" });
    await harness.clock.run(1_000);
    for (const socket of harness.sockets) socket.dead = true;
    await harness.clock.run(90_000);
    expect(harness.sockets).toHaveLength(2);
    expect(rapport.connection.state.kind).toBe("open");
  });
});

describe("hearing", () => {
  test("everybody after subscribing, then changes", async () => {
    const session = await open();
    const heard: string[][] = [];
    session.on("presence", (here) => heard.push(here.map(({ clientKey, status }) => `${clientKey} ${status}`)));
    expect(keys(session)).toEqual(["b1"]);
    harness.server.tellPresence([someone("bob", "b2", { status: "typing", cursor: { anchor: 1, head: 3, version: 1 } })]);
    await harness.clock.run(50);
    harness.server.tellPresence([someone("bob", "b1", { status: "idle" })], [{ userId: "bob", clientKey: "b2" }]);
    await harness.clock.run(50);
    harness.server.tellPresence([someone("bob", "b1", { status: "idle" })]); // nothing new
    await harness.clock.run(50);
    expect(heard).toEqual([["b1 active", "b2 typing"], ["b1 idle"]]);
  });

  test("who left while the socket was away is gone after it is back", async () => {
    const session = await open();
    harness.server.tellPresence([someone("cyd", "c1")]);
    await harness.clock.run(50);
    expect(keys(session)).toEqual(["b1", "c1"]);
    harness.sockets[0]?.close();
    await harness.clock.run(20_000);
    expect(keys(session)).toEqual(["b1"]);
    harness.server.here = [];
    harness.sockets[1]?.close();
    await harness.clock.run(25_000);
    expect(keys(session)).toEqual([]);
  });

  test("of one client the latest counts, in whatever order frames come", async () => {
    const session = await open();
    const at = (second: number) => ({ at: new Date(Date.UTC(2030, 0, 1, 0, 0, second)).toISOString() });
    harness.server.tellPresence([someone("bob", "b1", { status: "typing", ...at(5) })]);
    harness.server.tellPresence([someone("bob", "b1", { status: "idle", ...at(4) })], [{ userId: "bob", clientKey: "b1", ...at(3) }]);
    await harness.clock.run(50);
    expect(session.here.map(({ status }) => status)).toEqual(["typing"]);
    harness.server.tellPresence([], [{ userId: "bob", clientKey: "b1", ...at(5) }]);
    harness.server.tellPresence([someone("bob", "b1", at(4))]);
    await harness.clock.run(50);
    expect(session.here).toEqual([]);
    harness.server.tellPresence([someone("bob", "b1", at(60))]);
    await harness.clock.run(50);
    expect(keys(session)).toEqual(["b1"]);
  });

  test("odd frames do no harm", async () => {
    const session = await open();
    for (const odd of [{}, { here: 3 }, { here: [null, 1, { userId: "x" }], left: ["b1", {}] }, { here: [someone("cyd", "c", { status: 7, cursor: { anchor: -1 } })] }]) {
      harness.sockets[0]?.deliver({ type: "presence", topic: "meetings/m1", ...odd });
    }
    await harness.clock.run(50);
    expect(session.here).toEqual([someone("bob", "b1"), someone("cyd", "c")]);
  });

  test("the meeting's state comes too, and its end", async () => {
    const session = await open();
    const views: MeetingView[] = [];
    const ends: unknown[] = [];
    session.on("view", (view) => views.push(view));
    session.on("end", (reason) => ends.push(reason));
    expect(session.view?.meeting.revision).toBe(1);
    harness.server.touch();
    await harness.clock.run(50);
    expect(views.map(({ meeting }) => meeting.revision)).toEqual([2]);
    expect(session.here).not.toEqual([]);
    harness.server.setRole("ada", undefined);
    await harness.clock.run(50);
    expect(ends).toEqual(["removed"]);
    expect(session.here).toEqual([]);
    session.setPresence({ status: "active" });
    await harness.clock.run(50_000);
    expect(told()).toEqual([]);
  });
});

describe("leaving", () => {
  test("is told at once, before the topic is left; who was never told of hears nothing", async () => {
    harness.server.tellsPresence = true;
    harness.server.here = [];
    const session = await open();
    const opening = harness.client("bob").openMeeting("m1");
    await harness.clock.run(50);
    const bobs = await opening;
    session.setPresence({ status: "active" });
    await harness.clock.run(100);
    expect(bobs.here.map(({ userId }) => userId)).toEqual(["ada"]);
    session.close();
    session.setPresence({ status: "typing" });
    await harness.clock.run(10);
    expect(bobs.here).toEqual([]);
    const actions = (harness.sockets[0]?.sent ?? []).map((text) => JSON.parse(text) as Record<string, unknown>);
    expect(actions.map(({ action, status }) => [action, status])).toEqual([
      ["subscribe", undefined], ["presence", "active"], ["presence", "gone"], ["unsubscribe", undefined],
    ]);
    bobs.close();
    await harness.clock.run(5_000);
    expect(told().map(({ status }) => status)).toEqual(["active", "gone"]);
  });

  test("with the client, the socket stays until that is answered, two seconds at most", async () => {
    for (const silent of [false, true]) {
      harness = new Harness(3);
      harness.server.roles.set("ada", "host");
      rapport = harness.client("ada");
      const session = await open();
      session.setPresence({ status: "active" });
      await harness.clock.run(2_000);
      if (silent) harness.server.silent = harness.server.links[0];
      rapport.close();
      expect(rapport.connection.state).toEqual({ kind: "closed", reason: "caller" });
      await harness.clock.run(silent ? 1_900 : 50);
      expect(harness.sockets[0]?.state).toBe(silent ? "open" : "closed");
      await harness.clock.run(200);
      expect(harness.sockets[0]?.state).toBe("closed");
      expect(told().at(-1)?.status).toBe(silent ? "active" : "gone");
      await harness.clock.run(60_000);
      expect(harness.clock.waiting).toBe(0);
    }
  });

  test("a server that knows no goodbye does no harm, and too early a one is repeated", async () => {
    for (const code of ["VALIDATION_ERROR", "RATE_LIMITED"]) {
      const session = await open();
      session.setPresence({ status: "active" });
      await harness.clock.run(2_000);
      harness.server.refusePresence.push(code);
      session.close();
      await harness.clock.run(2_000);
      expect(harness.server.links[0]?.topics.size).toBe(0);
      expect(told().at(-1)?.status).toBe(code === "RATE_LIMITED" ? "gone" : "active");
    }
  });

  test("of the server's doing, there is nothing left to tell", async () => {
    const session = await open();
    session.setPresence({ status: "active" });
    await harness.clock.run(2_000);
    harness.server.setRole("ada", undefined);
    await harness.clock.run(2_000);
    expect(told().map(({ status }) => status)).toEqual(["active"]);
  });
});

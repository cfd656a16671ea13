/** What an answer brings about is done before the frame that follows it, also where one turn brings several. */
import { beforeEach, describe, expect, test } from "vitest";
import type { MeetingSession, NotesSession, Rapport } from "../src/index.ts";
import { Harness } from "./harness.ts";

let harness: Harness;
let rapport: Rapport;

beforeEach(() => {
  harness = new Harness(17);
  harness.network.gatherMs = 2;
  harness.server.begin("hello");
  harness.server.roles.set("ada", "host");
  harness.server.roles.set("bob", "participant");
  harness.server.here = [{ userId: "bob", clientKey: "b1", displayName: "bob", status: "active" }];
  rapport = harness.client("ada");
});

async function meeting(): Promise<MeetingSession> {
  const opening = rapport.openMeeting("m1");
  await harness.clock.run(50);
  return await opening;
}

async function notes(): Promise<NotesSession> {
  const opening = rapport.openNotes("m1");
  await harness.clock.run(50);
  return await opening;
}

/** Frames in one packet, as from the server. */
function deliver(...frames: unknown[]): void {
  for (const frame of frames) harness.sockets.at(-1)?.deliver(frame);
}

/** The id of the last frame with that action. */
function lastId(action: string): unknown {
  const text = harness.sockets.flatMap(({ sent }) => sent).findLast((frame) => frame.includes(`"action":"${action}"`));
  return (JSON.parse(text ?? "{}") as { id?: unknown }).id;
}

test("who comes sees who is there, now and later", async () => {
  const session = await meeting();
  expect(session.here.map(({ clientKey }) => clientKey)).toEqual(["b1"]);
  harness.server.tellPresence([{ userId: "bob", clientKey: "b2", displayName: "bob", status: "idle" }]);
  await harness.clock.run(10_000);
  expect(session.here.map(({ clientKey }) => clientKey)).toEqual(["b1", "b2"]);
});

test("another role right after the answer is asked about again, and a removal ends it", async () => {
  const session = await meeting();
  const lives: boolean[] = [];
  const ends: string[] = [];
  session.on("live", (live) => lives.push(live));
  session.on("end", (reason) => ends.push(reason));
  const topic = "meetings/m1";
  const silent = harness.server.silent = harness.server.links[0];
  expect(silent).toBeDefined();
  deliver({ type: "revoked", topic, reason: "role_changed" });
  await harness.clock.run(10);
  const id = lastId("subscribe");
  deliver(
    { type: "subscribed", id, topic, position: 1 },
    { type: "revoked", topic, reason: "role_changed" },
  );
  await harness.clock.run(10);
  expect(lives).toEqual([false, true, false]);
  expect(lastId("subscribe")).not.toBe(id);
  deliver(
    { type: "subscribed", id: lastId("subscribe"), topic, position: 1 },
    { type: "revoked", topic, reason: "removed" },
  );
  await harness.clock.run(10);
  expect(lives).toEqual([false, true, false, true, false]);
  expect(ends).toEqual(["removed"]);
});

test("a wish to move that comes with the first frames is heard", async () => {
  await meeting();
  await harness.clock.run(10_000);
  harness.server.askToReconnect(60_000);
  await harness.clock.run(6_000);
  expect(harness.sockets).toHaveLength(2);
  // The very first frame, before anything was answered.
  harness.sockets[1]?.close();
  await harness.clock.until(() => harness.sockets.length === 3 && harness.sockets[2]?.state === "open", 60_000, 1);
  deliver({ type: "reconnect", before: new Date(harness.clock.now() + 60_000).toISOString() });
  await harness.clock.run(40_000);
  expect(harness.sockets.length).toBeGreaterThan(3);
  expect(harness.server.links).toHaveLength(1);
});

describe("an answer to an edit", () => {
  const topic = "meetings/m1/notes";
  const bobs = (position: number, content: string) => ({
    position, at: "", data: { authorId: "bob", clientId: "b", clientSeq: position, ops: [{ type: "insert", position: 0, content }] },
  });
  const ops = [{ type: "insert", position: 0, content: "x" }] as const;

  async function inFlight(): Promise<NotesSession> {
    const session = await notes();
    harness.server.silent = harness.server.links[0];
    session.edit([...ops]);
    await harness.clock.run(10);
    return session;
  }

  test("has its place by its version, whatever comes in the same turn", async () => {
    const session = await inFlight();
    const behind = [{ ...ops[0], position: 1 }];
    deliver({ type: "ack", id: lastId("edit"), version: 3, ops: behind }, { type: "event", topic, events: [bobs(2, "b"), bobs(4, "c")] });
    await harness.clock.run(10);
    expect(session.text).toBe("cbxhello");
    expect(session.version).toBe(4);
    expect(session.status.kind).toBe("saved");
    expect(harness.requests.filter(({ url }) => url.pathname.endsWith("/changes"))).toEqual([]);
  });

  test.each(["removed", "meeting_ended"])("counts where the stream ends in the same turn: %s", async (reason) => {
    const session = await inFlight();
    const lost: unknown[] = [];
    session.on("error", (problem) => lost.push(problem.lost));
    deliver({ type: "ack", id: lastId("edit"), version: 2, ops }, { type: "revoked", topic, reason });
    await harness.clock.run(10);
    expect(session.confirmed).toEqual({ version: 2, text: "xhello" });
    expect(session.pending).toBe(false);
    expect(lost).toEqual([]);
  });

  test("counts where the socket closes in the same turn", async () => {
    const session = await inFlight();
    const socket = harness.sockets[0];
    deliver({ type: "ack", id: lastId("edit"), version: 2, ops });
    harness.clock.after(2, () => harness.clock.after(1, () => socket?.close()));
    await harness.clock.run(10);
    expect(session.confirmed).toEqual({ version: 2, text: "xhello" });
    expect(session.pending).toBe(false);
  });
});

test("leaving a topic waits for the answer to its subscribe, however early it is left", async () => {
  const first = rapport.watchMeeting("m1", { onView: () => {} });
  await harness.clock.until(() => harness.sockets[0]?.sent.length === 1, 1_000, 1);
  first.close();
  const actions = () => (harness.sockets[0]?.sent ?? []).map((text) => (JSON.parse(text) as { action: string }).action);
  expect(actions()).toEqual(["subscribe"]);
  const second = rapport.watchMeeting("m1", { onView: () => {} });
  await harness.clock.run(50);
  expect(actions()).toEqual(["subscribe", "subscribe"]); // The topic was followed again by then.
  second.close();
  await harness.clock.run(50);
  expect(actions()).toEqual(["subscribe", "subscribe", "unsubscribe"]);
  expect(harness.server.links[0]?.topics.size).toBe(0);
});

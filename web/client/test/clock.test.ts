/** Durations are measured by a clock that nobody sets, whatever time of day the machine has. */
import { expect, test } from "vitest";
import { Rapport } from "../src/index.ts";
import type { Clock, NotesSession } from "../src/index.ts";
import { withTimeouts } from "../src/offline/timeouts.ts";
import { platform } from "../src/runtime/platform.ts";
import { memoryStorage } from "../src/offline/storage.ts";
import { FakeClock } from "./clock.ts";
import { loaded, Harness } from "./harness.ts";

const hour = 3_600_000;

/** A harness, and a client on a machine whose time of day is `skew.ms` off. */
function off(): { harness: Harness; rapport: Rapport; skew: { ms: number } } {
  const harness = new Harness(31);
  const skew = { ms: 0 };
  harness.server.begin("hello");
  harness.server.roles.set("ada", "host");
  const clock: Clock = {
    now: () => harness.clock.now() + skew.ms,
    elapsed: () => harness.clock.elapsed(),
    after: (ms, run) => harness.clock.after(ms, run),
  };
  const rapport = new Rapport({ baseUrl: "http://fake", token: () => Promise.resolve("ada"), offline: null, platform: { ...harness.platform(), clock } }, loaded);
  return { harness, rapport, skew };
}

async function open({ harness, rapport }: { harness: Harness; rapport: Rapport }): Promise<NotesSession> {
  const opening = rapport.openNotes("m1");
  await harness.clock.run(50);
  return await opening;
}

test.each([-hour, hour])("an edit goes out as ever after the clock was set by %d ms", async (ms) => {
  const all = off();
  const { harness, skew } = all;
  const notes = await open(all);
  notes.edit([{ type: "insert", position: 0, content: "a" }]);
  await harness.clock.run(100);
  skew.ms = ms;
  notes.edit([{ type: "insert", position: 0, content: "b" }]);
  await harness.clock.run(100);
  expect(harness.server.content).toBe("ahello"); // the window of 250 ms still holds
  await harness.clock.run(200);
  expect(harness.server.content).toBe("bahello");
});

test.each([-hour, hour])("a socket that is silent is not taken for dead, and a dead one not for silent: %d ms", async (ms) => {
  const all = off();
  const { harness, rapport, skew } = all;
  await open(all);
  await harness.clock.run(30_000);
  skew.ms = ms;
  await harness.clock.run(200_000);
  expect(harness.sockets).toHaveLength(1);
  for (const socket of harness.sockets) socket.dead = true;
  await harness.clock.run(120_000);
  expect(harness.sockets).toHaveLength(2);
  expect(rapport.connection.state.kind).toBe("open");
});

test("a machine that slept asks for a sign of life, though nothing elapsed", async () => {
  const all = off();
  const { harness, skew } = all;
  await open(all);
  for (const socket of harness.sockets) socket.dead = true;
  skew.ms = hour; // it slept so long; some clocks stand still meanwhile
  harness.tellNetwork(true);
  await harness.clock.run(11_100);
  expect(harness.sockets).toHaveLength(2);
});

test.each([-hour, 0, hour])("a socket is left in the time that the server gave, by the server's clock: %d ms", async (ms) => {
  const all = off();
  const { harness, skew } = all;
  skew.ms = ms;
  await open(all);
  await harness.clock.run(10_000);
  harness.server.askToReconnect(1_000);
  await harness.clock.run(600); // evenly within half of what is left
  expect(harness.sockets).toHaveLength(2);
});

test("how long a wait still is does not follow the time of day", async () => {
  const all = off();
  const { harness, rapport, skew } = all;
  await open(all);
  expect(rapport.connection.retryIn).toBeUndefined();
  harness.socketsBlocked = true;
  harness.server.links[0]?.socket.close();
  await harness.clock.until(() => rapport.connection.state.kind === "waiting");
  const before = rapport.connection.retryIn ?? 0;
  expect(before).toBeGreaterThan(0);
  skew.ms = -hour;
  expect(rapport.connection.retryIn).toBe(before);
  await harness.clock.run(Math.floor(before / 2));
  expect(rapport.connection.retryIn).toBeCloseTo(before - Math.floor(before / 2), 3);
});

test("edits of one moment are undone together, though the clock was set between them", async () => {
  const all = off();
  const { harness, skew } = all;
  const notes = await open(all);
  for (const [i, letter] of [..."abc"].entries()) {
    skew.ms = (i - 1) * hour;
    notes.edit([{ type: "insert", position: i, content: letter }]);
    await harness.clock.run(100);
  }
  notes.undo();
  expect(notes.text).toBe("hello");
});

test("a storage that was found broken is tried again after its rest, whatever the time of day", async () => {
  const clock = new FakeClock();
  let stuck = true;
  const storage = withTimeouts({ ...memoryStorage(), get: () => (stuck ? new Promise(() => {}) : Promise.resolve("there")) }, clock);
  const first = storage.get("x").catch(() => "broken");
  await clock.run(2_100);
  expect(await first).toBe("broken");
  stuck = false;
  expect(await storage.get("x").catch(() => "resting")).toBe("resting");
  await clock.run(30_000);
  expect(await storage.get("x")).toBe("there");
});

test("numbers of presence only grow, also for the next session of the same client", async () => {
  const { harness, rapport, skew } = off();
  for (const ms of [0, -hour, hour]) {
    skew.ms = ms;
    const opening = rapport.openMeeting("m1");
    await harness.clock.run(50);
    const session = await opening;
    session.presentAs("c-1");
    session.setPresence({ status: "active" });
    await harness.clock.run(2_000);
    session.close();
    await harness.clock.run(100);
  }
  const numbers = harness.server.presence.map(({ fields }) => Number(fields["seq"]));
  expect(numbers).toEqual([...new Set(numbers)].sort((a, b) => a - b));
  expect(harness.server.presence.map(({ fields }) => fields["status"])).toEqual(["active", "gone", "active", "gone", "active", "gone"]);
});

test("a clock that is given in part takes durations from the machine's own", () => {
  class Skewed {
    now(): number {
      return 5;
    }
  }
  const { clock } = platform({ clock: new Skewed() });
  expect(clock.now()).toBe(5);
  const before = clock.elapsed();
  expect(before).toBeGreaterThan(0);
  expect(clock.elapsed()).toBeGreaterThanOrEqual(before);
  expect(Math.abs(clock.elapsed() - performance.now())).toBeLessThan(1_000);
  expect(platform({}).clock.now()).toBeGreaterThan(1e12);
});

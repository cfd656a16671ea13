import { describe, expect, test } from "vitest";
import { apply } from "../src/index.ts";
import type { NotesSession } from "../src/index.ts";
import { countCodePoints } from "../src/ot/codepoints.ts";
import { noFaults } from "./network.ts";
import { baseSeed } from "./random.ts";
import { Harness } from "./harness.ts";

const clients = 5;
const editsEach = 40;
const rounds = 12;
const seed = baseSeed();
console.log(`convergence: RAPPORT_SEED=${seed}`);

/** What an editor shows that only learns of remote changes and resets. */
function mirror(session: NotesSession): { text: string } {
  const shown = { text: session.text };
  session.on("remote", (change) => {
    shown.text = apply(shown.text, change);
  });
  session.on("reset", (text) => {
    shown.text = text;
  });
  return shown;
}

function edit(session: NotesSession, shown: { text: string }, change: Parameters<NotesSession["edit"]>[0]): void {
  session.edit(change);
  shown.text = apply(shown.text, change);
}

/** The server restarts: its sockets are gone, and for a while nothing answers. */
function outage(harness: Harness, ms: number): void {
  harness.intercept = () => (harness.random.chance(0.5) ? "lost" : { status: 503 });
  harness.clock.after(ms, () => {
    harness.intercept = () => undefined;
  });
  withoutSockets(harness, ms);
}

/** For a while no socket opens; HTTP may work. */
function withoutSockets(harness: Harness, ms: number): void {
  harness.socketsBlocked = true;
  for (const socket of harness.sockets) socket.close();
  harness.clock.after(ms, () => {
    harness.socketsBlocked = false;
  });
}

/** Clients edit at random times over a bad network; then it heals, and all must be one. */
async function storm(harnessSeed: number, insertOnly: boolean): Promise<void> {
  const harness = new Harness(harnessSeed);
  const { random, server, clock, network } = harness;
  server.begin("Agenda 😀\n");
  const opened = Array.from({ length: clients }, async (_, i) => {
    server.roles.set(`u${i % 3}`, "participant"); // Some are two windows of one person.
    return await harness.client(`u${i % 3}`).openNotes(server.meetingId);
  });
  await clock.run(100);
  const sessions = await Promise.all(opened);
  const mirrors = sessions.map(mirror);
  // Healing would hide a wrong transformation.
  const problems: unknown[] = [];
  for (const session of sessions) session.on("error", (problem) => problems.push(problem));
  const tokens: string[] = [];
  const faults = { delay: 400, drop: 0.08, duplicate: 0.1, cut: 0.01 };
  network.faults = faults;

  for (let i = 0; i < clients * editsEach; i++) {
    const k = random.below(clients);
    const [session, shown] = [sessions[k], mirrors[k]];
    if (session === undefined || shown === undefined) continue;
    const length = countCodePoints(session.text);
    if (insertOnly) {
      const token = `⟦${i}😀⟧`;
      tokens.push(token);
      // Never inside another token, so that each can be found again.
      const gaps = [...session.text.matchAll(/⟧/gu)].map((m) => countCodePoints(session.text, 0, m.index) + 1);
      edit(session, shown, [{ type: "insert", position: gaps[random.below(gaps.length)] ?? length, content: token }]);
    } else if (random.chance(0.3)) {
      const change = random.chance(0.6) ? session.undo() : session.redo();
      if (change !== undefined) shown.text = apply(shown.text, change);
    } else {
      edit(session, shown, random.change(length, 3));
    }
    if (random.chance(0.02)) server.askToReconnect(60_000);
    if (random.chance(0.02)) harness.sockets[random.below(harness.sockets.length)]?.close();
    if (random.chance(0.01)) outage(harness, 1_000 + random.below(15_000));
    if (random.chance(0.01)) withoutSockets(harness, 1_000 + random.below(15_000));
    await clock.run(random.below(300));
  }

  network.faults = { ...noFaults };
  await clock.until(() => sessions.every((s) => !s.pending && s.state === "synced"));
  server.head();
  await clock.until(() => sessions.every((s) => s.version === server.version), 60_000);

  expect(problems).toEqual([]);
  const replayed = server.log.reduce((text, { ops }) => apply(text, ops), "");
  expect(server.content).toBe(replayed);
  for (const [i, session] of sessions.entries()) {
    expect(session.confirmed).toEqual({ version: server.version, text: server.content });
    expect(session.text).toBe(server.content);
    expect(mirrors[i]?.text).toBe(server.content);
  }
  for (const token of tokens) expect(server.content.split(token).length - 1, token).toBe(1);
  const identities = server.log.map((e) => `${e.authorId}/${e.clientId}/${e.clientSeq}`);
  expect(new Set(identities).size).toBe(identities.length);
  for (const forms of server.arrivals.values()) expect(forms.size).toBe(1);
  for (const session of sessions) session.close();
}

describe("clients over a network that delays, reorders, drops, repeats and cuts come to one text", () => {
  test.each(Array.from({ length: rounds }, (_, i) => seed + i))("inserts, none lost, none twice: seed %i", async (harnessSeed) => {
    await storm(harnessSeed, true);
  });
  test.each(Array.from({ length: rounds }, (_, i) => seed + 1000 + i))("inserts, deletes, undo and redo: seed %i", async (harnessSeed) => {
    await storm(harnessSeed, false);
  });
});

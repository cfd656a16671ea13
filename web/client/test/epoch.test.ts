/** An earlier state of the server is restored, and it issues positions again. */
import { beforeEach, describe, expect, test } from "vitest";
import type { Change, MeetingSession, NotesSession, Rapport, TranscriptChunk } from "../src/index.ts";
import { Machine } from "./tab.ts";
import { Harness } from "./harness.ts";

let harness: Harness;
let rapport: Rapport;

/** The text is "hello" at version 1, and "one hello" at version 2, which is what a restore brings back. */
beforeEach(() => {
  harness = new Harness(5);
  harness.server.begin("hello");
  harness.server.roles.set("ada", "host");
  harness.server.roles.set("bob", "participant");
  byBob("one ");
  rapport = harness.client("ada");
});

async function open(from = rapport): Promise<NotesSession> {
  const opening = from.openNotes("m1");
  opening.catch(() => {});
  await harness.clock.run(100);
  return await opening;
}

function insert(position: number, content: string): Change {
  return [{ type: "insert", position, content }];
}

let bobs = 0;

function byBob(content: string): void {
  harness.server.append({ authorId: "bob", clientId: "b", clientSeq: ++bobs, ops: insert(0, content) });
}

/** The network is away; what goes on meanwhile is the server's. */
function cut(): void {
  harness.socketsBlocked = true;
  harness.intercept = () => "lost";
  for (const socket of harness.sockets) socket.close();
}

async function heal(): Promise<void> {
  harness.socketsBlocked = false;
  harness.intercept = () => undefined;
  await harness.clock.run(30_000);
}

/** Every text that the session shows from now on. */
function shown(session: NotesSession): Set<string> {
  const texts = new Set<string>();
  session.on("remote", () => texts.add(session.text));
  session.on("reset", (text) => texts.add(text));
  return texts;
}

describe("notes", () => {
  test("a frame of another epoch leads to its text, and to no mixture of both", async () => {
    const session = await open();
    session.edit(insert(9, "!"));
    await harness.clock.run(100);
    expect(session.confirmed).toEqual({ version: 3, text: "one hello!" });
    expect(session.canUndo).toBe(true);
    const texts = shown(session);
    harness.server.restore(2, "2");
    byBob("two ");
    byBob("three "); // version 4: for who knows no epochs, the next one
    await harness.clock.run(1_000);
    expect(session.confirmed).toEqual({ version: 4, text: "three two one hello" });
    expect([...texts]).toEqual(["three two one hello"]);
    expect(session.canUndo).toBe(false);
    session.edit(insert(0, "ada "));
    await harness.clock.run(1_000);
    expect(harness.server.content).toBe("ada three two one hello");
    expect(session.status.kind).toBe("saved");
  });

  test("without an epoch of its own, what was restored is taken for what was there", async () => {
    const session = await open();
    session.edit(insert(9, "!"));
    await harness.clock.run(100);
    const texts = shown(session);
    harness.server.restore(2);
    byBob("two ");
    byBob("three ");
    await harness.clock.run(100);
    expect(session.text).not.toBe(harness.server.content);
    expect([...texts]).toContain("three one hello!"); // never written by anybody
  });

  test("who was away follows from no position of the other epoch; pending words become a draft", async () => {
    const session = await open();
    byBob("lost ");
    await harness.clock.run(100);
    cut();
    await harness.clock.run(10);
    session.edit(insert(14, " ada"));
    expect(session.text).toBe("lost one hello ada");
    const texts = shown(session);
    harness.server.restore(2, "2");
    byBob("two ");
    byBob("three ");
    await heal();
    expect(session.text).toBe("three two one hello");
    expect([...texts]).toEqual(["three two one hello"]);
    expect(session.drafts).toMatchObject([{ reason: "history_gone", baseText: "lost one hello", text: "lost one hello ada" }]);
    expect(await session.applyDraft(session.drafts[0]?.id ?? "")).toBe(true);
    await harness.clock.run(1_000);
    expect(harness.server.content).toBe("three two one hello ada");
    expect(session.text).toBe(harness.server.content);
  });

  test("a change that was committed before the restored moment is not sent twice, nor made a draft", async () => {
    const session = await open();
    harness.network.faults.drop = 1;
    session.edit(insert(9, "!"));
    const sent = harness.sockets[0]?.sent.at(-1) ?? "";
    cut();
    harness.network.faults.drop = 0;
    harness.server.commit("ada", JSON.parse(sent) as Parameters<typeof harness.server.commit>[1], sent);
    byBob("lost ");
    harness.server.restore(3, "2");
    byBob("two ");
    await heal();
    expect(session.confirmed).toEqual({ version: 4, text: "two one hello!" });
    expect(session.pending).toBe(false);
    expect(session.drafts).toEqual([]);
    expect(harness.server.content).toBe("two one hello!");
  });

  test("a change in flight on a lost base is a draft: it is not put into another text at the same position", async () => {
    const session = await open();
    byBob("lost ");
    await harness.clock.run(100);
    harness.network.faults.drop = 1;
    session.edit(insert(14, " ada"));
    expect(harness.sockets[0]?.sent.at(-1)).toContain('"action":"edit"');
    cut();
    harness.network.faults.drop = 0;
    harness.server.restore(2, "2");
    byBob("two ");
    byBob("three ");
    await heal();
    expect(harness.server.content).toBe("three two one hello");
    expect(session.text).toBe(harness.server.content);
    expect(session.drafts).toMatchObject([{ text: "lost one hello ada" }]);
  });

  test("without sockets, too", async () => {
    harness.socketsBlocked = true;
    const session = await open();
    await harness.clock.run(10_000);
    session.edit(insert(9, "!"));
    await harness.clock.run(3_000);
    const texts = shown(session);
    harness.server.restore(2, "2");
    byBob("two ");
    byBob("three ");
    await harness.clock.run(30_000);
    expect(session.confirmed).toEqual({ version: 4, text: "three two one hello" });
    expect([...texts]).toEqual(["three two one hello"]);
  });

  test("a window's storage remembers the epoch of what it holds", async () => {
    const machine = new Machine(harness);
    const before = machine.open("ada");
    const left = await open(before.rapport);
    byBob("lost ");
    await harness.clock.run(100);
    before.offline();
    await harness.clock.run(10);
    for (const c of "ada") {
      left.edit(insert(0, c));
      await harness.clock.run(300);
    }
    before.kill();
    harness.server.restore(2, "2");
    byBob("two ");
    byBob("three ");
    const session = await open(machine.open("ada").rapport);
    await harness.clock.run(10_000);
    expect(session.text).toBe("three two one hello");
    expect(session.drafts).toMatchObject([{ reason: "history_gone", text: "adalost one hello" }]);
    expect(harness.server.content).toBe("three two one hello");
  });
});

describe("a meeting", () => {
  const title = (session: MeetingSession) => session.view?.meeting.revision;

  async function openMeeting(): Promise<MeetingSession> {
    const opening = rapport.openMeeting("m1");
    await harness.clock.run(3_000);
    return await opening;
  }

  test("an earlier revision of another epoch is the state, and so is the same one", async () => {
    harness.server.revision = 7;
    const session = await openMeeting();
    expect(title(session)).toBe(7);
    harness.server.restore(2, "2", 4);
    harness.server.touch();
    await harness.clock.run(1_000);
    expect(title(session)).toBe(5);
    expect(session.view?.epoch).toBe("2");
    const views: number[] = [];
    session.on("view", ({ meeting }) => views.push(meeting.revision));
    harness.server.restore(2, "3", 4);
    harness.server.touch();
    await harness.clock.run(1_000);
    expect(views).toEqual([5]);
  });

  test("without sockets, too", async () => {
    harness.socketsBlocked = true;
    const session = await openMeeting();
    await harness.clock.run(10_000);
    const before = harness.server.revision;
    harness.server.roles.set("cem", "observer");
    harness.server.restore(2, "2");
    await harness.clock.run(20_000);
    expect(session.view?.meeting.revision).toBe(before);
    expect(session.view?.participants).toHaveLength(3);
  });
});

test("who follows a transcript hears that it begins anew, and all that is kept", async () => {
  const heard: string[] = [];
  const say = (text: string) => harness.server.handle("POST", "/v1/meetings/m1/transcript", new URLSearchParams(), "bob", { chunks: [{ text }] }, text);
  say("a");
  say("b");
  rapport.watchTranscript("m1", { onChunk: ({ text }: TranscriptChunk) => heard.push(text), onRestored: () => heard.push("restored") });
  await harness.clock.run(1_000);
  harness.server.transcript.length = 1;
  harness.server.restore(2, "2");
  say("c");
  say("d");
  await harness.clock.run(1_000);
  expect(heard).toEqual(["a", "b", "restored", "a", "c", "d"]);
});

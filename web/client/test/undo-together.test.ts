import { describe, expect, test } from "vitest";
import type { Change, NotesSession } from "../src/index.ts";
import { countCodePoints } from "../src/ot/codepoints.ts";
import { noFaults } from "./network.ts";
import { Hub, Peer, settle } from "./peers.ts";
import { baseSeed, Random } from "./random.ts";
import { Harness } from "./harness.ts";

const seed = baseSeed();
console.log(`undo-together: RAPPORT_SEED=${seed}`);

function insert(position: number, content: string): Change {
  return [{ type: "insert", position, content }];
}

function cut(position: number, length: number): Change {
  return [{ type: "delete", position, length }];
}

/** As expect, which is slow, in loops. */
function equal(got: unknown, want: unknown, caseSeed: number): void {
  if (JSON.stringify(got) !== JSON.stringify(want)) throw new Error(`seed ${caseSeed}: ${JSON.stringify(got)}, want ${JSON.stringify(want)}`);
}

/** Somebody sends or hears, or not. */
function traffic(random: Random, peers: readonly Peer[]): void {
  for (const peer of peers) {
    if (random.chance(0.3)) peer.begin();
    if (random.chance(0.3)) peer.send();
    if (random.chance(0.5)) peer.hear();
  }
}

/** Takes one step after another, until there is none, and gives the texts. */
function all(step: () => Change | undefined, text: () => string): string[] {
  const texts = [text()];
  while (step() !== undefined) texts.push(text());
  return texts;
}

// Each editor has a line of its own.
const lines = (text: string) => text.split("\n");
function startOf(text: string, line: number): number {
  return countCodePoints(lines(text).slice(0, line).map((each) => `${each}\n`).join(""));
}

/** What one does in a line, a step in time: edits, and where and how long after the one before. */
interface Script {
  readonly pause: number;
  readonly change: Change;
}

function script(random: Random, line: string): Script[] {
  let length = countCodePoints(line);
  let caret = random.below(length + 1);
  return Array.from({ length: 5 + random.below(25) }, () => {
    const pause = random.chance(0.8) ? random.below(400) : 600;
    if (random.chance(0.1)) caret = random.below(length + 1);
    if (random.chance(0.6) || caret === 0) {
      const content = ["x", "日", "😀", " word"][random.below(4)] ?? "x";
      const change = insert(caret, content);
      caret += countCodePoints(content);
      length += countCodePoints(content);
      return { pause, change };
    }
    const n = 1 + random.below(Math.min(4, caret));
    caret -= n;
    length -= n;
    return { pause, change: cut(caret, n) };
  });
}

function moved(change: Change, by: number): Change {
  return change.map((op) => ({ ...op, position: op.position + by }));
}

describe("while others write elsewhere", () => {
  test("steps and what they bring back are those of writing alone", () => {
    for (let i = 0; i < 500; i++) {
      const random = new Random(seed + i);
      const texts = ["ada's line", "grace's 😀 line", "lin's line", "hedy's line"].slice(0, 2 + random.below(3));
      const scripts = texts.map((text) => script(random, text));

      const alone = new Peer(new Hub(texts[0] ?? ""), "ada");
      let now = 0;
      for (const { pause, change } of scripts[0] ?? []) alone.edit(change, (now += pause));
      const wanted = all(() => alone.undo(), () => alone.text);
      const again = all(() => alone.redo(), () => alone.text);

      const hub = new Hub(texts.join("\n"));
      const peers = texts.map((_, line) => new Peer(hub, `peer ${line}`));
      const [ada] = peers as [Peer];
      const clocks = texts.map(() => 0);
      const left = scripts.map((each) => [...each]);
      const write = (line: number) => {
        const next = left[line]?.shift();
        const peer = peers[line];
        if (next === undefined || peer === undefined) return;
        clocks[line] = (clocks[line] ?? 0) + next.pause;
        peer.edit(moved(next.change, startOf(peer.text, line)), clocks[line] ?? 0);
      };
      while (left.some((each) => each.length > 0)) {
        write(random.below(texts.length));
        traffic(random, peers);
      }
      const line = () => lines(ada.text)[0] ?? "";
      const go = (step: () => Change | undefined) => () => {
        traffic(random, peers);
        return step();
      };
      equal(all(go(() => ada.undo()), line), wanted, seed + i);
      equal(all(go(() => ada.redo()), line), again, seed + i);
      settle(peers);
      for (const peer of peers) equal(peer.text, ada.text, seed + i);
      // What is still theirs alone is theirs to take back, too.
      for (const [k, peer] of peers.entries()) if (k > 0) all(() => peer.undo(), () => peer.text);
      settle(peers);
      all(() => ada.undo(), () => ada.text);
      settle(peers);
      for (const peer of peers) equal(peer.text, texts.join("\n"), seed + i);
    }
  });

  test("a step that is being typed goes on where others' text has moved it", () => {
    const hub = new Hub("one\ntwo");
    const peers = [new Peer(hub, "a"), new Peer(hub, "b")] as const;
    const [a, b] = peers;
    for (let i = 0; i < 50; i++) {
      a.edit(insert(countCodePoints(a.text), "x"), i * 100);
      b.edit(insert(0, "y"), i * 100);
      settle(peers);
    }
    expect(a.undo()).toEqual(cut(57, 50));
    expect(a.history.canUndo).toBe(false);
  });
});

describe("while others write in the same text", () => {
  test("undoing all and making it again comes to the same text, and all editors to one", () => {
    for (let i = 0; i < 500; i++) {
      const random = new Random(seed + 10_000 + i);
      const hub = new Hub(random.text(12));
      const peers = Array.from({ length: 2 + random.below(3) }, (_, k) => new Peer(hub, `peer ${k}`));
      let now = 0;
      for (let n = 0; n < 30; n++) {
        const peer = peers[random.below(peers.length)];
        now += random.below(800);
        if (random.chance(0.15)) peer?.undo();
        else if (random.chance(0.1)) peer?.redo();
        else peer?.edit(random.change(countCodePoints(peer.text)), now);
        traffic(random, peers);
      }
      settle(peers);
      for (const peer of peers) {
        while (peer.redo() !== undefined);
        settle(peers);
        const { text } = peer;
        const back = all(() => peer.undo(), () => peer.text);
        if (random.chance(0.5)) settle(peers);
        const forth = all(() => peer.redo(), () => peer.text);
        equal(forth, [...back].reverse(), seed + 10_000 + i);
        equal(peer.text, text, seed + 10_000 + i);
      }
      settle(peers);
      for (const peer of peers) equal(peer.text, peers[0]?.text, seed + 10_000 + i);
    }
  });
});

/** Every character is there once, so that each can be found again. */
const sentence = "abcdefghijkl🦊mnopqrstuvwxyz";

/** The sentence with words in it, by where each was typed; those of one place in their order. */
function withWords(words: readonly (readonly [string, number])[]): string {
  const at = (position: number) => words.filter(([, place]) => place === position).map(([word]) => word).join("");
  return [...sentence, ""].map((character, position) => at(position) + character).join("");
}

describe("a deletion in which others write", () => {
  test("comes back around their words, whatever was committed first and however it was deleted", () => {
    const cases = 3_000;
    let inverted = 0;
    for (let i = 0; i < cases; i++) {
      const caseSeed = seed + 20_000 + i;
      const random = new Random(caseSeed);
      const hub = new Hub(sentence);
      const peers = Array.from({ length: 2 + random.below(3) }, (_, k) => new Peer(hub, `peer ${k}`));
      const [ada, ...others] = peers as [Peer, ...Peer[]];
      const from = random.below(12);
      const to = from + 1 + random.below(12);
      // All see the whole sentence when they write.
      const words = new Map(others.map((_, k): [string, number] => [`⟦${k}⟧`, from + random.below(to - from + 1)]));
      [...words].forEach(([word, place], k) => {
        // Some have something else in flight, so that the word waits while others' changes come.
        if (random.chance(0.3)) others[k]?.edit(insert(26, "+"), 0);
        if (random.chance(0.7)) others[k]?.begin();
        others[k]?.edit(insert(place, word), 0);
      });
      let now = 1_000;
      if (random.chance(0.5)) {
        ada.edit(cut(from, to - from), now);
      } else {
        // By the key for it, forwards or backwards.
        const characters = [...sentence].slice(from, to);
        for (const character of random.chance(0.5) ? characters : characters.reverse()) {
          ada.edit(cut([...ada.text].indexOf(character), 1), (now += random.chance(0.9) ? 100 : 1_000));
          if (random.chance(0.5)) traffic(random, peers);
        }
      }
      if (random.chance(0.3)) ada.edit(insert(from, "NEW"), (now += 100));
      for (let n = random.below(4); n > 0; n--) traffic(random, peers);
      settle(peers);
      const left = [...ada.text.replace("NEW", "").replaceAll("+", "").matchAll(/⟦\d⟧/gu)].map(([word]): [string, number] => [word, words.get(word) ?? -1]);
      for (let chain = random.below(3); chain >= 0; chain--) {
        while (ada.undo() !== undefined);
        if (random.chance(0.5)) settle(peers);
        if (chain > 0) while (ada.redo() !== undefined);
      }
      settle(peers);
      // Two that come to one place stay in the order of the server, and one of them where it was typed.
      const text = ada.text.replaceAll("+", "");
      if (left.every(([, place], k) => k === 0 || place >= (left[k - 1]?.[1] ?? 0))) equal(text, withWords(left), caseSeed);
      else inverted++;
      equal(text.replaceAll(/⟦\d⟧/gu, ""), sentence, caseSeed);
      for (const peer of peers) equal(peer.text, ada.text, caseSeed);
    }
    console.log(`undo-together: in ${inverted} of ${cases} the server's order of several words is not that of their places`);
  });
});

describe("in sessions", () => {
  const text = "The quick fox jumps. Second.";

  async function open(): Promise<{ harness: Harness; ada: NotesSession; bob: NotesSession }> {
    const harness = new Harness(seed);
    harness.server.begin(text);
    const opened = ["ada", "bob"].map(async (user) => {
      harness.server.roles.set(user, "participant");
      return await harness.client(user).openNotes("m1");
    });
    await harness.clock.run(100);
    const [ada, bob] = (await Promise.all(opened)) as [NotesSession, NotesSession];
    return { harness, ada, bob };
  }

  async function wantUndone(harness: Harness, ada: NotesSession, bob: NotesSession, want = "The quick brown fox jumps. Second."): Promise<void> {
    await harness.clock.until(() => [ada, bob].every((s) => !s.pending && s.version === harness.server.version));
    for (let chain = 0; chain < 2; chain++) {
      ada.undo();
      expect(ada.text).toBe(want);
      await harness.clock.run(2_000);
      expect([harness.server.content, bob.text]).toEqual([want, want]);
      ada.redo();
      await harness.clock.run(2_000);
      expect(bob.text).toBe(ada.text);
    }
  }

  for (const first of ["insertion", "deletion"] as const) {
    test(`two words of one person, the ${first} committed first`, async () => {
      const { harness, ada, bob } = await open();
      const write = () => {
        bob.edit(insert(9, " brown"));
        bob.edit(insert(19, " happily")); // waits for the first
      };
      if (first === "insertion") write();
      ada.edit(cut(0, 20));
      if (first === "deletion") write();
      await wantUndone(harness, ada, bob, "The quick brown fox happily jumps. Second.");
    });

    test(`the ${first} is committed first`, async () => {
      const { harness, ada, bob } = await open();
      if (first === "insertion") bob.edit(insert(9, " brown"));
      ada.edit(cut(0, 20));
      if (first === "deletion") bob.edit(insert(9, " brown"));
      await wantUndone(harness, ada, bob);
    });
  }

  test("the insertion goes on after its author saw the deletion", async () => {
    const { harness, ada, bob } = await open();
    ada.edit(cut(0, 20));
    bob.edit(insert(9, " br"));
    await harness.clock.run(1_000);
    bob.edit(insert(3, "own"));
    await wantUndone(harness, ada, bob);
  });

  test("part of the insertion is taken out again, and what comes instead stays inside", async () => {
    const { harness, ada, bob } = await open();
    ada.edit(cut(0, 20));
    bob.edit(insert(9, " red and brown"));
    await harness.clock.run(1_000);
    bob.edit(cut(0, 8));
    await harness.clock.run(1_000);
    await wantUndone(harness, ada, bob);
  });

  test("the insertion is replayed after a lost connection", async () => {
    const { harness, ada, bob } = await open();
    harness.server.silent = harness.server.links.find(({ userId }) => userId === "ada");
    ada.edit(cut(0, 20));
    bob.edit(insert(9, " brown"));
    await harness.clock.run(2_000);
    harness.server.silent = undefined;
    for (const socket of harness.sockets) socket.close();
    await wantUndone(harness, ada, bob);
  });

  test("the insertion comes with a text that is read again", async () => {
    const { harness, ada, bob } = await open();
    const { server } = harness;
    const link = server.links.find(({ userId }) => userId === "ada");
    server.silent = link;
    ada.edit(cut(0, 20));
    bob.edit(insert(9, " brown"));
    await harness.clock.run(1_000);
    server.silent = undefined;
    const reset = new Promise((resolve) => ada.on("reset", resolve));
    link?.socket.deliver({
      type: "event", topic: server.notesTopic,
      events: [{ position: server.version, at: "", data: { ...server.log.at(-1), ops: cut(0, 1_000) } }],
    });
    await harness.clock.run(1_000);
    expect(await reset).toBe(" brown Second.");
    await wantUndone(harness, ada, bob);
  });

  test("over a network that delays, reorders, drops, repeats and cuts, one's own line is as it was when all is undone", async () => {
    for (let i = 0; i < 12; i++) {
      const harness = new Harness(seed + i);
      const { random, server, clock, network } = harness;
      const texts = ["ada's line", "bob's 😀 line", "lin's line"];
      server.begin(texts.join("\n"));
      const opened = texts.map(async (_, k) => {
        server.roles.set(`u${k}`, "participant");
        return await harness.client(`u${k}`).openNotes(server.meetingId);
      });
      await clock.run(100);
      const sessions = await Promise.all(opened);
      network.faults = { delay: 300, drop: 0.05, duplicate: 0.1, cut: 0.01 };
      const scripts = texts.map((text) => script(random, text));
      for (let n = 0; n < 60; n++) {
        const line = random.below(texts.length);
        const next = scripts[line]?.shift();
        const session = sessions[line];
        if (next !== undefined) session?.edit(moved(next.change, startOf(session.text, line)));
        await clock.run(random.below(200));
      }
      network.faults = { ...noFaults };
      for (const session of sessions) while (session.undo() !== undefined) if (random.chance(0.3)) await clock.run(random.below(300));
      await clock.until(() => sessions.every((s) => !s.pending && s.version === server.version));
      for (const session of sessions) equal(session.text, texts.join("\n"), seed + i);
      for (const session of sessions) session.close();
    }
  });
});

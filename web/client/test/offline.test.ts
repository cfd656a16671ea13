import { beforeEach, describe, expect, test } from "vitest";
import type { Change, NotesSession, NotesStatus } from "../src/index.ts";
import { countCodePoints } from "../src/ot/codepoints.ts";
import { baseSeed } from "./random.ts";
import { Machine } from "./tab.ts";
import type { Tab } from "./tab.ts";
import { Harness } from "./harness.ts";

let harness: Harness;
let machine: Machine;

beforeEach(() => {
  harness = new Harness(21);
  harness.server.begin("hello");
  harness.server.roles.set("ada", "host");
  harness.server.roles.set("bob", "participant");
  machine = new Machine(harness);
});

async function open(tab: Tab): Promise<NotesSession> {
  const opening = tab.rapport.openNotes("m1");
  opening.catch(() => {});
  await harness.clock.run(100);
  return await opening;
}

function insert(position: number, content: string): Change {
  return [{ type: "insert", position, content }];
}

function byBob(content: string): void {
  harness.server.append({ authorId: "bob", clientId: "b", clientSeq: harness.server.version, ops: insert(0, content) });
}

function stored(): Promise<readonly string[]> {
  return machine.storage.keys("");
}

/** The windows that have something stored: the keys of their bases. */
async function owners(): Promise<readonly string[]> {
  return (await stored()).filter((key) => key.split("/").length === 4);
}

describe("offline", () => {
  test("edits are composed, kept, and merged when the network is back; the state says how many wait", async () => {
    const tab = machine.open("ada");
    const session = await open(tab);
    const statuses: NotesStatus[] = [];
    session.on("status", (status) => statuses.push(status));
    tab.offline();
    await harness.clock.run(10);
    for (const [i, c] of [..." world"].entries()) {
      session.edit(insert(5 + i, c));
      await harness.clock.run(100);
    }
    expect(session.status).toEqual({ kind: "offline", changes: 6, drafts: 0, storage: "kept" });
    byBob("Oh, ");
    await harness.clock.run(3_600_000);
    expect(await owners()).toHaveLength(1);
    tab.online();
    await harness.clock.run(30_000);
    expect(harness.server.content).toBe("Oh, hello world");
    expect(session.text).toBe("Oh, hello world");
    expect(harness.server.version).toBe(3); // nothing was handed over before: all is one change
    expect(statuses.at(-1)).toEqual({ kind: "saved", drafts: 0, storage: "kept" });
    expect(await stored()).toEqual([]);
  });

  test("after the tab was closed and opened again, without and with a network", async () => {
    const first = machine.open("ada");
    const session = await open(first);
    first.offline();
    await harness.clock.run(10);
    session.edit(insert(5, "A"));
    session.edit(insert(6, "B"));
    await harness.clock.run(50);
    first.kill();
    byBob("b");

    const second = machine.open("ada");
    second.offline();
    const opening = second.rapport.openNotes("m1");
    await harness.clock.run(2_000);
    const again = await opening;
    expect(again.text).toBe("helloAB");
    expect(again.clientId).toBe(session.clientId);
    expect(again.status).toMatchObject({ kind: "offline", changes: 2 });
    again.edit(insert(7, "C"));
    await harness.clock.run(50);
    second.kill();

    const third = await open(machine.open("ada"));
    await harness.clock.run(20_000);
    expect(third.text).toBe("bhelloABC");
    expect(harness.server.content).toBe("bhelloABC");
    expect(third.status.kind).toBe("saved");
    expect(await stored()).toEqual([]);
    third.close();
    await harness.clock.run(100);
    const fresh = await open(machine.open("ada"));
    expect(fresh.clientId).not.toBe(session.clientId);
  });

  test("a change that arrived before the tab was killed is repeated exactly, and is there once", async () => {
    machine.latency = 0;
    const first = machine.open("ada");
    const session = await open(first);
    session.edit(insert(5, "A"));
    session.edit(insert(6, "B"));
    await harness.clock.until(() => harness.server.version === 2, 1_000, 1); // arrived, not answered
    first.kill();
    byBob("b");
    const again = await open(machine.open("ada"));
    await harness.clock.run(20_000);
    expect(harness.server.content).toBe("bhelloAB");
    expect(again.text).toBe("bhelloAB");
    expect([...harness.server.arrivals.values()].every((forms) => forms.size === 1)).toBe(true);
  });

  test("a closed session leaves its edits to the next", async () => {
    const tab = machine.open("ada");
    const session = await open(tab);
    tab.offline();
    await harness.clock.run(10);
    session.edit(insert(5, "A"));
    session.close();
    await harness.clock.run(100);
    tab.online();
    const again = await open(tab);
    await harness.clock.run(20_000);
    expect(harness.server.content).toBe("helloA");
    expect(again.text).toBe("helloA");
  });

  test("are removed from the machine when the person says so", async () => {
    const first = machine.open("ada");
    const session = await open(first);
    first.offline();
    session.edit(insert(5, "A"));
    await harness.clock.run(50);
    first.kill();
    await machine.storage.put("edits/bob/m1/c-1", "bob's");
    const forgetting = machine.open("ada").rapport.forgetKeptEdits();
    await harness.clock.run(100);
    await forgetting;
    expect(await stored()).toEqual(["edits/bob/m1/c-1"]);
  });

  test("are removed also when they are still being written", async () => {
    const tab = machine.open("ada");
    const session = await open(tab);
    tab.offline();
    machine.latency = 20;
    session.edit(insert(5, "A"));
    machine.latency = 1;
    tab.rapport.close();
    const forgetting = tab.rapport.forgetKeptEdits();
    await harness.clock.run(1_000);
    await forgetting;
    expect(await stored()).toEqual([]);
  });

  test("are not opened by a client that is closed meanwhile", async () => {
    const { rapport } = machine.open("ada");
    const opening = [rapport.openNotes("m1"), rapport.openMeeting("m1")];
    for (const each of opening) each.catch(() => {});
    rapport.close();
    await harness.clock.run(1_000);
    for (const each of opening) await expect(each).rejects.toMatchObject({ code: "CLOSED" });
    const again = await open(machine.open("ada"));
    expect(again.text).toBe("hello");
  });

  test("another person on the same machine neither sees nor sends them", async () => {
    const first = machine.open("ada");
    const session = await open(first);
    first.offline();
    session.edit(insert(5, "A"));
    await harness.clock.run(50);
    first.kill();
    const other = await open(machine.open("bob"));
    await harness.clock.run(120_000);
    expect(other.text).toBe("hello");
    expect(harness.server.content).toBe("hello");
    expect(await owners()).toHaveLength(1);
  });
});

describe("a change that can't be handed over", () => {
  test("is not begun: what two people write offline at one place stands one after the other", async () => {
    const tabs = [machine.open("ada"), new Machine(harness).open("bob")] as const;
    const [a, b] = [await open(tabs[0]), await open(tabs[1])];
    for (const tab of tabs) tab.offline();
    for (const [i, letter] of [..." Hello from Ada."].entries()) {
      a.edit(insert(5 + i, letter));
      b.edit(insert(5 + i, letter.toUpperCase()));
      await harness.clock.run(300);
    }
    await harness.clock.run(20_000);
    expect(harness.requests.filter(({ method, url }) => method === "POST" && url.pathname.endsWith("/changes"))).toEqual([]);
    for (const tab of tabs) tab.online();
    await harness.clock.run(30_000);
    expect(["hello Hello from Ada. HELLO FROM ADA.", "hello HELLO FROM ADA. Hello from Ada."]).toContain(harness.server.content);
    expect([a.text, b.text]).toEqual([harness.server.content, harness.server.content]);
  });

  test("is taken back when the socket closes while it is being stored", async () => {
    machine.latency = 20;
    const tab = machine.open("ada");
    const session = await open(tab);
    session.edit(insert(5, "A"));
    await harness.clock.run(5);
    tab.offline();
    await harness.clock.run(100);
    session.edit(insert(6, "B"));
    await harness.clock.run(100);
    tab.kill();
    byBob("b");
    const again = await open(machine.open("ada"));
    await harness.clock.run(20_000);
    expect(again.text).toBe("bhelloAB");
    expect(harness.server.version).toBe(3); // the text, Bob's, and all of Ada's
  });

  test("is taken back when the session is closed while it is being stored", async () => {
    machine.latency = 20;
    const tab = machine.open("ada");
    const session = await open(tab);
    session.edit(insert(5, "A"));
    await harness.clock.run(5);
    session.close();
    await harness.clock.run(100);
    tab.offline();
    const opening = tab.rapport.openNotes("m1");
    await harness.clock.run(3_000);
    const again = await opening;
    again.edit(insert(6, "B"));
    await harness.clock.run(100);
    tab.online();
    await harness.clock.run(20_000);
    expect(harness.server.content).toBe("helloAB");
    expect(harness.server.version).toBe(2);
  });

  test("goes by HTTP where only that works, after a question that changes nothing was answered", async () => {
    harness.socketsBlocked = true;
    const tab = machine.open("ada");
    const session = await open(tab);
    session.edit(insert(5, "A"));
    await harness.clock.run(6_000);
    expect(harness.server.content).toBe("helloA");
    // From now on there is no wait for a socket.
    session.edit(insert(6, "B"));
    await harness.clock.run(1_000);
    expect(harness.server.content).toBe("helloAB");
    await harness.clock.run(1_000);
    tab.offline();
    for (const [i, letter] of [..."CDEF"].entries()) {
      session.edit(insert(7 + i, letter));
      await harness.clock.run(500);
    }
    byBob("b");
    tab.online();
    await harness.clock.run(60_000);
    expect(harness.server.content).toBe("bhelloABCDEF");
    expect(harness.server.version).toBe(5); // the text, A, B, Bob's, and the rest as one
  });

  test("goes by HTTP also where it takes longer to be stored than an answer of HTTP is good for", async () => {
    const tab = machine.open("ada");
    harness.socketsBlocked = true;
    const session = await open(tab);
    machine.latency = 700;
    session.edit(insert(5, "A"));
    await harness.clock.run(10_000);
    expect(harness.server.content).toBe("helloA");
  });

  test("goes as soon as a socket opens, also while HTTP is being asked", async () => {
    const tab = machine.open("ada");
    const session = await open(tab);
    tab.offline();
    session.edit(insert(5, "A"));
    await harness.clock.run(60_000);
    let asked = 0;
    harness.intercept = ({ method, url }) => {
      if (!url.pathname.endsWith("/changes")) return undefined;
      if (method === "GET") asked++;
      return "lost";
    };
    tab.online();
    await harness.clock.until(() => harness.server.version === 2, 10_000);
    expect(harness.server.content).toBe("helloA");
    expect(asked).toBeLessThan(3);
  });

  test("is not begun while the machine says that its network is gone, and goes on the same socket when something comes", async () => {
    const rapport = harness.client("ada");
    const opening = rapport.openNotes("m1");
    await harness.clock.run(1_000);
    const session = await opening;
    const [socket] = harness.sockets;
    const edits = () => socket?.sent.filter((text) => text.includes('"edit"')) ?? [];
    if (socket !== undefined) socket.dead = true;
    harness.tellNetwork(false);
    session.edit(insert(5, "A"));
    await harness.clock.run(1_000);
    session.edit(insert(6, "B"));
    await harness.clock.run(500);
    expect(edits()).toEqual([]);
    if (socket !== undefined) socket.dead = false;
    byBob("b");
    await harness.clock.run(5_000);
    expect(edits()).toHaveLength(1);
    expect(harness.server.content).toBe("bhelloAB");
    expect(harness.sockets).toHaveLength(1);
    session.close();
  });
});

describe("what is stored", () => {
  test("is small for each letter, in a long text; and a window that ends at any moment leaves all but the last", async () => {
    harness.server.begin("x".repeat(200_000));
    const sizes: number[] = [];
    const { put } = machine.storage;
    machine.storage.put = (key, value) => {
      sizes.push(JSON.stringify(value).length);
      return put(key, value);
    };
    const tab = machine.open("ada");
    const session = await open(tab);
    tab.offline();
    const letters = "abcdefghijklmnopqrstuvwxyz".repeat(10);
    for (const [i, letter] of [...letters].entries()) {
      session.edit(insert(i, letter));
      await harness.clock.run(60);
    }
    expect(sizes.filter((size) => size > 100_000)).toHaveLength(1);
    expect(Math.max(...sizes.filter((size) => size < 100_000))).toBeLessThan(8_192);
    tab.kill();
    const again = await open(machine.open("ada"));
    await harness.clock.run(20_000);
    expect(again.text).toBe(letters + "x".repeat(200_000));
    expect(harness.server.content).toBe(again.text);
    expect(await stored()).toEqual([]);
  });

  test("is written at once when the page is left, also while a write runs", async () => {
    const tab = machine.open("ada");
    const session = await open(tab);
    machine.latency = 30;
    tab.offline();
    session.edit(insert(5, "A"));
    await harness.clock.run(10);
    session.edit(insert(6, "B"));
    expect(session.unsafe).toBe(true);
    tab.hide();
    await harness.clock.run(31); // the first write alone would have ended after 20
    expect(session.unsafe).toBe(false);
    session.edit(insert(7, "C"));
    await harness.clock.run(10);
    session.edit(insert(8, "D"));
    tab.hide();
    tab.kill();
    machine.latency = 2;
    const again = await open(machine.open("ada"));
    expect(again.text).toBe("helloABCD");
  });

  test("by an earlier version is taken up, with what it had in flight", async () => {
    const ops = insert(5, "A");
    harness.server.append({ authorId: "ada", clientId: "c-old", clientSeq: 1, ops });
    byBob("b");
    const inFlight = { clientSeq: 1, baseVersion: 1, ops, change: ops, edits: 1 };
    await machine.storage.put("edits/ada/m1/c-old", {
      format: 1, version: 1, confirmed: "hello", inFlight, buffer: insert(6, "B"), waiting: 1, nextSeq: 2,
    });
    const session = await open(machine.open("ada"));
    expect(session.clientId).toBe("c-old");
    expect(session.text).toContain("helloAB");
    await harness.clock.run(20_000);
    expect(harness.server.content).toBe("bhelloAB");
    expect(await stored()).toEqual([]);
  });

  test("without a base is removed, and what was all committed is left by nobody", async () => {
    await machine.storage.put("edits/ada/m1/c-1/4", { format: 2, steps: [{ kind: "edit", change: insert(0, "x") }] });
    await machine.storage.put("edits/ada/m1/c-2", {
      format: 2, segment: 1, version: 1, confirmed: "hello", buffer: insert(0, "y"), waiting: 1, nextSeq: 1,
    });
    await machine.storage.put("edits/ada/m1/c-2/1", { format: 2, steps: [{ kind: "begin" }, { kind: "own", ops: insert(0, "y") }] });
    const session = await open(machine.open("ada"));
    await harness.clock.run(5_000);
    expect(session.text).toBe("hello");
    expect(await stored()).toEqual([]);
  });
});

describe("two tabs at once", () => {
  test("each keeps its own, and neither touches the other's", async () => {
    const [one, two] = [machine.open("ada"), machine.open("ada")];
    const [a, b] = [await open(one), await open(two)];
    one.offline();
    two.offline();
    await harness.clock.run(10);
    a.edit(insert(5, "A"));
    b.edit(insert(0, "B"));
    await harness.clock.run(100);
    expect(await owners()).toHaveLength(2);
    expect([a.text, b.text]).toEqual(["helloA", "Bhello"]);
    one.online();
    two.online();
    await harness.clock.run(30_000);
    expect([a.text, b.text, harness.server.content]).toEqual(["BhelloA", "BhelloA", "BhelloA"]);
    expect(await stored()).toEqual([]);
  });

  test("what one left when it ended is sent by the other, also if that was open all the time", async () => {
    const [one, two] = [machine.open("ada"), machine.open("ada")];
    const [a, b] = [await open(one), await open(two)];
    one.offline();
    await harness.clock.run(10);
    a.edit(insert(5, "A"));
    await harness.clock.run(100);
    one.kill();
    await harness.clock.run(70_000);
    expect(harness.server.content).toBe("helloA");
    expect(b.text).toBe("helloA");
    expect(await stored()).toEqual([]);
  });

  test("of several that ended, the next takes up all, once each", async () => {
    const tabs = [machine.open("ada"), machine.open("ada"), machine.open("ada")];
    const sessions: NotesSession[] = [];
    for (const tab of tabs) sessions.push(await open(tab));
    for (const tab of tabs) tab.offline();
    await harness.clock.run(10);
    for (const [i, session] of sessions.entries()) session.edit(insert(5, `<${i}>`));
    await harness.clock.run(100);
    for (const tab of tabs) tab.kill();
    const [next, other] = [machine.open("ada"), machine.open("ada")];
    const opening = [next.rapport.openNotes("m1"), other.rapport.openNotes("m1")];
    await harness.clock.run(30_000);
    const [a, b] = await Promise.all(opening);
    expect(harness.server.version).toBe(4);
    for (const i of [0, 1, 2]) expect(harness.server.content.split(`<${i}>`)).toHaveLength(2);
    expect([a?.text, b?.text]).toEqual([harness.server.content, harness.server.content]);
    expect(await stored()).toEqual([]);
  });
});

describe("a draft", () => {
  /** Edits "helloA" offline in a tab that then ends. */
  async function leave(): Promise<void> {
    const tab = machine.open("ada");
    const session = await open(tab);
    tab.offline();
    await harness.clock.run(10);
    session.edit(insert(5, "A"));
    await harness.clock.run(100);
    tab.kill();
  }

  test("of a meeting that ended meanwhile: kept, shown beside the last text, and discarded", async () => {
    await leave();
    byBob("b");
    harness.server.endMeeting();
    const session = await open(machine.open("ada"));
    await harness.clock.run(5_000);
    expect(session.text).toBe("bhello");
    expect(session.status).toMatchObject({ kind: "draft", drafts: 1 });
    expect(session.drafts).toMatchObject([{ reason: "meeting_over", baseText: "bhello", text: "bhelloA" }]);
    const [draft] = session.drafts;
    await expect(settle(session.applyDraft(draft?.id ?? ""))).rejects.toMatchObject({ code: "MEETING_NOT_ACTIVE" });
    expect(session.drafts).toHaveLength(1);
    expect(await stored()).toEqual([expect.stringMatching(/^drafts/)]);
    // Also in the next window, until it is decided; then in none.
    const next = await open(machine.open("ada"));
    expect(next.drafts).toEqual(session.drafts);
    expect(await settle(next.discardDraft(draft?.id ?? ""))).toBe(true);
    expect(await settle(session.discardDraft(draft?.id ?? ""))).toBe(false);
    expect(session.drafts).toEqual([]);
    expect(session.status).toMatchObject({ kind: "readonly", why: "meeting_over" });
    expect(await stored()).toEqual([]);
  });

  test("of a meeting that the person was removed from", async () => {
    await leave();
    harness.server.setRole("ada", undefined);
    const opening = machine.open("ada").rapport.openNotes("m1");
    opening.catch(() => {});
    await harness.clock.run(1_000);
    await expect(opening).rejects.toMatchObject({ code: "FORBIDDEN" });
    harness.server.setRole("ada", "participant");
    const session = await open(machine.open("ada"));
    expect(session.drafts).toMatchObject([{ reason: "forbidden", text: "helloA" }]);
    expect(session.text).toBe("hello");
  });

  test("of a history that is gone: applied to what is there now, in one window only", async () => {
    await leave();
    for (let i = 0; i < 10; i++) byBob("b");
    harness.server.horizon = 8;
    const [one, two] = [await open(machine.open("ada")), await open(machine.open("ada"))];
    await harness.clock.run(70_000);
    const [draft] = one.drafts;
    expect(draft).toMatchObject({ reason: "history_gone", baseText: "hello", text: "helloA" });
    expect(two.drafts).toEqual([draft]);
    const both = [one.applyDraft(draft?.id ?? ""), two.applyDraft(draft?.id ?? "")];
    await harness.clock.run(5_000);
    expect((await Promise.all(both)).sort()).toEqual([false, true]);
    await harness.clock.run(70_000);
    expect(harness.server.content).toBe(`${"b".repeat(10)}helloA`);
    expect([one.drafts, two.drafts]).toEqual([[], []]);
    expect(await stored()).toEqual([]);
  });

  async function settle<T>(promise: Promise<T>): Promise<T> {
    promise.catch(() => {});
    await harness.clock.run(100);
    return await promise;
  }
});

describe("a storage that fails", () => {
  test.each<[string, () => void]>([
    ["is denied", () => {
      machine.check = () => {
        throw new DOMException("denied", "SecurityError");
      };
    }],
    ["is full", () => {
      machine.check = (action) => {
        if (action === "put") throw new DOMException("full", "QuotaExceededError");
      };
    }],
    ["never answers", () => {
      machine.latency = 1e9;
    }],
  ])("%s: works on, and says that edits are kept only while the tab is open", async (_name, breakIt) => {
    breakIt();
    const tab = machine.open("ada");
    const opening = tab.rapport.openNotes("m1");
    await harness.clock.run(10_000);
    const session = await opening;
    session.edit(insert(5, "A"));
    await harness.clock.run(10_000);
    expect(harness.server.content).toBe("helloA");
    tab.offline();
    session.edit(insert(6, "B"));
    await harness.clock.run(10_000);
    expect(session.status).toMatchObject({ kind: "offline", changes: 1, storage: "tab" });
    tab.online();
    await harness.clock.run(30_000);
    expect(harness.server.content).toBe("helloAB");
  });

  test("that is full for a while keeps again what comes later, and nothing that is out of date", async () => {
    const tab = machine.open("ada");
    const session = await open(tab);
    tab.offline();
    session.edit(insert(5, "A"));
    await harness.clock.run(100);
    expect(session.status.storage).toBe("kept");
    machine.check = (action) => {
      if (action === "put") throw new DOMException("full", "QuotaExceededError");
    };
    session.edit(insert(6, "B"));
    await harness.clock.run(100);
    expect(session.status.storage).toBe("tab");
    expect(await stored()).toEqual([]);
    machine.check = () => {};
    session.edit(insert(7, "C"));
    await harness.clock.run(100);
    expect(session.status.storage).toBe("kept");
    tab.kill();
    await open(machine.open("ada"));
    await harness.clock.run(10_000);
    expect(harness.server.content).toBe("helloABC");
  });

  test("that stored, too late, what it was given up on: that is removed again, and sent by nobody twice", async () => {
    const tab = machine.open("ada");
    const session = await open(tab);
    tab.offline();
    machine.latency = 5_000;
    session.edit(insert(5, "A"));
    await harness.clock.run(2_100);
    expect(session.status.storage).toBe("tab");
    await harness.clock.run(10_000);
    machine.latency = 0;
    tab.online();
    await harness.clock.run(60_000);
    expect(session.status).toMatchObject({ kind: "saved", storage: "kept" });
    expect(await stored()).toEqual([]);
  });

  test("that is full has a draft only in this tab, says so, and stores it when there is room", async () => {
    const tab = machine.open("ada");
    const session = await open(tab);
    machine.check = (action) => {
      if (action === "put") throw new DOMException("full", "QuotaExceededError");
    };
    tab.offline();
    session.edit(insert(5, "A"));
    await harness.clock.run(100);
    harness.server.setRole("ada", "observer");
    tab.online();
    await harness.clock.run(30_000);
    expect(session.status).toMatchObject({ kind: "draft", drafts: 1, storage: "tab" });
    machine.check = () => {};
    await harness.clock.run(61_000);
    expect(session.status).toMatchObject({ kind: "draft", drafts: 1, storage: "kept" });
    expect(await stored()).toEqual([`drafts/ada/m1/${session.drafts[0]?.id ?? ""}`]);
  });

  test("that is full keeps what an earlier window left, also when that is refused", async () => {
    const first = machine.open("ada");
    const session = await open(first);
    first.offline();
    session.edit(insert(5, "A"));
    await harness.clock.run(100);
    first.kill();
    machine.check = (action) => {
      if (action === "put") throw new DOMException("full", "QuotaExceededError");
    };
    harness.server.roles.delete("ada");
    const opening = machine.open("ada").rapport.openNotes("m1");
    opening.catch(() => {});
    await harness.clock.run(1_000);
    await expect(opening).rejects.toMatchObject({ code: "FORBIDDEN" });
    expect(await owners()).toEqual([`edits/ada/m1/${session.clientId}`]);
  });

  test("records of another version are left alone", async () => {
    await machine.storage.put("edits/ada/m1/c-later", { format: 3, what: "ever" });
    const session = await open(machine.open("ada"));
    await harness.clock.run(10_000);
    expect(session.text).toBe("hello");
    expect(await stored()).toEqual(["edits/ada/m1/c-later"]);
  });
});

const seed = baseSeed();
console.log(`offline: RAPPORT_SEED=${seed}`);

test.each(Array.from({ length: 12 }, (_, i) => seed + i))("what each window wrote offline at one place is whole, whoever wrote there: seed %i", async (harnessSeed) => {
  harness = new Harness(harnessSeed);
  harness.server.begin("Agenda: . End");
  const { random, clock, server } = harness;
  interface Window { readonly machine: Machine; tab: Tab; session: NotesSession; written: string }
  const windows: Window[] = [];
  for (const user of ["ada", "bob", "cy"].slice(0, 2 + random.below(2))) {
    server.roles.set(user, "participant");
    const on = new Machine(harness);
    for (let i = 1 + random.below(2); i > 0; i--) {
      const tab = on.open(user);
      windows.push({ machine: on, tab, session: await open(tab), written: "" });
    }
  }
  // Some were writing when the network went.
  for (const { session } of windows) if (random.chance(0.5)) session.edit(insert(random.below(3), "."));
  await clock.until(() => windows.every(({ session }) => !session.pending && session.text === server.content));
  for (const { tab } of windows) tab.offline();
  await clock.run(10);
  const start = [...server.content].length - 5;
  for (let i = 0; i < 60; i++) {
    const k = random.below(windows.length);
    const window = windows[k] as Window;
    const { session, written } = window;
    const at = written === "" ? start : countCodePoints(session.text, 0, session.text.indexOf(written));
    const length = countCodePoints(written);
    if (length > 3 && random.chance(0.15)) {
      session.edit([{ type: "delete", position: at + length - 1, length: 1 }]);
      window.written = [...written].slice(0, -1).join("");
    } else {
      // Now and then more than one change has room for.
      const sign = random.chance(0.1) ? "😀" : String.fromCodePoint(0x4e00 + 100 * k + i);
      const text = random.chance(0.03) ? sign.repeat(9_000) : sign;
      session.edit(insert(at + length, text));
      window.written += text;
    }
    await clock.run(random.below(400));
    if (random.chance(0.05)) {
      await clock.run(100);
      window.tab.kill();
      window.tab = window.machine.open(window.tab.userId);
      window.tab.offline();
      const opening = window.tab.rapport.openNotes("m1");
      await clock.run(3_000);
      window.session = await opening;
    }
  }
  harness.network.faults = { delay: 300, drop: 0.03, duplicate: 0.05, cut: 0.005 };
  for (const { tab } of windows) {
    await clock.run(random.below(3_000));
    tab.online();
  }
  await clock.run(60_000);
  harness.network.faults = { delay: 0, drop: 0, duplicate: 0, cut: 0 };
  await clock.until(() => windows.every(({ session }) => !session.pending && session.text === server.content));
  for (const { written } of windows) expect(server.content.split(written || "Agenda"), written.slice(0, 40)).toHaveLength(2);
  expect([...server.content].length).toBe(start + 5 + windows.reduce((sum, { written }) => sum + countCodePoints(written), 0));
  for (const { session } of windows) session.close();
});

test.each(Array.from({ length: 12 }, (_, i) => seed + i))("tabs that lose the network and end at any moment lose and repeat nothing: seed %i", async (harnessSeed) => {
  harness = new Harness(harnessSeed);
  harness.server.begin("Agenda\n");
  harness.server.roles.set("ada", "host");
  const { random, clock, server } = harness;
  const machines = [new Machine(harness), new Machine(harness)];
  interface Window { readonly tab: Tab; readonly session: NotesSession; readonly machine: Machine; online: boolean }
  const windows: Window[] = [];
  const tokens: string[] = [];
  /** Not yet stored when their tab ended: these may be missing. */
  const unsafe = new Set<string>();
  harness.network.faults = { delay: 300, drop: 0.03, duplicate: 0.05, cut: 0.005 };
  for (let i = 0; i < 250; i++) {
    if (windows.length < 3) {
      const on = machines[random.below(2)] as Machine;
      on.latency = 1 + random.below(20);
      const tab = on.open("ada");
      const opened: NotesSession[] = [];
      tab.rapport.openNotes("m1").then((session) => opened.push(session), () => {});
      await clock.run(5_000);
      const [session] = opened;
      if (session !== undefined) windows.push({ tab, session, machine: on, online: true });
      else tab.kill();
      continue;
    }
    const k = random.below(windows.length);
    const window = windows[k] as Window;
    const token = `⟦${i}😀⟧`;
    const { text } = window.session;
    const gaps = [...text.matchAll(/⟧/gu)].map((m) => countCodePoints(text, 0, m.index) + 1);
    window.session.edit(insert(gaps[random.below(gaps.length)] ?? countCodePoints(text), token));
    tokens.push(token);
    if (random.chance(0.1)) {
      window.online = !window.online;
      if (window.online) window.tab.online();
      else window.tab.offline();
    }
    if (random.chance(0.04)) {
      // What was typed in the last moments may not be stored yet.
      unsafe.add(token);
      window.tab.kill();
      windows.splice(k, 1);
    } else if (random.chance(0.03)) {
      window.session.close();
      await clock.run(200);
      window.tab.kill();
      windows.splice(k, 1);
    }
    await clock.run(100 + random.below(200));
  }
  harness.network.faults = { delay: 0, drop: 0, duplicate: 0, cut: 0 };
  for (const { tab } of windows) tab.online();
  // What was left on a machine without a window waits for one.
  const last = machines.map((on) => {
    on.latency = 1;
    return on.open("ada").rapport.openNotes("m1");
  });
  await clock.run(200_000);
  const sessions = [...windows.map(({ session }) => session), ...(await Promise.all(last))];
  await clock.until(() => sessions.every((s) => !s.pending && s.state === "synced"), 600_000);
  await clock.run(100_000);
  for (const on of machines) expect(await on.storage.keys("")).toEqual([]);
  for (const session of sessions) {
    expect(session.drafts).toEqual([]);
    expect(session.text).toBe(server.content);
  }
  for (const token of tokens) {
    const times = server.content.split(token).length - 1;
    if (unsafe.has(token)) expect(times, token).toBeLessThanOrEqual(1);
    else expect(times, token).toBe(1);
  }
  for (const forms of server.arrivals.values()) expect(forms.size).toBe(1);
  for (const session of sessions) session.close();
});

/** The examples that are programs, on a server in memory; `examples.test.ts` runs them as they are, at a real one. */
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { Rapport } from "../src/index.ts";
import { Harness } from "./harness.ts";

let harness: Harness;
let printed: string[];
let end: () => Promise<void> | void;

/** Starts the program as `userId`, in place of the process that it would be. */
async function start(name: "bot" | "counter", userId: string): Promise<void> {
  const rapport: Rapport = harness.client(userId);
  vi.resetModules();
  vi.doMock("../examples/connect.mjs", () => ({
    connect: () => rapport,
    meetingOf: () => Promise.resolve("m1"),
    onEnd: (callback: () => Promise<void> | void) => {
      end = callback;
    },
  }));
  const starting = import(`../examples/${name}.mjs`);
  let started = false;
  void starting.finally(() => (started = true));
  // Loading the module takes its own time, beside the fake clock's.
  await vi.waitFor(async () => {
    await harness.clock.run(100);
    expect(started).toBe(true);
  }, { timeout: 30_000, interval: 5 });
  await starting;
  await harness.clock.run(200);
}

async function say(...texts: string[]): Promise<void> {
  const chunks = texts.map((text) => ({ text, confidence: 1, startMs: 0, endMs: 1, isFinal: true }));
  const saying = harness.client("ada").transcript.append("m1", { chunks });
  await harness.clock.run(1_000);
  await saying;
}

beforeEach(() => {
  harness = new Harness(4);
  harness.server.begin("");
  harness.server.roles.set("ada", "host");
  harness.server.roles.set("robot", "participant");
  printed = [];
  vi.spyOn(console, "log").mockImplementation((...words: unknown[]) => void printed.push(words.join(" ")));
});

afterEach(() => {
  vi.restoreAllMocks();
  vi.doUnmock("../examples/connect.mjs");
});

test("the bot writes down what is said with note in front of it, and nothing else", async () => {
  await start("bot", "robot");
  await say("Hello everybody", "Note: buy milk", "note that the sky is blue");
  expect(harness.server.content).toBe("## Notes\n- buy milk\n- that the sky is blue\n");
  const ending = end();
  await harness.clock.run(1_000);
  await ending;
  await say("note too late");
  expect(harness.server.content).not.toContain("late");
});

test("the counter counts people, words and chunks, and ends when it is removed", async () => {
  await start("counter", "robot");
  expect(printed.at(-1)).toMatch(/^active: 0 here, 0 words in version 0, 0 chunks said$/u);
  harness.server.append({ authorId: "ada", clientId: "a", clientSeq: 1, ops: [{ type: "insert", position: 0, content: "two words" }] });
  harness.server.tellPresence([{ userId: "ada", clientKey: "k", displayName: "Ada", status: "active" }]);
  await say("one", "two");
  expect(printed.at(-1)).toBe("active: 1 here, 2 words in version 1, 2 chunks said");
  harness.server.setRole("robot", undefined);
  await harness.clock.run(1_000);
  expect(printed.at(-1)).toBe("ended: removed");
});

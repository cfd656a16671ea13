/**
 * The examples, as programs, against a runner that runs: RAPPORT_URL says where.
 * They import the built package, so `npm run build` comes first.
 */
import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { existsSync } from "node:fs";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { afterEach, describe, expect, test } from "vitest";
import { Rapport } from "../src/index.ts";

const url = process.env["RAPPORT_URL"] ?? "";
const built = existsSync(new URL("../dist/index.js", import.meta.url));
const why = url === "" ? "RAPPORT_URL names no runner" : built ? "" : "there is no dist: npm run build";
if (why !== "") console.log(`examples: skipped, ${why}`);

const patienceMs = 60_000;

/** A program of examples/, what it prints, and its end. */
class Example {
  readonly lines: string[] = [];
  readonly #child: ChildProcess;
  readonly #ended: Promise<number | null>;

  constructor(name: string, user: string, meetingId: string) {
    const path = fileURLToPath(new URL(`../examples/${name}.mjs`, import.meta.url));
    const options = Number(process.versions.node.split(".")[0]) < 22 ? ["--experimental-websocket"] : [];
    this.#child = spawn(process.execPath, [...options, path, meetingId], {
      env: { ...process.env, RAPPORT_URL: url, RAPPORT_USER: user }, stdio: ["ignore", "pipe", "pipe"],
    });
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      if (stream !== null) createInterface({ input: stream }).on("line", (line) => this.lines.push(line));
    }
    this.#ended = new Promise((resolve) => this.#child.once("exit", resolve));
  }

  async prints(what: RegExp): Promise<void> {
    await until(() => this.lines.some((line) => what.test(line)), () => `${what} was not printed:\n${this.lines.join("\n")}`);
  }

  /** Asks it to end; gives its exit code. */
  end(): Promise<number | null> {
    this.#child.kill("SIGTERM");
    return this.ends();
  }

  /** Waits until it ends by itself; gives its exit code. */
  async ends(): Promise<number | null> {
    const timer = setTimeout(() => this.#child.kill("SIGKILL"), patienceMs);
    const code = await this.#ended;
    clearTimeout(timer);
    return code;
  }
}

async function until(done: () => boolean, explain: () => string): Promise<void> {
  const limit = Date.now() + patienceMs;
  while (!done()) {
    if (Date.now() > limit) throw new Error(explain());
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

async function person(user: string): Promise<Rapport> {
  const answer = await fetch(`${url}/dev/token`, {
    method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify({ user }),
  });
  const { accessToken } = (await answer.json()) as { accessToken: string };
  return new Rapport({ baseUrl: url, token: () => Promise.resolve(accessToken) });
}

describe.skipIf(why !== "")("examples at a runner", () => {
  const programs: Example[] = [];
  afterEach(async () => {
    for (const program of programs.splice(0)) await program.end();
  });

  function start(name: string, user: string, meetingId: string): Example {
    const program = new Example(name, user, meetingId);
    programs.push(program);
    return program;
  }

  test("a bot writes what is said, a counter counts it", async () => {
    const ada = await person("example-ada");
    const { meetingId } = await ada.meetings.create({ title: "Examples" });
    for (const user of ["example-bot", "example-counter"]) {
      const { userId } = await (await person(user)).me();
      await ada.participants.invite(meetingId, { userId, role: "participant" });
    }
    await ada.meetings.start(meetingId);
    const bot = start("bot", "example-bot", meetingId);
    const counter = start("counter", "example-counter", meetingId);
    await bot.prints(/listening/u);
    await counter.prints(/active/u);

    for (const text of ["Hello everybody", "Note: buy milk", "note that the sky is blue"]) {
      await ada.transcript.append(meetingId, { chunks: [{ text, confidence: 1, startMs: 0, endMs: 1, isFinal: true }] });
    }
    let content = "";
    await until(() => {
      void ada.notes.get(meetingId).then((notes) => {
        content = notes.content;
      });
      return content.includes("sky");
    }, () => `the notes are ${JSON.stringify(content)}, the bot printed:\n${bot.lines.join("\n")}`);
    expect(content).toBe("## Notes\n- buy milk\n- that the sky is blue\n");
    await counter.prints(/3 chunks said/u);
    await counter.prints(/1[01] words/u);

    await ada.meetings.end(meetingId);
    await counter.prints(/concluded/u);
    expect(await bot.ends()).toBe(0);
    expect(await counter.end()).toBe(0);
  });
});

/**
 * The client against a runner, without the console: in Chromium (where there is
 * one) with its IndexedDB and Web Locks, its examples as programs, and five
 * people who write at once while their sockets are cut (EDITS= changes each).
 */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { dirname, join } from "node:path";
import { after, before, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { patience } from "./person.mjs";
import { startRunner } from "./runner.mjs";

const client = join(dirname(fileURLToPath(import.meta.url)), "..", "client");
// Node before 22 has no WebSocket without it.
const webSocket = Number(process.versions.node.split(".")[0]) < 22 ? ["--experimental-websocket", "--no-warnings"] : [];

describe("the client", { concurrency: true, timeout: 6 * patience }, () => {
  let runner;

  before(async () => {
    runner = await startRunner();
  }, { timeout: 2 * patience });

  after(() => runner?.stop());

  /** Runs a program of the client's folder against the runner; fails with what it printed. */
  async function passes(name, ...parameters) {
    const program = spawn(name, parameters, { cwd: client, env: { EDITS: "60", ...process.env, RAPPORT_URL: runner.baseUrl } });
    const printed = [];
    for (const stream of [program.stdout, program.stderr]) stream.on("data", (data) => printed.push(data));
    const [code] = await once(program, "close");
    assert.equal(code, 0, Buffer.concat(printed).toString());
  }

  it("works in a browser, and its examples as programs", () => passes("npx", "vitest", "run", "test/browser.test.ts", "test/examples.test.ts"));

  it("sees who is there where many frames come in one packet", () => passes(process.execPath, ...webSocket, "test/gathered.mjs"));

  it("lets five people write at once while their sockets are cut", () => passes(process.execPath, ...webSocket, "test/e2e.mjs"));
});

/** Starts the local runner for a test, on free ports, with data of its own. */
import { execFile, spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const root = join(dirname(fileURLToPath(import.meta.url)), "..", "..");
const startMs = 120_000;
const stopMs = 15_000;
const keptLines = 60;

/**
 * The runner at BASE_URL where that is set, else one of its own: the binary
 * RUNNER, or one built from this tree.
 * `crash` kills it without warning and starts it again on the same data and
 * ports; undefined for a given runner.
 * @returns {Promise<{baseUrl: string, log: () => string, crash?: () => Promise<void>, stop: () => Promise<void>}>}
 */
export async function startRunner() {
  const given = process.env.BASE_URL;
  if (given) return { baseUrl: given.replace(/\/$/, ""), log: () => "", stop: async () => {} };

  const folder = await mkdtemp(join(tmpdir(), "rapport-e2e-"));
  const binary = process.env.RUNNER ?? join(folder, "rapport");
  if (!process.env.RUNNER) await promisify(execFile)("go", ["build", "-o", binary, "./infra/local"], { cwd: root });
  const [port, wsPort] = await freePorts(2);
  const env = { ...process.env, PORT: String(port), WS_PORT: String(wsPort), DATA_DIR: join(folder, "data") };
  /** @type {string[]} */
  const lines = [];
  const start = () => new Process(binary, env, lines);

  let running = start();
  const stop = async () => {
    await running.end("SIGTERM");
    await rm(folder, { recursive: true, force: true });
  };
  try {
    return {
      baseUrl: await running.ready,
      log: () => lines.join("\n"),
      crash: async () => {
        await running.end("SIGKILL");
        running = start();
        await running.ready;
      },
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** One life of the runner; its last lines go to `lines`. */
class Process {
  #child;
  #ended;
  /** @type {Promise<string>} Its address. */
  ready;

  constructor(binary, env, lines) {
    this.#child = spawn(binary, { cwd: root, env });
    this.#ended = new Promise((resolve) => {
      this.#child.once("exit", (code, signal) => resolve(code ?? signal));
      this.#child.once("error", (error) => resolve(error.message)); // it could not be started
    });
    this.ready = new Promise((resolve, reject) => {
      const fail = (why) => {
        clearTimeout(timer);
        reject(new Error(`the runner ${why}:\n${lines.join("\n")}`));
      };
      const timer = setTimeout(() => fail("did not get ready"), startMs);
      for (const stream of [this.#child.stdout, this.#child.stderr]) {
        createInterface({ input: stream }).on("line", (line) => {
          lines.push(line);
          if (lines.length > keptLines) lines.shift();
          const url = /^ready (\S+)/.exec(line)?.[1];
          if (!url) return;
          clearTimeout(timer);
          resolve(url);
        });
      }
      void this.#ended.then((how) => fail(`ended with ${how}`));
    });
    this.ready.catch(() => undefined); // whoever waits for it gets the error
  }

  /** @param {"SIGTERM" | "SIGKILL"} signal */
  async end(signal) {
    this.#child.kill(signal);
    const timer = setTimeout(() => this.#child.kill("SIGKILL"), stopMs);
    await this.#ended;
    clearTimeout(timer);
  }
}

/**
 * Held open together, so that they differ; given back just before use.
 * @param {number} count
 */
async function freePorts(count) {
  const servers = await Promise.all(
    Array.from({ length: count }, () => new Promise((resolve, reject) => {
      const server = createServer().once("error", reject).listen(0, "127.0.0.1", () => resolve(server));
    })),
  );
  const ports = servers.map((server) => server.address().port);
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}

/** Starts the local runner for a test, on free ports, keeping nothing. */
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
 * The runner at BASE_URL where that is set, else one of its own, built from
 * this tree.
 * @returns {Promise<{baseUrl: string, log: () => string, stop: () => Promise<void>}>}
 */
export async function startRunner() {
  const given = process.env.BASE_URL;
  if (given) return { baseUrl: given.replace(/\/$/, ""), log: () => "", stop: async () => {} };

  const folder = await mkdtemp(join(tmpdir(), "rapport-e2e-"));
  const binary = join(folder, "rapport");
  await promisify(execFile)("go", ["build", "-o", binary, "./infra/local"], { cwd: root });
  const [port, wsPort] = await freePorts(2);
  const child = spawn(binary, { cwd: root, env: { ...process.env, PORT: String(port), WS_PORT: String(wsPort), DATA_DIR: ":memory:" } });

  /** @type {string[]} */
  const lines = [];
  const ended = new Promise((resolve) => child.once("exit", resolve));
  const ready = new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`the runner did not get ready:\n${lines.join("\n")}`)), startMs);
    for (const stream of [child.stdout, child.stderr]) {
      createInterface({ input: stream }).on("line", (line) => {
        lines.push(line);
        if (lines.length > keptLines) lines.shift();
        const url = /^ready (\S+)/.exec(line)?.[1];
        if (!url) return;
        clearTimeout(timer);
        resolve(url);
      });
    }
    void ended.then((code) => {
      clearTimeout(timer);
      reject(new Error(`the runner ended with ${code}:\n${lines.join("\n")}`));
    });
  });

  const stop = async () => {
    child.kill("SIGTERM");
    const timer = setTimeout(() => child.kill("SIGKILL"), stopMs);
    await ended;
    clearTimeout(timer);
    await rm(folder, { recursive: true, force: true });
  };
  try {
    return { baseUrl: await ready, log: () => lines.join("\n"), stop };
  } catch (error) {
    await stop();
    throw error;
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

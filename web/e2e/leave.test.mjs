/**
 * What was typed is there after the page was left at once: by an address, by
 * closing the tab, and by the end of its process, in an empty text and in a long
 * one. RUNS=50 for more of each (3), SIZES=0,200000 for other texts, KEYS=200
 * keystrokes that are measured, WAYS=navigate,close,kill for some of the ways.
 * REPORT= names a file for the figures.
 */
import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { cpus } from "node:os";
import { after, before, describe, it } from "node:test";
import { findChromium, launch } from "./chromium.mjs";
import { busyStorage, enterText, goAway, graceMs, keystrokesToStored, leaveOften } from "./leave.mjs";
import { notesPath } from "./meeting.mjs";
import { eventually, patience } from "./person.mjs";
import { startRunner } from "./runner.mjs";

const chromium = findChromium();
if (!chromium) console.log("browser test skipped: no Chromium found (Debian: apt-get install chromium; or set CHROMIUM to its path)");

const runs = Number(process.env.RUNS ?? 3);
const keys = Number(process.env.KEYS ?? 60);
const sizes = (process.env.SIZES ?? "0,200000").split(",").map(Number);
/** @type {import("./leave.mjs").Way[]} */
const ways = (process.env.WAYS ?? "navigate,close,kill").split(",").filter((way) => way !== "");
const names = { navigate: "another address", close: "the tab is closed", kill: "its process is killed" };

describe("leaving the page", { skip: !chromium, timeout: sizes.length * (3 * runs * patience) }, () => {
  let runner;
  let browser;
  /** @type {string[][]} */
  const left = [];
  /** @type {string[][]} */
  const stored = [];

  before(async () => {
    runner = await startRunner();
    browser = await launch(chromium);
  }, { timeout: 4 * patience });

  after(async () => {
    await browser?.close();
    await runner?.stop();
    if (process.env.REPORT) await writeFile(process.env.REPORT, report(left, stored, browser?.version() ?? ""));
  });

  for (const size of sizes) {
    it(`in a text of ${size} letters`, { timeout: 3 * runs * patience }, async (t) => {
      const where = await enterText(browser, runner.baseUrl, size);
      const times = await keystrokesToStored(where, keys);
      for (const [what, values] of [["given to the browser", times.given], ["confirmed by the storage", times.confirmed]]) {
        const row = [String(size), what, String(values.length), ...[0.5, 0.95, 1].map((part) => quantile(values, part).toFixed(1))];
        stored.push(row);
        t.diagnostic(`from a keystroke until ${what}: median ${row[3]} ms, p95 ${row[4]} ms, longest ${row[5]} ms`);
      }
      const wrong = [];
      for (const way of ways) {
        const name = names[way];
        const { incomplete, late, prompts } = await leaveOften(browser, where, way, runs);
        left.push([String(size), name, String(runs), String(incomplete), String(late), String(prompts)]);
        const outcome = `${name}: ${incomplete} of ${runs} incomplete, ${late} by a letter older than ${graceMs} ms`;
        t.diagnostic(`${outcome}, ${prompts} questions`);
        // Who ends without a word may lose what was typed at that very moment.
        if ((way === "kill" ? late : incomplete) > 0) wrong.push(outcome);
      }
      await where.person.leave();
      assert.deepEqual(wrong, []);
    });
  }

  it("asks first while a write is under way, and only then", { timeout: 3 * patience }, async () => {
    const { person, meetingId } = await enterText(browser, runner.baseUrl, 0);
    await person.type("End", "first.");
    await person.notesAre(/Saved/);
    assert.equal(await goAway(person), 0, "everything is saved");
    await person.open(meetingId);
    await busyStorage(person, 1_500);
    await person.type("End", "x");
    assert.equal(await goAway(person), 1, "a letter is not stored yet");
    await person.page.goto(`/#/meetings/${encodeURIComponent(meetingId)}`);
    await person.notesAre(/Saved/);
    await eventually(async () => assert.equal((await person.get(notesPath(meetingId))).body.content, "first.x"));
    await person.goOffline();
    await person.type("End", "y");
    await eventually(async () => assert.equal((await person.storedEdits()).length, 1));
    assert.equal(await goAway(person), 0, "offline, but stored");
    await person.goOnline();
    await person.leave();
  });
});

function quantile(values, part) {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(part * sorted.length) - 1)] ?? 0;
}

function report(left, stored, version) {
  const table = (head, rows) => [head, head.map(() => "---"), ...rows].map((row) => `| ${row.join(" | ")} |`).join("\n");
  return `# Leaving the page

Written by \`make prove-notes\`: Chromium ${version}, headless, ${cpus().length} cores (${cpus()[0]?.model ?? "unknown"}), the local runner beside it.

Somebody types a word at 60 ms a letter at the end of the notes and leaves the page right after the last letter, then comes back. A run is incomplete where the server comes to lack a letter.

${table(["letters in the text", "left by", "runs", "incomplete", `of them by a letter older than ${graceMs} ms`, "questions asked"], left)}

From a keystroke until its letter is in the hands of the browser, which outlives the page, and until the storage has confirmed it, in ms:

${table(["letters in the text", "until", "keystrokes", "median", "p95", "longest"], stored)}
`;
}

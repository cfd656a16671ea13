/**
 * How fast the room is in a browser, and how much it holds: from a keystroke to
 * one's own screen and to another's, with 10 and with 50 people in one room, and
 * the memory of a tab after an hour of a busy meeting, played at speed. Prints
 * tables; it is no test. `npm run measure` in web.
 *
 * PEOPLE=10,50 (none: PEOPLE=) KEYS=150 (keystrokes that are measured) TYPING=0.1 (the part of
 * the others that types, 3 characters a second each) HOUR_RATE=4 (changes a
 * second in the busy hour; 0 leaves it out) BASE_URL, RUNNER, CHROMIUM as in the
 * browser tests. Node before 22 needs --experimental-websocket.
 */
import { findChromium, launch } from "./chromium.mjs";
import { Fleet } from "./fleet.mjs";
import { notesPath } from "./meeting.mjs";
import { Person } from "./person.mjs";
import { startRunner } from "./runner.mjs";

const sizes = (process.env.PEOPLE ?? "10,50").split(",").map(Number).filter((size) => size > 0);
const keys = Number(process.env.KEYS ?? 150);
const typing = Number(process.env.TYPING ?? 0.1);
const hourRate = Number(process.env.HOUR_RATE ?? 4);
const charactersASecond = 3;
/** Each keystroke writes a letter that nobody else writes. */
const firstLetter = 0x4e00;

const chromium = findChromium();
if (!chromium) throw new Error("no Chromium found (Debian: apt-get install chromium; or set CHROMIUM to its path)");
const runner = await startRunner();
const browser = await launch(chromium);
try {
  const rows = [];
  for (const size of sizes) rows.push(await keystrokes(size));
  if (rows.length > 0) table(["people", "of whom type", "keystroke to own screen, median", "p95", "to another's screen, median", "p95", "not seen"], rows);
  if (hourRate > 0) table(["what a tab holds", "JavaScript heap, MB", "DOM nodes", "listeners"], await hour());
} finally {
  await browser.close();
  await runner.stop();
}

/** Two windows and a fleet in a new meeting. */
async function room(size) {
  const fleet = await Fleet.gather(runner.baseUrl, size - 2);
  const people = await Promise.all(["ada", "grace"].map((user) => Person.enter(browser, runner.baseUrl, user)));
  const [ada, grace] = people;
  const others = [(await grace.identity()).userId, ...fleet.userIds];
  const { body } = await ada.call("POST", "/v1/meetings", { title: `Measured with ${size}`, participants: others.map((userId) => ({ userId, role: "participant" })) });
  await ada.call("POST", `/v1/meetings/${encodeURIComponent(body.meetingId)}/start`);
  for (const person of people) await person.open(body.meetingId);
  await ada.type("End", "first line\n");
  await ada.notesAre(/Saved/);
  await fleet.enter(body.meetingId);
  for (const person of people) await person.page.locator(`.here[data-count="${size}"]`).waitFor();
  const leave = async () => {
    await fleet.leave();
    for (const person of people) await person.leave();
  };
  return { fleet, ada, grace, meetingId: body.meetingId, leave };
}

async function keystrokes(size) {
  const { fleet, ada, grace, leave } = await room(size);
  const typists = Math.max(1, Math.round((size - 2) * typing));
  for (const { page } of [ada, grace]) await page.evaluate(watch, firstLetter);
  fleet.type(typists, charactersASecond);
  await ada.type("End", "");
  for (let i = 0; i < keys; i++) {
    await ada.page.keyboard.insertText(String.fromCodePoint(firstLetter + i));
    await new Promise((resolve) => setTimeout(resolve, 120 + 160 * Math.random()));
  }
  await grace.page.waitForFunction((count) => globalThis.measured.seen.size >= count, keys, { timeout: 30_000 }).catch(() => undefined);
  const [own, other] = await Promise.all([ada, grace].map(({ page }) => page.evaluate(() => ({ typed: [...globalThis.measured.typed], seen: [...globalThis.measured.seen] }))));
  await leave();
  const typedAt = new Map(own.typed);
  const since = (seen) => seen.flatMap(([letter, at]) => (typedAt.has(letter) ? [at - typedAt.get(letter)] : [])).sort((a, b) => a - b);
  const [mine, theirs] = [since(own.seen), since(other.seen)];
  return [size, typists, ms(mine, 0.5), ms(mine, 0.95), ms(theirs, 0.5), ms(theirs, 0.95), keys - theirs.length];
}

/**
 * In the page: notes when each letter was typed, and when a frame that shows it
 * was painted. Both on the clock that all pages of a machine share.
 */
function watch(first) {
  const measured = { typed: new Map(), seen: new Map() };
  globalThis.measured = measured;
  const content = document.querySelector(".cm-content");
  const lettersIn = (text) => [...text].map((letter) => letter.codePointAt(0)).filter((code) => code >= first && code < first + 0x2000);
  content.addEventListener("beforeinput", (event) => {
    for (const letter of lettersIn(event.data ?? "")) measured.typed.set(letter, performance.timeOrigin + event.timeStamp);
  }, { capture: true });
  let waiting = false;
  new MutationObserver(() => {
    if (waiting) return;
    waiting = true;
    requestAnimationFrame(() => {
      // A message that is sent before a frame is painted arrives after it.
      const { port1, port2 } = new MessageChannel();
      port1.onmessage = () => {
        waiting = false;
        const now = performance.timeOrigin + performance.now();
        for (const letter of lettersIn(content.textContent)) if (!measured.seen.has(letter)) measured.seen.set(letter, now);
      };
      port2.postMessage(undefined);
    });
  }).observe(content, { childList: true, characterData: true, subtree: true });
}

/** 3,600 seconds of changes, as fast as the server takes them, in a room of ten. */
async function hour() {
  const total = 3_600 * hourRate;
  const { fleet, grace, ada, meetingId, leave } = await room(10);
  const session = await grace.context.newCDPSession(grace.page);
  const before = await held(session);
  const began = Date.now();
  await fleet.replay(total, (done) => process.stderr.write(`\r${done} of ${total} changes`));
  const { version, content } = (await ada.get(notesPath(meetingId))).body;
  await grace.page.waitForFunction((text) => document.querySelector(".cm-content").cmTile.root.view.state.doc.toString() === text, content);
  process.stderr.write(`\r${version} changes in ${Math.round((Date.now() - began) / 1000)} s, ${content.length} characters at the end\n`);
  const after = await held(session);
  await leave();
  return [["at the beginning", ...before], [`after ${version} changes`, ...after]];
}

async function held(session) {
  await session.send("Performance.enable");
  await session.send("HeapProfiler.enable");
  for (let i = 0; i < 3; i++) await session.send("HeapProfiler.collectGarbage");
  const { metrics } = await session.send("Performance.getMetrics");
  const of = (wanted) => metrics.find(({ name }) => name === wanted)?.value ?? NaN;
  return [(of("JSHeapUsedSize") / 1e6).toFixed(1), of("Nodes"), of("JSEventListeners")];
}

function ms(sorted, quantile) {
  const value = sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * quantile))];
  return value === undefined ? "–" : `${value.toFixed(0)} ms`;
}

function table(head, rows) {
  console.log(`\n| ${head.join(" | ")} |\n|${head.map(() => "---").join("|")}|`);
  for (const row of rows) console.log(`| ${row.join(" | ")} |`);
}

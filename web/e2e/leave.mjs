/** Leaving the page right after the last letter, in all the ways there are, and how long a letter is nowhere but in memory. */
import { notesPath, startMeeting } from "./meeting.mjs";
import { eventually, Person } from "./person.mjs";

const letters = "abcdef";
/** A person's pace, in ms. */
const pace = 60;
/** What a page that ends without a word may lose: what was typed within so many ms before. */
export const graceMs = 50;
const piece = "lorem ipsum dolor sit amet \n".repeat(500);

/** @typedef {"navigate" | "close" | "kill"} Way */

/**
 * A window in a meeting of its own, with a text of at least `size` letters.
 * @param {import("playwright-core").Browser} browser
 * @param {string} baseUrl
 * @param {number} size
 */
export async function enterText(browser, baseUrl, size) {
  const person = await Person.enter(browser, baseUrl, "ada");
  const meetingId = await startMeeting(person, `Leaving ${size}`, []);
  for (let at = 0, version = 0; at < size; at += piece.length, version++) {
    const content = piece.slice(0, size - at);
    const change = { baseVersion: version, clientId: "text", clientSeq: version + 1, ops: [{ type: "insert", position: at, content }] };
    const { status, body } = await person.call("POST", `${notesPath(meetingId)}/changes`, change);
    if (status !== 200 && status !== 201) throw new Error(`the text can't be made: ${status} ${JSON.stringify(body)}`);
  }
  await person.open(meetingId);
  return { person, meetingId };
}

/**
 * Types a word and leaves at once, `runs` times; what of it was lost afterwards.
 * @param {import("playwright-core").Browser} browser
 * @param {{ person: Person, meetingId: string }} where
 * @param {Way} way
 * @param {number} runs
 */
export async function leaveOften(browser, { person, meetingId }, way, runs) {
  let incomplete = 0;
  let late = 0;
  let prompts = 0;
  for (let i = 0; i < runs; i++) {
    const onDialog = async (dialog) => {
      prompts++;
      await dialog.accept();
    };
    person.page.on("dialog", onDialog);
    const word = `<${way[0]}${i}${letters}>`;
    await person.editor.focus();
    await person.page.keyboard.press("Control+End");
    /** When the page had each letter. */
    const typed = [];
    for (const letter of word) {
      await new Promise((resolve) => setTimeout(resolve, pace));
      await person.page.keyboard.insertText(letter);
      typed.push(Date.now());
    }
    const left = await leave(browser, person, way);
    person.page.off("dialog", onDialog);
    if (way === "navigate") {
      await person.page.goto(`/#/meetings/${encodeURIComponent(meetingId)}`);
      await person.notesAre(/Saved/);
    } else {
      await person.comeBack(meetingId, /Saved/);
    }
    const there = await longest(person, meetingId, word);
    if (there < word.length) incomplete++;
    if (typed.some((at, k) => k >= there && at <= left - graceMs)) late++;
  }
  return { runs, incomplete, late, prompts };
}

/**
 * Goes to another address, and answers a question with yes.
 * @returns {Promise<number>} How many questions there were.
 */
export async function goAway({ page }) {
  let questions = 0;
  const onDialog = async (dialog) => {
    questions++;
    await dialog.accept();
  };
  page.on("dialog", onDialog);
  await page.goto("about:blank");
  page.off("dialog", onDialog);
  return questions;
}

/** Keeps the page's storage busy for so many ms: writes wait for their turn. */
export async function busyStorage({ page }, ms) {
  await page.evaluate((length) => new Promise((resolve, reject) => {
    const opening = indexedDB.open("rapport");
    opening.onerror = () => reject(opening.error);
    opening.onsuccess = () => {
      const store = opening.result.transaction("edits", "readwrite").objectStore("edits");
      const end = performance.now() + length;
      const again = () => {
        resolve();
        if (performance.now() < end) store.get("nothing").onsuccess = again;
        else opening.result.close();
      };
      store.get("nothing").onsuccess = again;
    };
  }), ms);
}

/** Leaves; returns when that began. */
async function leave(browser, person, way) {
  switch (way) {
    case "navigate": {
      const at = Date.now();
      await person.page.goto("about:blank");
      return at;
    }
    case "close": {
      const at = Date.now();
      await person.page.close({ runBeforeUnload: false });
      return at;
    }
    case "kill": {
      const crashed = person.page.waitForEvent("crash");
      const pids = await renderers(browser);
      const at = Date.now();
      for (const pid of pids) process.kill(pid, "SIGKILL");
      await crashed;
      return at;
    }
    default:
      throw new TypeError(`there is no way ${way}`);
  }
}

/** The processes that run this browser's pages. */
async function renderers(browser) {
  const session = await browser.newBrowserCDPSession();
  const { processInfo } = await session.send("SystemInfo.getProcessInfo");
  await session.detach();
  return processInfo.filter(({ type }) => type === "renderer").map(({ id }) => id);
}

/** How much of the beginning of the word the server comes to have. */
async function longest(person, meetingId, word) {
  let there = 0;
  await eventually(async () => {
    const { body } = await person.get(notesPath(meetingId));
    const at = body.content.lastIndexOf(word.slice(0, -letters.length - 1));
    for (there = 0; at >= 0 && there < word.length && body.content[at + there] === word[there]; ) there++;
    if (there < word.length) throw new Error("not yet");
  }, 6_000).catch(() => undefined);
  return there;
}

/**
 * From each keystroke until the page has given its letter to the browser, which
 * outlives the page, and until the storage has confirmed it; in ms.
 * @param {{ person: Person, meetingId: string }} where
 * @param {number} keys
 * @returns {Promise<{ given: number[], confirmed: number[] }>}
 */
export async function keystrokesToStored({ person, meetingId }, keys) {
  await person.page.addInitScript(watchStorage);
  await person.page.goto("about:blank");
  await person.open(meetingId);
  await person.editor.focus();
  await person.page.keyboard.press("Control+End");
  for (let i = 0; i < keys; i++) {
    await new Promise((resolve) => setTimeout(resolve, pace));
    await person.page.keyboard.insertText(String.fromCodePoint(0x4e00 + i));
  }
  const times = await eventually(async () => {
    const now = await person.page.evaluate(() => [...globalThis.letterTimes.values()]);
    if (now.filter(({ confirmed }) => confirmed !== undefined).length < keys) throw new Error("not all is stored");
    return now;
  });
  await person.notesAre(/Saved/);
  return { given: times.map(({ typed, given }) => given - typed), confirmed: times.map(({ typed, confirmed }) => confirmed - typed) };
}

/** Runs in the page: notes when each letter came, when it was first given to the storage, and when that write was complete. */
function watchStorage() {
  /** @type {Map<string, { typed: number, given?: number, confirmed?: number }>} */
  const times = new Map();
  globalThis.letterTimes = times;
  addEventListener("beforeinput", (event) => {
    if (event.data >= "\u4e00" && event.data <= "\u9fff") times.set(event.data, { typed: performance.now() });
  }, true);
  const put = IDBObjectStore.prototype.put;
  IDBObjectStore.prototype.put = function watched(value, ...rest) {
    const request = put.call(this, value, ...rest);
    const edits = JSON.stringify({ ...value, confirmed: "" });
    const first = [...times].filter(([letter, { given }]) => given === undefined && edits.includes(letter)).map(([, time]) => time);
    for (const time of first) time.given = performance.now();
    this.transaction.addEventListener("complete", () => {
      for (const time of first) time.confirmed = performance.now();
    });
    return request;
  };
}

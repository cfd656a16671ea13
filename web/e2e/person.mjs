/** One person in a window of their own: what they see and what they can do. */
import { segmentKey } from "../client/dist/offline/leases.js";
import { parseBase, parseSegment, replay } from "../client/dist/offline/records.js";
import { Wire } from "./wire.mjs";

/** Generous, because the machine may be slow; nothing waits longer than it must. */
export const patience = 60_000;
const closeMs = 2_000;
/** How long a new tab may take, on a busy machine, before another is asked for. */
const newPageMs = 20_000;

export class Person {
  /** @type {string[]} What went wrong in the page. */
  failures = [];
  #offline = false;

  /**
   * @param {import("playwright-core").BrowserContext} context
   * @param {import("playwright-core").Page} page
   * @param {Wire} wire
   * @param {string} user
   */
  constructor(context, page, wire, user) {
    this.context = context;
    this.page = page;
    this.wire = wire;
    this.user = user;
    this.#watch();
  }

  #watch() {
    this.page.on("pageerror", (error) => this.failures.push(`${this.user}: ${error.stack ?? error.message}`));
  }

  /**
   * Opens a window and signs in there.
   * @param {import("playwright-core").Browser} browser
   * @param {string} baseUrl
   * @param {string} user
   * @param {import("playwright-core").BrowserContextOptions} [options]
   */
  static async enter(browser, baseUrl, user, options = {}) {
    const context = await browser.newContext({ baseURL: baseUrl, locale: "en-GB", viewport: { width: 1280, height: 800 }, ...options });
    context.setDefaultTimeout(patience);
    const wire = await Wire.open();
    const page = await context.newPage();
    const person = new Person(context, page, wire, user);
    await context.route("**/v1/realtime/tickets", (route) => person.#ticket(route));
    await person.#signIn();
    return person;
  }

  async #signIn() {
    const { page } = this;
    await page.goto("/");
    await page.getByLabel(/your name|somebody new/i).fill(this.user);
    await page.getByRole("button", { name: "Continue" }).click();
    await page.getByRole("heading", { name: "Meetings", exact: true }).waitFor();
  }

  /** Asks for the ticket, and sends its URL through the wire. */
  async #ticket(route) {
    if (this.#offline) return await route.abort("internetdisconnected");
    try {
      const response = await route.fetch();
      const ticket = await response.json();
      await route.fulfill({ response, json: ticket.url ? { ...ticket, url: this.wire.through(ticket.url) } : ticket });
    } catch {
      // The page went away, or the server with the network: the page sees a failed request.
      await route.abort("failed").catch(() => undefined);
    }
  }

  async leave() {
    await this.context.close();
    await this.wire.close();
  }

  get editor() {
    return this.page.getByRole("textbox", { name: "Meeting notes" });
  }

  /** The words beside the notes: "Saved", "Offline, 3 changes waiting", … */
  get notesState() {
    return this.page.locator('[data-status="notes"]');
  }

  get connectionState() {
    return this.page.locator('[data-status="connection"]');
  }

  /** The notes as this person sees them. */
  async text() {
    return await this.editor.evaluate((content) =>
      [...content.querySelectorAll(".cm-line")]
        .map((line) => {
          const copy = line.cloneNode(true);
          for (const hint of copy.querySelectorAll(".cm-placeholder")) hint.remove();
          return copy.textContent;
        })
        .join("\n"));
  }

  /** Whether this person's notes can be changed. */
  async canWrite() {
    return (await this.editor.getAttribute("contenteditable")) === "true";
  }

  /** All of the notes that this person's editor has, also what is far outside of the window. */
  async whole() {
    return await this.editor.evaluate((content) => {
      const view = content.cmTile?.root?.view; // as EditorView.findFromDOM finds it
      if (!view) throw new Error("the editor's view is not where this version of CodeMirror should have it");
      const text = view.state.doc.toString();
      for (const line of content.querySelectorAll(".cm-line:not(:has(.cm-placeholder, .cm-specialChar))")) {
        if (!text.includes(line.textContent)) throw new Error(`the window shows what the editor doesn't have: ${line.textContent}`);
      }
      return text;
    });
  }

  /**
   * Types at the start or the end of the notes, key by key.
   * @param {"Home" | "End"} where
   * @param {string} text
   */
  async type(where, text) {
    await this.editor.focus();
    await this.page.keyboard.press(`Control+${where}`);
    await this.write(text);
  }

  /**
   * Goes on where the caret is.
   * @param {string} text
   */
  async write(text) {
    for (const character of text) {
      if (character === "\n") await this.page.keyboard.press("Enter");
      else await this.page.keyboard.insertText(character);
    }
  }

  /**
   * Presses Tab until the focus is on that.
   * @param {import("playwright-core").Locator} target
   */
  async tabTo(target) {
    await target.waitFor();
    for (let i = 0; i < 60; i++) {
      if (await target.evaluate((element) => element === document.activeElement)) return;
      await this.page.keyboard.press("Tab");
    }
    throw new Error(`${target} can't be reached by Tab`);
  }

  /**
   * Pastes into what has the focus.
   * @param {string} text
   */
  async paste(text) {
    await this.page.evaluate((plain) => {
      const data = new DataTransfer();
      data.setData("text/plain", plain);
      document.activeElement?.dispatchEvent(new ClipboardEvent("paste", { clipboardData: data, bubbles: true, cancelable: true }));
    }, text);
  }

  /** @param {string | RegExp} words */
  async sees(words) {
    await this.page.getByText(words).first().waitFor();
  }

  /** @param {RegExp} words */
  async notesAre(words) {
    await this.notesState.filter({ hasText: words }).waitFor();
  }

  /** Takes the network away: HTTP fails, and the WebSocket's connection is destroyed. */
  async goOffline() {
    this.#offline = true;
    // First the wire: a page that Chromium has taken offline may not hear that its socket was closed.
    this.wire.cut();
    await this.context.setOffline(true);
    await this.notesAre(/Offline/);
  }

  /**
   * Closes the tab, and opens another with the network, in the same browser.
   * @param {string} meetingId
   */
  async comeBack(meetingId, state = /Saved|Saving/) {
    // A page that crashed may never say that it is closed.
    await Promise.race([this.page.close(), new Promise((resolve) => setTimeout(resolve, closeMs))]);
    await this.goOnline();
    this.page = await this.#newPage();
    this.#watch();
    await this.#signIn();
    await this.page.goto(`/#/meetings/${encodeURIComponent(meetingId)}`);
    await this.notesAre(state);
  }

  /** A new tab; another where Chromium, whose process was killed under it, never says that the first is there. */
  async #newPage(attempts = 3) {
    for (let attempt = 1; attempt <= attempts; attempt++) {
      let timer;
      const late = new Promise((resolve) => {
        timer = setTimeout(resolve, newPageMs);
      });
      const page = await Promise.race([this.context.newPage(), late]);
      clearTimeout(timer);
      if (page !== undefined) return page;
    }
    throw new Error(`no new tab in ${attempts} attempts`);
  }

  /** The edits that this browser keeps because the server has not confirmed them, of each window. */
  async storedEdits() {
    const records = new Map(await this.page.evaluate(() => new Promise((resolve, reject) => {
      const opening = indexedDB.open("rapport");
      opening.onerror = () => reject(opening.error);
      opening.onsuccess = () => {
        if (!opening.result.objectStoreNames.contains("edits")) return resolve([]);
        const store = opening.result.transaction("edits").objectStore("edits");
        const keys = store.getAllKeys();
        const values = store.getAll();
        values.onerror = () => reject(values.error);
        values.onsuccess = () => {
          opening.result.close();
          resolve(values.result.map((value, i) => [keys.result[i], value]));
        };
      };
    })));
    return [...records].flatMap(([key, value]) => {
      const base = parseBase(value);
      if (!base) return [];
      const steps = [];
      for (let i = base.segment; records.has(segmentKey(key, i)); i++) steps.push(...parseSegment(records.get(segmentKey(key, i))));
      return [replay(base.saved, steps)];
    });
  }

  async goOnline() {
    this.wire.mend();
    this.#offline = false;
    await this.context.setOffline(false);
  }

  /** Who this window is. */
  async identity() {
    return await this.page.evaluate(() => JSON.parse(sessionStorage.getItem("rapport.identity") ?? "{}"));
  }

  /** @param {string} path */
  async get(path) {
    return await this.call("GET", path);
  }

  /**
   * A call of the API as this person.
   * @param {string} method
   * @param {string} path
   * @param {unknown} [data]
   */
  async call(method, path, data) {
    const { accessToken } = await this.identity();
    const response = await this.context.request.fetch(path, { method, data, headers: { authorization: `Bearer ${accessToken}` } });
    const text = await response.text();
    return { status: response.status(), body: text === "" ? undefined : JSON.parse(text) };
  }

  /**
   * Opens a meeting by its address.
   * @param {string} meetingId
   */
  async open(meetingId) {
    await this.page.goto(`/#/meetings/${encodeURIComponent(meetingId)}`);
    await this.notesAre(/Saved|Read-only/);
  }

  /** Another's caret in the notes, by their name. */
  caretOf(name) {
    return this.page.locator(`.peer-caret[data-name="${name}"]`);
  }
}

/**
 * Tries until `check` no longer throws, or patience ends.
 * @template T
 * @param {() => Promise<T>} check
 * @param {number} [ms]
 * @returns {Promise<T>}
 */
export async function eventually(check, ms = patience) {
  const until = Date.now() + ms;
  for (;;) {
    try {
      return await check();
    } catch (error) {
      if (Date.now() > until) throw error;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}

/**
 * Waits until all have no change on the way and see the same text, and gives it.
 * @param {...Person} people
 */
export async function agree(...people) {
  return await eventually(async () => {
    await Promise.all(people.map((person) => person.notesAre(/Saved|Read-only/)));
    const texts = await Promise.all(people.map((person) => person.whole()));
    if (texts.every((text) => text === texts[0])) return texts[0];
    throw new Error(`the texts still differ:\n${texts.map((text, i) => `--- ${people[i].user}\n${text}`).join("\n")}`);
  });
}

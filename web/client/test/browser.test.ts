/**
 * The client in a real browser, with its IndexedDB and Web Locks, against a
 * runner that runs: RAPPORT_URL says where. Needs Chromium (CHROMIUM is its path).
 */
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { Browser, BrowserContext, Page } from "playwright-core";
import { build } from "vite";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

const url = process.env["RAPPORT_URL"] ?? "";
const chromium = [process.env["CHROMIUM"] ?? "", "/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"].find(
  (path) => path !== "" && existsSync(path),
);
const why = url === "" ? "RAPPORT_URL names no runner" : chromium === undefined ? "there is no Chromium" : "";
if (why !== "") console.log(`browser: skipped, ${why}`);

/** What the page has in `window`. */
interface Bench {
  open(token: string, userId: string, meetingId: string): Promise<void>;
  type(text: string): void;
  seen(): { text: string; status: { kind: string; changes?: number; storage: string }; drafts: number; here: string[]; carets: number[] };
}
declare global {
  // eslint-disable-next-line no-var
  var bench: Bench;
}

/** The page's script. */
const script = (entry: string): string => `
  import { Rapport } from ${JSON.stringify(entry)};
  let notes, meeting, carets;
  globalThis.bench = {
    async open(token, userId, meetingId) {
      const rapport = new Rapport({ baseUrl: "", userId, token: async () => token });
      notes = await rapport.openNotes(meetingId);
      meeting = await rapport.openMeeting(meetingId);
      carets = notes.carets(meeting);
      carets.tell("active", { anchor: 0, head: 0 });
    },
    type(text) {
      const position = [...notes.text].length;
      notes.edit([{ type: "insert", position, content: text }]);
      carets.tell("typing", { anchor: position + [...text].length, head: position + [...text].length });
    },
    seen: () => ({
      text: notes.text, status: notes.status, drafts: notes.drafts.length,
      here: meeting.here.map(({ userId }) => userId), carets: carets.list.map(({ head }) => head),
    }),
  };
`;

async function bundled(): Promise<string> {
  const code = script(fileURLToPath(new URL("../src/index.ts", import.meta.url)));
  const built = await build({
    configFile: false, logLevel: "silent",
    plugins: [{ name: "page", resolveId: (id) => (id === "virtual:page" ? `\0${id}` : undefined), load: (id) => (id === "\0virtual:page" ? code : undefined) }],
    build: { write: false, target: "es2022", modulePreload: false, rolldownOptions: { input: "virtual:page", output: { codeSplitting: false } } },
  });
  const outputs = (Array.isArray(built) ? built : [built]).flatMap((each) => ("output" in each ? each.output : []));
  return outputs.flatMap((each) => (each.type === "chunk" ? [each.code] : [])).join("\n");
}

async function post<T>(path: string, body: unknown, token?: string): Promise<T> {
  const authorization = token === undefined ? {} : { authorization: `Bearer ${token}` };
  const answer = await fetch(url + path, {
    method: "POST", headers: { "content-type": "application/json", ...authorization }, body: JSON.stringify(body),
  });
  if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`);
  return (await answer.json()) as T;
}

describe.skipIf(why !== "")("in a browser", () => {
  let browser: Browser;
  let code: string;

  beforeAll(async () => {
    const playwright = await import("playwright-core");
    browser = await playwright.chromium.launch({ ...(chromium === undefined ? {} : { executablePath: chromium }), headless: true, args: ["--no-sandbox", "--disable-gpu"] });
    code = await bundled();
  }, 120_000);
  afterAll(async () => {
    await browser?.close();
  });

  async function sign(user: string): Promise<{ accessToken: string; userId: string }> {
    return await post("/dev/token", { user });
  }

  async function meetingOf(host: { accessToken: string }, ...others: { userId: string }[]): Promise<string> {
    const { meetingId } = await post<{ meetingId: string }>("/v1/meetings", { title: "In a browser" }, host.accessToken);
    for (const { userId } of others) await post(`/v1/meetings/${meetingId}/participants`, { userId, role: "participant" }, host.accessToken);
    await post(`/v1/meetings/${meetingId}/start`, undefined, host.accessToken);
    return meetingId;
  }

  async function tab(context: BrowserContext, before = ""): Promise<Page> {
    const page = await context.newPage();
    if (before !== "") await page.addInitScript(before);
    // A page of the runner's own: from another address space, browsers let no page at the machine's own sockets.
    await page.goto(`${url}/healthz`);
    await page.addScriptTag({ content: code, type: "module" });
    await page.waitForFunction(() => globalThis.bench !== undefined);
    return page;
  }

  const open = (page: Page, { accessToken, userId }: { accessToken: string; userId: string }, meetingId: string) =>
    page.evaluate(([token, user, meeting]) => bench.open(token, user, meeting), [accessToken, userId, meetingId] as const);
  const type = (page: Page, text: string) => page.evaluate((typed) => bench.type(typed), text);
  const seen = (page: Page) => page.evaluate(() => bench.seen());

  async function until<T>(read: () => Promise<T>, done: (value: T) => boolean): Promise<T> {
    for (let i = 0; ; i++) {
      const value = await read();
      if (done(value)) return value;
      if (i > 300) throw new Error(`still ${JSON.stringify(value)}`);
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
  }

  test("edits made offline outlive their tabs, of which there were two, and are there once", { timeout: 300_000 }, async () => {
    const ada = await sign("browser-ada");
    const meetingId = await meetingOf(ada);
    const context = await browser.newContext();
    const [one, two] = [await tab(context), await tab(context)];
    await Promise.all([open(one, ada, meetingId), open(two, ada, meetingId)]);
    await type(one, "online ");
    await until(() => seen(two), ({ text }) => text === "online ");
    await context.setOffline(true);
    await type(one, "[one]");
    await type(two, "[two]");
    await type(two, "[more]");
    const status = await until(() => seen(two), (now) => now.status.kind === "offline" && now.status.changes === 2);
    expect(status.status.storage).toBe("kept");
    await one.waitForTimeout(500);
    await one.close();
    await two.close();
    await context.setOffline(false);
    const three = await tab(context);
    await open(three, ada, meetingId);
    const last = await until(() => seen(three), (now) => now.status.kind === "saved" && now.text.includes("[one]") && now.text.includes("[more]"));
    expect(last.text.length).toBe("online [one][two][more]".length);
    const kept = await three.evaluate(async () => await new Promise<number>((resolve) => {
      setTimeout(() => {
        const opening = indexedDB.open("rapport", 1);
        opening.onsuccess = () => {
          const all = opening.result.transaction("edits").objectStore("edits").getAllKeys();
          all.onsuccess = () => resolve(all.result.length);
        };
      }, 3_000);
    }));
    expect(kept).toBe(0);
    await context.close();
  });

  test("without a storage it works on and says so", { timeout: 120_000 }, async () => {
    const ada = await sign("browser-ada");
    const meetingId = await meetingOf(ada);
    const context = await browser.newContext();
    const page = await tab(context, "IDBFactory.prototype.open = () => { throw new DOMException('denied', 'SecurityError'); };");
    await open(page, ada, meetingId);
    await type(page, "words");
    const last = await until(() => seen(page), ({ status }) => status.kind === "saved");
    expect(last).toMatchObject({ text: "words", status: { storage: "tab" } });
    await context.close();
  });

  test("two people see each other and each other's caret", { timeout: 120_000 }, async () => {
    const [ada, bob] = [await sign("browser-ada"), await sign("browser-bob")];
    const meetingId = await meetingOf(ada, bob);
    const [first, second] = [await browser.newContext(), await browser.newContext()];
    const [one, two] = [await tab(first), await tab(second)];
    await open(one, ada, meetingId);
    await open(two, bob, meetingId);
    await until(() => seen(one), ({ here }) => here.includes(bob.userId) && here.includes(ada.userId));
    await until(() => seen(two), ({ here, carets }) => here.includes(ada.userId) && carets.length === 1);
    await type(two, "bob's words");
    await until(() => seen(one), ({ carets }) => carets.length === 1 && carets[0] === 11);
    await first.close();
    await second.close();
  });
});

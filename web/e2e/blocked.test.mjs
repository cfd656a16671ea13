/** A room where HTTP works and WebSockets don't, as behind some companies' proxies; and that leaving is told to others. */
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { isAccessible } from "./axe.mjs";
import { findChromium, launch } from "./chromium.mjs";
import { startMeeting } from "./meeting.mjs";
import { agree, eventually, patience, Person } from "./person.mjs";
import { startRunner } from "./runner.mjs";

const chromium = findChromium();
if (!chromium) console.log("blocked skipped: no Chromium found (Debian: apt-get install chromium; or set CHROMIUM to its path)");

describe("without WebSockets", { skip: !chromium, timeout: 10 * patience }, () => {
  let runner;
  let browser;
  let meetingId = "";
  /** @type {Person} */
  let ada;
  /** @type {Person} */
  let grace;
  /** What Grace's page sent of presence, whichever way. */
  const told = [];

  before(async () => {
    runner = await startRunner();
    browser = await launch(chromium);
    ada = await Person.enter(browser, runner.baseUrl, "ada");
    grace = await Person.enter(browser, runner.baseUrl, "grace");
    grace.page.on("websocket", (socket) => socket.on("framesent", ({ payload }) => {
      const frame = JSON.parse(String(payload));
      if (frame.action === "presence") told.push({ by: "socket", status: frame.status, seq: frame.seq });
    }));
    grace.page.on("request", (request) => {
      if (request.method() !== "POST" || !request.url().endsWith("/presence")) return;
      const { status, seq } = request.postDataJSON();
      told.push({ by: "http", status, seq });
    });
    meetingId = await startMeeting(ada, "Behind a proxy", [grace]);
    await ada.open(meetingId);
    await ada.type("End", "Minutes so far. ");
    await ada.notesAre(/Saved/);
  }, { timeout: 4 * patience });

  after(async () => {
    await ada?.leave();
    await grace?.leave();
    await browser?.close();
    await runner?.stop();
    assert.deepEqual([...ada.failures, ...grace.failures], [], "errors in the pages");
  });

  const bar = () => grace.page.locator("[data-slower]");

  it("the room is there and says in one line that it is slower, and why", async () => {
    grace.wire.cut();
    await grace.page.goto(`/#/meetings/${encodeURIComponent(meetingId)}`);
    await grace.page.getByRole("heading", { name: "Behind a proxy" }).waitFor();
    await eventually(async () => assert.equal(await grace.page.locator(".person").count(), 2));
    await grace.notesAre(/Saved/);
    await grace.connectionState.filter({ hasText: "Connected, but slower" }).waitFor();
    await bar().waitFor();
    assert.match((await bar().textContent()) ?? "", /^This network lets no live connection \(WebSocket\) through, so what others do shows here a few seconds later\.$/);
    assert.equal(await grace.page.getByRole("status").filter({ has: bar() }).count(), 1, "a screen reader is told");
    assert.equal(await grace.page.getByRole("alert").count(), 0);
    await isAccessible(grace.page, "the room without sockets");
  });

  it("the notes are written by keyboard, both ways, and the line is not said again and again", async () => {
    await bar().evaluate((element) => {
      globalThis.changes = 0;
      new MutationObserver((records) => (globalThis.changes += records.length)).observe(element.parentElement, { childList: true, subtree: true, characterData: true });
    });
    await grace.tabTo(grace.editor);
    await grace.page.keyboard.press("Control+End");
    await grace.write("Grace, slowly.");
    await eventually(async () => assert.match(await ada.text(), /Grace, slowly\./));
    await ada.type("Home", "Ada, live. ");
    assert.equal(await agree(ada, grace), "Ada, live. Minutes so far. Grace, slowly.");
    await new Promise((resolve) => setTimeout(resolve, 5_000)); // some more tries, and rounds
    assert.equal(await grace.page.evaluate(() => globalThis.changes), 0);
    assert.doesNotMatch((await grace.page.locator("[role=status]").allTextContents()).join("\n"), /lost/i);
    assert.ok(told.some(({ by }) => by === "http"), "presence goes by HTTP");
  });

  it("what has changed of the meeting shows", async () => {
    const { body } = await ada.get(`/v1/meetings/${encodeURIComponent(meetingId)}`);
    assert.equal((await ada.call("PATCH", `/v1/meetings/${encodeURIComponent(meetingId)}`, { revision: body.revision, title: "Behind two proxies" })).status, 200);
    await grace.page.getByRole("heading", { name: "Behind two proxies" }).waitFor();
  });

  it("a socket takes over when one opens, without a word about loss", async () => {
    grace.wire.mend();
    await grace.connectionState.filter({ hasText: /^Connection: Connected$/ }).waitFor();
    await bar().waitFor({ state: "detached" });
    await Promise.all([ada.type("Home", "Again. "), grace.type("End", " And live.")]);
    assert.equal(await agree(ada, grace), "Again. Ada, live. Minutes so far. Grace, slowly. And live.");
  });

  it("who leaves the room says so by the socket; coming back counts on", async () => {
    const gone = () => told.filter(({ status }) => status === "gone");
    await eventually(async () => assert.ok(told.some(({ by }) => by === "socket")));
    await grace.page.getByRole("link", { name: "Meetings" }).first().click();
    await grace.page.getByRole("heading", { name: "Meetings", exact: true }).waitFor();
    await eventually(async () => assert.deepEqual(gone().map(({ by }) => by), ["socket"]));
    await grace.open(meetingId);
    await eventually(async () => assert.notEqual(told.at(-1)?.status, "gone"));
    const numbers = told.map(({ seq }) => seq);
    assert.deepEqual(numbers, [...new Set(numbers)].sort((a, b) => a - b), "the numbers grow");
  });

  it("the server's own reason is said, where it gives no ticket; signing out is told by HTTP", async () => {
    await grace.context.route("**/v1/realtime/tickets", (route) => route.fulfill({
      status: 429,
      headers: { "content-type": "application/problem+json", "retry-after": "30" },
      body: JSON.stringify({ code: "RATE_LIMITED", status: 429, detail: "ten of your windows are open: close one" }),
    }));
    grace.wire.cut();
    await bar().filter({ hasText: /^Ten of your windows are open: close one\. There is no live connection meanwhile/ }).waitFor();
    await grace.notesAre(/Saved/);
    await grace.page.getByRole("button", { name: "Sign out" }).click();
    await grace.page.getByRole("button", { name: "Continue" }).waitFor();
    await eventually(async () => assert.deepEqual(told.at(-1) && [told.at(-1).by, told.at(-1).status], ["http", "gone"]));
  });

  it("a removal is noticed", async () => {
    await grace.page.getByRole("button", { name: /Grace Hopper/ }).click();
    await grace.page.getByRole("heading", { name: "Meetings", exact: true }).waitFor();
    await grace.page.goto(`/#/meetings/${encodeURIComponent(meetingId)}`);
    await bar().waitFor();
    await ada.page.getByRole("button", { name: /^Remove grace/i }).click();
    await ada.page.getByRole("dialog").getByRole("button", { name: "Remove" }).click();
    await grace.page.locator('[data-end="removed"]').waitFor();
    await bar().waitFor({ state: "detached" });
    assert.equal(await grace.canWrite(), false);
  });
});

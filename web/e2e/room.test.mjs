/**
 * The room beside the notes' text: who is here and where their carets are, the
 * history, what couldn't be merged, the meeting's words, and the runner's
 * figures; and that nothing of it stands in the way of people with disabilities.
 */
import assert from "node:assert/strict";
import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { isAccessible } from "./axe.mjs";
import { findChromium, launch } from "./chromium.mjs";
import { notesPath, startMeeting } from "./meeting.mjs";
import { agree, eventually, patience, Person } from "./person.mjs";
import { startRunner } from "./runner.mjs";

const chromium = findChromium();
if (!chromium) console.log("browser test skipped: no Chromium found (Debian: apt-get install chromium; or set CHROMIUM to its path)");

describe("the room", { skip: !chromium, timeout: 12 * patience }, () => {
  let runner;
  let browser;
  let ada;
  let grace;
  let meetingId = "";
  /** Presence frames that Grace's page has sent. */
  let told = 0;

  before(async () => {
    runner = await startRunner();
    browser = await launch(chromium);
    [ada, grace] = await Promise.all(["ada", "grace"].map((user) => Person.enter(browser, runner.baseUrl, user, { reducedMotion: "reduce" })));
    grace.page.on("websocket", (socket) => socket.on("framesent", ({ payload }) => {
      if (String(payload).includes('"presence"')) told++;
    }));
    meetingId = await startMeeting(ada, "Room", [grace]);
  }, { timeout: 4 * patience });

  after(async () => {
    const failures = [...(ada?.failures ?? []), ...(grace?.failures ?? [])];
    await ada?.leave();
    await grace?.leave();
    await browser?.close();
    await runner?.stop();
    assert.deepEqual(failures, [], "errors in the pages");
  });

  /** A step; when it fails, says what both saw. */
  function step(name, run) {
    it(name, { timeout: 4 * patience }, async (t) => {
      try {
        await run(t);
      } catch (error) {
        const folder = await mkdtemp(join(tmpdir(), "rapport-e2e-seen-"));
        for (const person of [ada, grace]) await person?.page.screenshot({ path: join(folder, `${person.user}.png`) }).catch(() => undefined);
        console.log(`what they saw: ${folder}\n${runner?.log() ?? ""}`);
        throw error;
      }
    });
  }

  /** Where a caret is on the screen, and where the text of the notes ends. */
  const placeOf = (person, name) => person.caretOf(name).evaluate((caret) => {
    const lines = document.querySelectorAll(".cm-line");
    const range = document.createRange();
    range.selectNodeContents(lines[lines.length - 1]);
    const end = range.getBoundingClientRect();
    const { left, top } = caret.getBoundingClientRect();
    return { left, top, end: end.right, line: end.top };
  });

  step("Ada hears that Grace comes, and sees her among those who are here", async () => {
    await ada.open(meetingId);
    await ada.page.locator('.here[data-count="1"]').waitFor();
    await grace.open(meetingId);
    for (const person of [ada, grace]) await person.page.locator('.here[data-count="2"]').waitFor();
    await ada.page.locator("[data-comings]").filter({ hasText: "Grace Hopper joined." }).waitFor({ state: "attached" });
    assert.equal(await ada.page.locator("[data-comings]").getAttribute("aria-live"), "polite");
    await ada.page.locator('.person[data-presence="active"]').nth(1).waitFor();
  });

  step("Ada sees that Grace types, and her caret with her name", async () => {
    await grace.type("End", "Hello from Grace");
    await ada.page.locator('.here-one[data-presence="typing"]').waitFor();
    await agree(ada, grace);
    const caret = ada.caretOf("Grace Hopper");
    await caret.waitFor({ state: "attached" });
    await eventually(async () => {
      const { left, end } = await placeOf(ada, "Grace Hopper");
      assert.ok(Math.abs(left - end) <= 3, `Grace's caret is at ${left}, her text ends at ${end}`);
    });
    await ada.page.locator('.here-one[data-presence="typing"]').waitFor({ state: "detached" });
    assert.equal((await caret.textContent())?.length > 0, true, "a caret is never colour alone");
  });

  step("carets go with others' edits, without a frame", async () => {
    const before = told;
    await ada.type("Home", "Ada writes before it: ");
    await ada.page.keyboard.press("Enter");
    await agree(ada, grace);
    await eventually(async () => {
      const { left, end, top, line } = await placeOf(ada, "Grace Hopper");
      assert.ok(Math.abs(left - end) <= 3 && Math.abs(top - line) <= 6, `Grace's caret is at ${left}, ${top}, her text ends at ${end}, ${line}`);
    });
    // One may be the sign of life that comes every 20 seconds.
    assert.ok(told - before <= 1, `Grace's page sent ${told - before} presence frames while only Ada did something`);
    await grace.caretOf("Ada Lovelace").waitFor({ state: "attached" });
  });

  step("a selection is seen by the others", async () => {
    await grace.editor.focus();
    await grace.page.keyboard.press("Control+End");
    await grace.page.keyboard.press("Shift+Home");
    await ada.page.locator(".peer-selection").first().waitFor({ state: "attached" });
    await grace.page.keyboard.press("ArrowRight");
    await ada.page.locator(".peer-selection").waitFor({ state: "detached" });
  });

  step("undo and redo have buttons, and take one's own words only", async () => {
    const before = await agree(ada, grace);
    await ada.type("End", " (Ada's)");
    await agree(ada, grace);
    await grace.type("Home", "Grace was here. ");
    await agree(ada, grace);
    for (let i = 0; i < 40 && (await ada.text()).includes("(A"); i++) await ada.page.getByRole("button", { name: "Undo" }).click();
    assert.equal(await agree(ada, grace), `Grace was here. ${before}`);
    for (let i = 0; i < 40 && !(await ada.text()).includes("(Ada's)"); i++) await ada.page.getByRole("button", { name: "Redo" }).click();
    assert.equal(await agree(ada, grace), `Grace was here. ${before} (Ada's)`);
  });

  step("the history shows every version with who wrote what, by keyboard, and brings one back as a new change", async () => {
    const { page } = ada;
    const latest = await agree(ada, grace);
    const newest = (await ada.get(notesPath(meetingId))).body.version;
    await page.getByRole("button", { name: "History", exact: true }).click();
    const slider = page.getByRole("slider", { name: "Version" });
    await slider.waitFor();
    const shown = page.locator(".history-text");
    const version = page.locator(".history-facts [data-version]");
    assert.equal(await version.getAttribute("data-version"), String(newest));
    assert.equal(await shown.textContent(), latest);
    assert.deepEqual((await page.locator(".history-authors li").allTextContents()).map((name) => name.slice(2)).sort(), ["Ada Lovelace", "Grace Hopper"]);
    assert.ok((await page.locator(".run[data-initials]").count()) >= 2, "initials stand with the colours");
    await isAccessible(page, "the history");

    await slider.focus();
    await page.keyboard.press("Home");
    await page.locator('.history-facts [data-version="0"]').waitFor();
    await page.keyboard.press("ArrowRight");
    await page.locator('.history-facts [data-version="1"]').waitFor();
    assert.match((await slider.getAttribute("aria-valuetext")) ?? "", /^Version 1 of \d+, Grace Hopper, today/);
    const first = await shown.textContent();
    assert.ok("Hello from Grace".startsWith(first), first);

    // Others go on meanwhile, and the slider's end with them.
    await grace.type("End", "!");
    await page.locator('.history-facts').filter({ hasText: `of ${newest + 1}` }).waitFor();
    await page.getByRole("button", { name: "Restore this version" }).click();
    await ada.editor.waitFor();
    assert.equal(await agree(ada, grace), first);
    const { body } = await ada.get(notesPath(meetingId));
    assert.equal(body.version, newest + 2, "one change");
    await ada.page.keyboard.press("Control+z");
    assert.equal(await agree(ada, grace), `${latest}!`);
  });

  step("who runs the meeting changes its words, and everybody sees them", async () => {
    const { page } = ada;
    await page.getByRole("button", { name: "Edit meeting" }).click();
    const dialog = page.getByRole("dialog", { name: "Edit meeting" });
    await dialog.getByLabel("Title").fill("A better name");
    await dialog.getByLabel("What it is about").fill("Why we meet");
    await isAccessible(page, "editing a meeting");
    await dialog.getByRole("button", { name: "Save" }).click();
    await dialog.waitFor({ state: "detached" });
    await grace.page.getByRole("heading", { name: "A better name" }).waitFor();
    await grace.sees("Why we meet");
    assert.equal(await grace.page.getByRole("button", { name: "Edit meeting" }).count(), 0, "Grace may not");
  });

  step("what can't be merged is a draft, to put in or throw away, also after the tab was closed", async () => {
    const { userId } = await grace.identity();
    const person = `/v1/meetings/${encodeURIComponent(meetingId)}/participants/${encodeURIComponent(userId)}`;
    const before = await agree(ada, grace);
    await grace.goOffline();
    await grace.type("End", "\nfrom afar");
    await grace.notesAre(/changes? waiting/);
    assert.equal((await ada.call("PATCH", person, { role: "observer" })).status, 200);
    await grace.goOnline();
    await grace.notesAre(/1 draft to review/);
    assert.equal(await grace.text(), before, "it is not shown as if the server had it");
    await grace.comeBack(meetingId, /draft/);
    await grace.notesAre(/1 draft to review/);

    assert.equal((await ada.call("PATCH", person, { role: "participant" })).status, 200);
    await grace.editor.and(grace.page.locator('[contenteditable="true"]')).waitFor();
    await grace.page.getByRole("button", { name: "Review" }).click();
    const dialog = grace.page.getByRole("dialog", { name: "Your draft" });
    assert.match((await dialog.locator("ins").textContent()) ?? "", /from afar$/);
    await isAccessible(grace.page, "a draft");
    await dialog.getByRole("button", { name: "Put it in" }).click();
    await dialog.waitFor({ state: "detached" });
    assert.equal(await agree(ada, grace), `${before}\nfrom afar`);

    await grace.goOffline();
    await grace.type("End", ", again");
    await grace.notesAre(/changes? waiting/);
    assert.equal((await ada.call("PATCH", person, { role: "observer" })).status, 200);
    await grace.goOnline();
    await grace.notesAre(/1 draft to review/);
    await grace.page.getByRole("button", { name: "Review" }).click();
    assert.ok(await dialog.getByRole("button", { name: "Put it in" }).isDisabled(), "an observer can only copy it");
    await dialog.getByRole("button", { name: "Throw it away" }).click();
    await dialog.getByRole("button", { name: "Yes, throw it away" }).click();
    await dialog.waitFor({ state: "detached" });
    await grace.notesAre(/Read-only/);
    assert.equal((await ada.call("PATCH", person, { role: "participant" })).status, 200);
    assert.equal(await agree(ada, grace), `${before}\nfrom afar`);
  });

  step("a text that is too long is refused with words that say what to do, and not shown", async () => {
    const before = await agree(ada, grace);
    await ada.editor.focus();
    await ada.paste("x".repeat(300_000));
    await ada.page.locator('.toast[data-tone="problem"]').waitFor();
    assert.match((await ada.page.locator('.toast[data-tone="problem"]').textContent()) ?? "", /262[,.  ]?144/);
    assert.equal(await ada.text(), before);
    await ada.paste("\u202Eright to left \u05E9\u05DC\u05D5\u05DD, e\u0301\u0301\u0301, 👩‍👩‍👧‍👦, \u0000, half a character: \ud83d.");
    const text = await agree(ada, grace);
    assert.ok(text.includes("שלום") && text.includes("👩‍👩‍👧‍👦") && text.includes("half a character: \ufffd."), text);
    await ada.page.getByRole("button", { name: "Dismiss" }).first().click();
  });

  step("whoever signs out with words on the way chooses whether this browser keeps them", async () => {
    const before = await agree(ada, grace);
    const leave = async (choice) => {
      const { page } = grace;
      await page.getByRole("button", { name: "Sign out" }).click();
      const dialog = page.getByRole("dialog", { name: "Sign out now?" });
      await dialog.waitFor();
      await isAccessible(page, "signing out");
      await dialog.getByRole("button", { name: choice }).click();
      await page.getByRole("button", { name: "Continue" }).waitFor(); // the page to sign in
    };
    await grace.goOffline();
    await grace.type("End", ", kept");
    await grace.notesAre(/changes? waiting/);
    await leave("Keep and sign out");
    assert.equal((await grace.storedEdits()).length, 1, "this browser keeps them");
    await grace.comeBack(meetingId);
    assert.equal(await agree(ada, grace), `${before}, kept`);

    await grace.goOffline();
    await grace.type("End", ", discarded");
    await grace.notesAre(/changes? waiting/);
    await leave("Discard and sign out");
    assert.deepEqual(await grace.storedEdits(), [], "this browser keeps nothing");
    await grace.comeBack(meetingId);
    assert.equal(await agree(ada, grace), `${before}, kept`);
  });

  step("a name turns nothing but itself", async () => {
    const name = "דליה (1)";
    const headers = { "content-type": "application/json" };
    const token = await fetch(`${runner.baseUrl}/dev/token`, { method: "POST", headers, body: JSON.stringify({ user: "dalia" }) });
    const { accessToken, userId } = await token.json();
    const named = await fetch(`${runner.baseUrl}/v1/me`, {
      method: "PATCH", headers: { ...headers, authorization: `Bearer ${accessToken}` }, body: JSON.stringify({ displayName: name }),
    });
    assert.equal(named.status, 200);
    assert.equal((await ada.call("POST", `/v1/meetings/${encodeURIComponent(meetingId)}/participants`, { userId, role: "participant" })).status, 201);
    const person = ada.page.locator(`.person[data-user-id="${userId}"]`);
    const shown = person.locator(".person-name");
    await shown.filter({ hasText: name }).waitFor();
    const { direction, unicodeBidi } = await shown.evaluate((element) => {
      const { direction, unicodeBidi } = getComputedStyle(element);
      return { direction, unicodeBidi };
    });
    assert.deepEqual([direction, unicodeBidi], ["rtl", "isolate"]);
    assert.equal(await person.getByRole("button").getAttribute("aria-label"), `Remove \u2068${name}\u2069`);
    await ada.call("DELETE", `/v1/meetings/${encodeURIComponent(meetingId)}/participants/${encodeURIComponent(userId)}`);
    await person.waitFor({ state: "detached" });
  });

  step("who is removed has left at once", async () => {
    await ada.page.getByRole("button", { name: /^Remove grace/i }).click();
    await ada.page.getByRole("dialog").getByRole("button", { name: "Remove" }).click();
    await ada.page.locator('.here[data-count="1"]').waitFor();
    await ada.caretOf("Grace Hopper").first().waitFor({ state: "detached" }); // of each of her windows
    await ada.page.locator("[data-comings]").filter({ hasText: "Grace Hopper left." }).waitFor({ state: "attached" });
  });

  step("the figures of the runner are shown as they grow", async () => {
    const { page } = grace;
    await page.goto("/ops");
    await page.getByRole("heading", { name: "Operations" }).waitFor();
    const express = page.getByRole("row", { name: /^express/ });
    await express.waitFor();
    const posted = async () => Number((await express.getByRole("cell").first().textContent())?.replace(/\D/g, ""));
    const before = await posted();
    assert.ok(before > 0, "frames were posted");
    await ada.type("End", "more");
    await ada.notesAre(/Saved/);
    await eventually(async () => assert.ok((await posted()) > before, "more frames are posted"));
    await page.getByRole("row", { name: /^notes\/edit/ }).waitFor();
    assert.match((await page.locator(".ops-card svg title").first().textContent()) ?? "", /^Open WebSockets, the last (minute|\d minutes)\. Now: open \d/);
    await isAccessible(page, "operations");
  });

  step("nothing stands in the way of people with disabilities", async () => {
    await isAccessible(ada.page, "the room");
    await ada.page.getByRole("button", { name: "Invite" }).click();
    await ada.page.getByRole("dialog").waitFor();
    await isAccessible(ada.page, "inviting");
    await ada.page.keyboard.press("Escape");
    await ada.page.goto("/#/");
    await ada.page.getByRole("link", { name: /A better name/ }).waitFor();
    await isAccessible(ada.page, "meetings");
    await ada.page.getByRole("button", { name: "New meeting" }).first().click();
    await ada.page.getByRole("dialog").waitFor();
    await isAccessible(ada.page, "a new meeting");
    await ada.page.keyboard.press("Escape");
    await ada.page.getByRole("button", { name: "Sign out" }).click();
    await ada.page.getByRole("button", { name: /Ada Lovelace/ }).waitFor();
    await isAccessible(ada.page, "signing in");
  });
});

/**
 * Two people in two windows of a real browser, on the real runner: they write
 * the notes of one meeting together, one of them loses the network and comes
 * back, reloads, and is removed at last.
 */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { findChromium, launch } from "./chromium.mjs";
import { agree, eventually, patience, Person } from "./person.mjs";
import { startRunner } from "./runner.mjs";

const chromium = findChromium();
if (!chromium) console.log("browser test skipped: no Chromium found (Debian: apt-get install chromium; or set CHROMIUM to its path)");

describe("notes in two windows", { skip: !chromium, timeout: 10 * patience }, () => {
  let runner;
  let browser;
  let ada;
  let grace;
  let meetingId = "";
  const title = `Review ${process.pid}`;

  before(async () => {
    runner = await startRunner();
    browser = await launch(chromium);
    grace = await Person.enter(browser, runner.baseUrl, "grace");
    ada = await Person.enter(browser, runner.baseUrl, "ada");
  }, { timeout: 4 * patience });

  after(async () => {
    const failures = [...(ada?.failures ?? []), ...(grace?.failures ?? [])];
    await ada?.leave();
    await grace?.leave();
    await browser?.close();
    await runner?.stop();
    assert.deepEqual(failures, [], "errors in the pages");
  });

  const notesPath = () => `/v1/meetings/${encodeURIComponent(meetingId)}/notes`;

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

  step("Ada creates a meeting and invites Grace", async () => {
    const { page } = ada;
    await page.getByRole("button", { name: "New meeting" }).first().click();
    const dialog = page.getByRole("dialog", { name: "New meeting" });
    await dialog.getByLabel("Title").fill(title);
    await dialog.locator('.chip[data-user="grace"]').click();
    await dialog.getByRole("button", { name: "Create meeting" }).click();
    await page.getByRole("heading", { name: title }).waitFor();
    meetingId = decodeURIComponent(new URL(page.url()).hash.split("/").at(-1) ?? "");
    await page.getByRole("button", { name: "Start meeting" }).click();
    await page.getByText("Live now").waitFor();
  });

  step("Grace finds it in her list and opens it", async () => {
    await grace.page.reload();
    await grace.page.getByRole("link", { name: new RegExp(title) }).click();
    await grace.page.getByRole("heading", { name: title }).waitFor();
    await Promise.all([ada, grace].map((person) => person.connectionState.filter({ hasText: "Connected" }).waitFor()));
    await agree(ada, grace);
    assert.deepEqual(await grace.page.locator(".person").evaluateAll((rows) => rows.map((row) => row.getAttribute("data-role"))), ["host", "participant"]);
  });

  step("both type at once, and see the same text", async () => {
    // No spaces: one at a line's start, where these two mix, would be repeated on the next line.
    const hers = "Ada-begins🙂here\nand-goes-on:𝄞-naïve-e\u0301\n";
    const graces = "Grace-heads-it👩‍👩‍👧\n";
    await Promise.all([ada.type("End", hers), grace.type("Home", graces)]);
    const text = await agree(ada, grace);
    // Others may write between any two characters, also between a letter and its accent.
    for (const part of ["🙂", "𝄞", "\u0301"]) assert.ok(text.includes(part), `${part} is in ${JSON.stringify(text)}`);
    assert.equal([...text].sort().join(""), [...hers, ...graces].sort().join(""), "every character once");
  });

  step("undo takes back one's own words only", async () => {
    await ada.type("End", "a thought of Ada's");
    await agree(ada, grace);
    await grace.type("End", "Grace agrees");
    await agree(ada, grace);
    await ada.editor.focus();
    // How much one undo takes depends on how fast the typing was.
    for (let i = 0; i < 40 && (await ada.text()).includes("a thou"); i++) await ada.page.keyboard.press("Control+z");
    const text = await agree(ada, grace);
    assert.ok(!text.includes("a thou"), "undone");
    assert.ok(text.includes("Grace agrees"), "not undone");
  });

  step("both write while Grace has no network, and nothing is lost", async () => {
    await grace.goOffline();
    await Promise.all([
      grace.type("End", "\nfrom the train 🚂"),
      ada.type("Home", "meanwhile 🏢\n"),
    ]);
    await grace.notesAre(/changes waiting/);
    await ada.notesAre(/Saved/);
    assert.ok(!(await ada.text()).includes("train"), "Grace is cut off");
    await grace.goOnline();
    const text = await agree(ada, grace);
    assert.ok(text.includes("from the train 🚂") && text.startsWith("meanwhile 🏢"), text);
  });

  step("the connection drops again and again while both type", async () => {
    const before = await agree(ada, grace);
    let typing = true;
    const cuts = (async () => {
      for (let i = 0; typing && i < 5; i++) {
        await ada.notesAre(/Saved|Saving/);
        ada.wire.cut();
        ada.wire.mend();
        await ada.connectionState.filter({ hasText: "Connected" }).waitFor();
      }
    })();
    await Promise.all([ada.type("End", "\n" + "abcdefghij".repeat(6)), grace.type("Home", "0123456789".repeat(6) + "\n")]);
    typing = false;
    await cuts;
    const text = await agree(ada, grace);
    assert.equal([...text].length, [...before].length + 2 * 61, "every character once");
  });

  step("a large paste arrives whole, and can be taken back", async () => {
    const before = await agree(ada, grace);
    const pasted = Array.from({ length: 2_000 }, (_, i) => `line ${i} of what was pasted 🙂`).join("\n");
    await ada.editor.focus();
    await ada.page.keyboard.press("Control+End");
    await ada.paste(`\r\n${pasted.replaceAll("\n", "\r\n")}`);
    const whole = `${before}\n${pasted}`;
    await eventually(async () => {
      const { body } = await grace.get(notesPath());
      assert.ok(body.content === whole, `the server has ${body.content.length} of ${whole.length} units`);
    });
    await ada.page.keyboard.press("Control+z");
    assert.equal(await agree(ada, grace), before);
  });

  step("the server crashes and comes back while both write", async (t) => {
    if (!runner.crash) return t.skip("the runner at BASE_URL is not this test's to kill");
    const before = await agree(ada, grace);
    await Promise.all([ada.type("End", "\nbefore"), runner.crash(), grace.type("Home", "and after\n")]);
    const text = await agree(ada, grace);
    assert.equal(text, `and after\n${before}\nbefore`);
  });

  step("after a reload Grace sees the same", async () => {
    const before = await agree(ada, grace);
    await grace.page.reload();
    await grace.page.getByRole("heading", { name: title }).waitFor();
    assert.equal(await agree(ada, grace), before);
  });

  step("the server has the text that they see", async () => {
    const text = await agree(ada, grace);
    const { status, body } = await ada.get(notesPath());
    assert.equal(status, 200);
    assert.equal(body.content, text);
    assert.equal(body.hash, createHash("sha256").update(text).digest("hex"));
  });

  step("as an observer Grace reads along and can't write; as a participant she can again", async () => {
    const role = ada.page.getByLabel(/^Role of grace/i);
    await role.selectOption("observer");
    await grace.notesAre(/Read-only/);
    await grace.editor.and(grace.page.locator('[contenteditable="false"]')).waitFor();
    await ada.type("End", "\nonly Ada writes this");
    await grace.sees("only Ada writes this");
    await role.selectOption("participant");
    await grace.notesAre(/Saved/);
    await grace.type("End", ", and Grace this");
    assert.ok((await agree(ada, grace)).includes("only Ada writes this, and Grace this"));
  });

  step("removed, Grace is told and can't write any more", async () => {
    const before = await agree(ada, grace);
    await ada.page.getByRole("button", { name: /^Remove grace/i }).click();
    await ada.page.getByRole("dialog").getByRole("button", { name: "Remove" }).click();
    await grace.page.locator('[data-end="removed"]').waitFor();
    await grace.notesAre(/Read-only/);
    await grace.editor.and(grace.page.locator('[contenteditable="false"]')).waitFor();
    await grace.editor.focus();
    await grace.page.keyboard.type("x");
    assert.equal(await grace.text(), before);
    await ada.type("End", "\nafter she left");
    await ada.notesAre(/Saved/);
    assert.equal(await grace.text(), before);
    assert.equal((await grace.get(notesPath())).status, 403);
    await grace.page.reload();
    await grace.sees("This meeting isn't open to you");
  });

  step("ended, the meeting's notes stay to read", async () => {
    const before = await agree(ada);
    await ada.page.getByRole("button", { name: "End meeting" }).click();
    await ada.page.getByRole("dialog").getByRole("button", { name: "End meeting" }).click();
    await ada.sees("This meeting has ended. Its notes stay here to read.");
    await ada.notesAre(/Read-only/);
    assert.equal(await ada.text(), before);
    await ada.page.reload();
    await ada.notesAre(/Read-only/);
    assert.equal(await ada.text(), before);
  });

  step("everything can be done by keyboard", async () => {
    const { page } = ada;
    const press = (...keys) => keys.reduce((done, key) => done.then(() => page.keyboard.press(key)), Promise.resolve());
    await ada.tabTo(page.getByRole("link", { name: "Meetings" }));
    await press("Enter");
    await ada.tabTo(page.getByRole("button", { name: "New meeting" }));
    await press("Enter");
    await page.getByRole("dialog").waitFor();
    await press("Escape");
    await page.getByRole("dialog").waitFor({ state: "detached" });
    await ada.tabTo(page.getByRole("button", { name: "New meeting" }));
    await press("Enter");
    // Keys that come before the dialog has the focus are the page's.
    await page.waitForFunction(() => document.activeElement?.getAttribute("name") === "title");
    await page.keyboard.type("By keyboard");
    await ada.tabTo(page.locator('.chip[data-user="grace"]'));
    await press("Space");
    await ada.tabTo(page.getByRole("button", { name: "Create meeting" }));
    await press("Enter");
    await page.getByRole("heading", { name: "By keyboard" }).waitFor();
    await ada.notesAre(/Saved/);
    await ada.tabTo(ada.editor);
    await page.keyboard.type("typed");
    await ada.tabTo(page.getByLabel(/^Role of grace/i)); // Tab leaves the editor
    await press("ArrowDown");
    await page.locator('.person[data-role="observer"]').waitFor();
    assert.equal(await ada.text(), "typed");
  });
});

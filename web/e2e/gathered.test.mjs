/** Two windows whose networks bring many frames in one packet: what an answer brings about is done before the next frame. */
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { findChromium, launch } from "./chromium.mjs";
import { startMeeting } from "./meeting.mjs";
import { agree, patience, Person } from "./person.mjs";
import { startRunner } from "./runner.mjs";

const chromium = findChromium();
if (!chromium) console.log("gathered skipped: no Chromium found (Debian: apt-get install chromium; or set CHROMIUM to its path)");

describe("where frames come many in a packet", { skip: !chromium, timeout: 6 * patience }, () => {
  let runner;
  let browser;
  /** @type {Person[]} */
  const people = [];

  before(async () => {
    runner = await startRunner();
    browser = await launch(chromium);
  }, { timeout: 4 * patience });

  after(async () => {
    for (const person of people) await person.leave();
    await browser?.close();
    await runner?.stop();
    assert.deepEqual(people.flatMap((person) => person.failures), [], "errors in the pages");
  });

  it("who comes sees who is there, also after a cut, and all write the same text", async () => {
    for (const user of ["ada", "grace"]) {
      const person = await Person.enter(browser, runner.baseUrl, user);
      person.wire.gatherMs = 60;
      people.push(person);
    }
    const [ada, grace] = people;
    const meetingId = await startMeeting(ada, "Many at once", [grace]);
    await ada.open(meetingId);
    await ada.page.locator('.here[data-count="1"]').waitFor();
    await grace.open(meetingId);
    const both = '.here[data-count="2"][data-live="true"]';
    for (const { page } of people) await page.locator(both).waitFor();
    await ada.type("End", "Between. ");
    await agree(ada, grace);
    await Promise.all([ada.type("Home", "Ada writes. "), grace.type("End", "So does Grace.")]);
    assert.equal(await agree(ada, grace), "Ada writes. Between. So does Grace.");
    // Who was there stays there: no frame after the first was taken for everybody.
    await new Promise((resolve) => setTimeout(resolve, 6_000));
    for (const { page } of people) assert.equal(await page.locator(both).count(), 1);
    grace.wire.cut();
    grace.wire.mend();
    await ada.type("End", " Meanwhile.");
    await grace.connectionState.filter({ hasText: /^Connection: Connected$/ }).waitFor();
    assert.match(await agree(ada, grace), /Meanwhile\.$/);
    for (const { page } of people) await page.locator(both).waitFor();
  });
});

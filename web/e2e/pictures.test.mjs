/**
 * Pictures of the console, light, dark and on a phone, and that every page fits
 * a phone. UPDATE_SCREENSHOTS=1 keeps them in docs/images; otherwise they go to
 * a temporary folder.
 */
import assert from "node:assert/strict";
import { mkdir, mkdtemp, readFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, before, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { findChromium, launch } from "./chromium.mjs";
import { startMeeting } from "./meeting.mjs";
import { agree, patience, Person } from "./person.mjs";
import { startRunner } from "./runner.mjs";

const chromium = findChromium();
if (!chromium) console.log("pictures skipped: no Chromium found (Debian: apt-get install chromium; or set CHROMIUM to its path)");

const keep = process.env.UPDATE_SCREENSHOTS === "1";
const images = join(dirname(fileURLToPath(import.meta.url)), "..", "..", "docs", "images");
const title = "Weekly review of the matching pilot";
const adaWrites = `Agenda
1. What the first cohort told us
2. Questions for the second one 🙂
3. Who does what until Thursday

Of 42 pairs, 37 met at least twice. The five others never found a time: offer three slots instead of one?
`;
const graceWrites = `
To do
- Ada drafts the message to the second cohort
- Grace looks at how long people talked before the first silence`;

describe("pictures", { skip: !chromium, timeout: 10 * patience }, () => {
  let runner;
  let browser;
  let folder = "";
  /** @type {Person[]} */
  const people = [];

  before(async () => {
    folder = keep ? images : await mkdtemp(join(tmpdir(), "rapport-pictures-"));
    await mkdir(folder, { recursive: true });
    console.log(`pictures: ${folder}`);
    runner = await startRunner();
    browser = await launch(chromium);
  }, { timeout: 4 * patience });

  after(async () => {
    for (const person of people) await person.leave();
    await browser?.close();
    await runner?.stop();
    assert.deepEqual(people.flatMap((person) => person.failures), [], "errors in the pages");
  });

  async function enter(user, options) {
    const person = await Person.enter(browser, runner.baseUrl, user, { reducedMotion: "reduce", ...options });
    people.push(person);
    return person;
  }

  /** One that is to come and one that is over, for the list of meetings. */
  async function otherMeetings(host, guest) {
    const participants = [{ userId: (await guest.identity()).userId, role: "participant" }];
    const past = await startMeeting(host, "Kickoff of the pilot", [guest]);
    assert.equal((await host.call("POST", `/v1/meetings/${encodeURIComponent(past)}/end`)).status, 200);
    const day = 24 * 60 * 60 * 1_000;
    const scheduledAt = new Date(Math.ceil(Date.now() / day) * day + 10 * 60 * 60 * 1_000).toISOString();
    const { status, body } = await host.call("POST", "/v1/meetings", { title: "Plan of the second cohort", scheduledAt, participants });
    assert.equal(status, 201, JSON.stringify(body));
  }

  /** @param {Person} person @param {string} name */
  async function fits(person, name) {
    const overflow = await person.page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
    assert.ok(overflow <= 0, `${name} is ${overflow} px wider than the window`);
  }

  /** @param {Person} person @param {string} name */
  async function picture(person, name) {
    await fits(person, name);
    const path = join(folder, `${name}.png`);
    await person.page.mouse.move(0, 0);
    await person.page.screenshot({ path });
    return path;
  }

  it("a meeting in two windows, on a phone, and the way there", { timeout: 8 * patience }, async () => {
    const size = { width: 960, height: 820 };
    const [ada, grace, linus] = await Promise.all([
      enter("ada", { viewport: size, colorScheme: "light" }),
      enter("grace", { viewport: size, colorScheme: "dark" }),
      enter("linus", { viewport: { width: 360, height: 740 }, deviceScaleFactor: 2, colorScheme: "light", hasTouch: true }),
    ]);

    await fits(linus, "no meetings");
    // Its charts fill while the others write.
    const figures = await grace.context.newPage();
    await figures.goto("/#/ops");
    await otherMeetings(ada, grace);
    await ada.page.reload();
    await ada.page.getByRole("button", { name: "New meeting" }).first().click();
    const dialog = ada.page.getByRole("dialog", { name: "New meeting" });
    await dialog.getByLabel("Title").fill(title);
    await dialog.getByLabel("What it is about").fill("What worked, and what to change before the second cohort.");
    for (const user of ["grace", "linus", "margaret"]) await dialog.locator(`.chip[data-user="${user}"]`).click();
    await picture(ada, "new-meeting");
    await dialog.getByRole("button", { name: "Create meeting" }).click();
    await ada.page.getByLabel(/^Role of grace/i).selectOption("co-host");
    await ada.page.getByLabel(/^Role of margaret/i).selectOption("observer");
    await ada.page.getByRole("button", { name: "Start meeting" }).click();
    await ada.sees("Live now");

    const address = new URL(ada.page.url()).hash;
    for (const person of [grace, linus]) {
      await person.page.reload();
      await person.page.getByRole("link", { name: new RegExp(title) }).waitFor();
    }
    await picture(grace, "meetings-dark");
    await fits(linus, "meetings");
    await Promise.all([grace, linus].map((person) => person.page.goto(`/${address}`)));
    await Promise.all([grace, linus].map((person) => person.notesAre(/Saved/)));
    await ada.page.locator('.here[data-count="3"]').waitFor();
    await ada.type("End", "");
    await ada.write(adaWrites);
    await agree(ada, grace, linus);
    await grace.type("End", "");
    await grace.write(graceWrites);
    await agree(ada, grace, linus);
    await linus.type("Home", "");
    // A line with words in it, however the phone's width breaks the ones above.
    await linus.page.keyboard.press("ArrowDown");
    await linus.page.keyboard.press("Shift+End");
    await ada.page.locator(".peer-selection").first().waitFor({ state: "attached" });
    await Promise.all(people.map((person) => person.page.locator(".arrival").first().waitFor({ state: "detached" })));
    await Promise.all([ada, grace, linus].map((person) => person.page.locator('.here[data-count="3"]').waitFor()));
    await ada.page.locator('.here-one[data-presence="typing"]').first().waitFor({ state: "detached" });

    const light = await picture(ada, "room-light");
    const dark = await picture(grace, "room-dark");
    await picture(linus, "room-phone");
    await linus.page.getByRole("button", { name: /^People/ }).click();
    await picture(linus, "people-phone");
    await sideBySide(light, dark, size);

    await ada.page.getByRole("button", { name: "History", exact: true }).click();
    await ada.page.getByRole("slider", { name: "Version" }).press("ArrowLeft");
    await picture(ada, "history");
    await ada.page.getByRole("button", { name: "Back to the notes" }).click();
    await linus.page.getByRole("button", { name: "Notes", exact: true }).click();
    await linus.page.getByRole("button", { name: "History", exact: true }).click();
    await linus.page.getByRole("slider", { name: "Version" }).waitFor();
    await fits(linus, "the history");

    // WebSockets alone are kept away, as by a proxy.
    for (const person of [ada, linus]) {
      person.wire.cut();
      await person.page.reload();
      await person.page.locator("[data-slower]").waitFor();
      await person.notesAre(/Saved/);
    }
    await fits(linus, "the room without sockets");
    await ada.page.locator(".cm-line").first().waitFor();
    await picture(ada, "room-without-sockets");
    for (const person of [ada, linus]) person.wire.mend();

    await linus.page.goto("/#/ops");
    await linus.page.locator(".ops-card").first().waitFor();
    await fits(linus, "operations");
    await figures.getByRole("row", { name: /^notes\/edit/ }).waitFor();
    await figures.locator('.chart-line[d*="L"]').first().waitFor({ state: "attached" });
    await figures.screenshot({ path: join(folder, "ops-dark.png") });
    await ada.page.getByRole("button", { name: "Sign out" }).click();
    await ada.page.getByRole("button", { name: /Ada Lovelace/ }).waitFor();
    await picture(ada, "sign-in");
  });

  /** One picture of two windows. */
  async function sideBySide(left, right, size) {
    const [width, height] = [size.width, size.height].map((length) => Math.round(0.75 * length));
    const page = await browser.newPage({ viewport: { width: 2 * width + 72, height: height + 48 } });
    const [one, two] = await Promise.all([left, right].map(async (path) => `data:image/png;base64,${(await readFile(path)).toString("base64")}`));
    await page.setContent(`<style>
      body { margin: 0; padding: 24px; display: flex; gap: 24px; background: #c9d3cd; }
      img { width: ${width}px; border-radius: 12px; box-shadow: 0 8px 30px rgb(0 0 0 / .25); }
    </style><img src="${one}"><img src="${two}">`);
    await page.screenshot({ path: join(folder, "two-windows.png") });
    await page.close();
  }
});

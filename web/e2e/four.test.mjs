/**
 * Four people write the same notes for a while (15 s, SECONDS= for another
 * length, 60 s with FULL=1), while their connections are cut, one reloads, one
 * goes offline, closes the tab and comes back, and one is removed. At the end
 * everybody sees one text, the server's; it has every character that was written
 * and no other; and who was removed has nothing newer than the removal.
 */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { findChromium, launch } from "./chromium.mjs";
import { notesPath, startMeeting, textsUpTo } from "./meeting.mjs";
import { agree, eventually, patience, Person } from "./person.mjs";
import { mulberry32 } from "./random.mjs";
import { startRunner } from "./runner.mjs";
import { Writer } from "./writer.mjs";

const chromium = findChromium();
if (!chromium) console.log("browser test skipped: no Chromium found (Debian: apt-get install chromium; or set CHROMIUM to its path)");

const seconds = Number(process.env.SECONDS_OF_WRITING ?? (process.env.FULL === "1" ? 60 : 15));
const seed = Number(process.env.SEED ?? 1 + Math.floor(Math.random() * 1e6));

describe("four windows", { skip: !chromium, timeout: seconds * 1_000 + 12 * patience }, () => {
  let runner;
  let browser;
  /** @type {Person[]} */
  let people = [];

  before(async () => {
    runner = await startRunner();
    browser = await launch(chromium);
    people = await Promise.all(["ada", "grace", "linus", "margaret"].map((user) => Person.enter(browser, runner.baseUrl, user)));
  }, { timeout: 4 * patience });

  after(async () => {
    const failures = people.flatMap((person) => person.failures);
    for (const person of people) await person.leave();
    await browser?.close();
    await runner?.stop();
    assert.deepEqual(failures, [], "errors in the pages");
  });

  it(`write the same notes for ${seconds} s, whatever happens`, { timeout: seconds * 1_000 + 10 * patience }, async (t) => {
    t.diagnostic(`SEED=${seed}`);
    try {
      await writeTogether(t);
    } catch (error) {
      const folder = await mkdtemp(join(tmpdir(), "rapport-e2e-seen-"));
      for (const { user, page } of people) await page.screenshot({ path: join(folder, `${user}.png`) }).catch(() => undefined);
      console.log(`SEED=${seed}; what they saw: ${folder}\n${runner.log()}`);
      throw error;
    }
  });

  async function writeTogether(t) {
    const [ada, grace, linus, margaret] = people;
    const meetingId = await startMeeting(ada, "Four at once", [grace, linus, margaret]);
    await Promise.all(people.map((person) => person.open(meetingId)));
    const alphabets = [[..."abcdef🙂"], [..."ghijkl𝄞"], [..."mnopqr🚂"], [..."stuvwx漢"]];
    const writers = people.map((person, i) => new Writer(person, alphabets[i], seed + i));
    const until = Date.now() + seconds * 1_000;
    const part = (share) => until - (1 - share) * seconds * 1_000;
    const counts = { steps: 0, cuts: 0 };

    /** Writes until then. */
    const write = async (writer, end) => {
      do {
        await writer.step();
        counts.steps++;
      } while (Date.now() < end);
    };

    const cuts = (async () => {
      const random = mulberry32(seed + 100);
      do {
        await new Promise((resolve) => setTimeout(resolve, 300 + 1_200 * random()));
        const { wire } = people[Math.floor(random() * people.length)];
        if (wire.isCut) continue;
        wire.cut();
        wire.mend();
        counts.cuts++;
      } while (Date.now() < until);
    })();

    // Ada writes all the time, and removes Margaret when two thirds are over.
    let removedAt = 0;
    const host = (async () => {
      await write(writers[0], part(0.66));
      const { userId } = await margaret.identity();
      const { status } = await ada.call("DELETE", `/v1/meetings/${encodeURIComponent(meetingId)}/participants/${encodeURIComponent(userId)}`);
      assert.equal(status, 204);
      removedAt = (await ada.get(notesPath(meetingId))).body.version;
      await write(writers[0], until);
    })();

    // Grace reloads in the middle of it, with edits on their way.
    const reloader = (async () => {
      for (const share of [0.35, 0.7]) {
        await write(writers[1], part(share));
        await kept(writers[1]);
        await grace.page.reload();
        await grace.notesAre(/Saved|Saving/);
      }
      await write(writers[1], until);
    })();

    // Linus loses the network, writes on, closes the tab and comes back with the network.
    const traveller = (async () => {
      await write(writers[2], part(0.3));
      await linus.goOffline();
      await write(writers[2], part(0.5));
      await kept(writers[2]);
      await linus.comeBack(meetingId);
      await write(writers[2], until);
    })();

    const removed = (async () => {
      const gone = margaret.page.locator('[data-end="removed"]');
      while ((await gone.count()) === 0) {
        await writers[3].step().catch(async (error) => {
          // Between two keys the editor became one that is only read.
          await gone.waitFor().catch(() => {
            throw error;
          });
        });
        if (Date.now() > until + patience) assert.fail("Margaret was never told that she is removed");
      }
      await margaret.notesAre(/Read-only|draft/);
      await margaret.page.locator(".peer-caret").first().waitFor({ state: "detached" }); // where the others are is no longer hers to see
    })();

    await Promise.all([cuts, host, reloader, traveller, removed]);
    await ada.type("End", "\nAFTER IT ALL\n"); // in letters that no writer has: others' last words may come between them
    const text = await agree(ada, grace, linus);
    t.diagnostic(`${counts.steps} steps, ${counts.cuts} cuts, ${text.length} characters`);

    const { body } = await ada.get(notesPath(meetingId));
    assert.equal(body.content, text, "the server has what they see");
    assert.equal(body.hash, createHash("sha256").update(text).digest("hex"));

    for (const writer of writers.slice(0, 3)) {
      assert.equal(writer.own(text), writer.written.replaceAll("\n", ""), `${writer.person.user}: every character once`);
    }

    // Margaret: what she sees is a version from before she was removed, and stays so.
    const versions = await textsUpTo(ada, meetingId, body.version);
    assert.equal(versions.at(-1), text, "the history leads to the text");
    const hers = await margaret.whole();
    assert.ok(versions.includes(hers), `Margaret sees a text that never was:\n${hers}`);
    assert.ok(versions.indexOf(hers) <= removedAt, `Margaret was removed at version ${removedAt} and sees version ${versions.indexOf(hers)}`);
    assert.equal((await margaret.get(notesPath(meetingId))).status, 403);
    const letters = [...writers[3].written];
    for (const letter of writers[3].own(text)) {
      const i = letters.indexOf(letter);
      assert.ok(i >= 0, `a ${letter} too many of Margaret's`);
      letters.splice(i, 1);
    }
  }

  /** Waits until nothing that was typed is only in the page: it is on the server, or stored. */
  async function kept(writer) {
    const { person } = writer;
    const all = writer.written.replaceAll("\n", "");
    await eventually(async () => {
      if (/Saved/.test((await person.notesState.textContent()) ?? "")) return;
      const texts = (await person.storedEdits()).map(textOf);
      assert.ok(texts.some((text) => writer.own(text) === all), "the newest edits are stored");
    });
  }
});

/** The local text of stored edits. */
function textOf({ confirmed, inFlight, buffer }) {
  return [inFlight?.change ?? [], buffer].reduce((text, change) => {
    const letters = [...text];
    const next = [];
    let at = 0;
    for (const op of change) {
      next.push(...letters.slice(at, op.position));
      at = op.position;
      if (op.type === "insert") next.push(...op.content);
      else at += op.length;
    }
    return next.concat(letters.slice(at)).join("");
  }, confirmed);
}

/**
 * How text comes into the notes in a real browser: by input methods, while
 * others write beside what they compose; from spell checkers and extensions,
 * which change the page; by Enter, from the clipboard and by dragging.
 */
import assert from "node:assert/strict";
import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { findChromium, launch } from "./chromium.mjs";
import { InputMethod } from "./inputmethod.mjs";
import { notesPath, startMeeting } from "./meeting.mjs";
import { agree, eventually, patience, Person } from "./person.mjs";
import { mulberry32 } from "./random.mjs";
import { startRunner } from "./runner.mjs";

const chromium = findChromium();
if (!chromium) console.log("browser test skipped: no Chromium found (Debian: apt-get install chromium; or set CHROMIUM to its path)");

describe("what is put into the notes", { skip: !chromium, timeout: 10 * patience }, () => {
  let runner;
  let browser;
  let ada;
  let grace;
  let meetingId = "";
  let changes = 0;
  /** @type {InputMethod} */
  let hers;
  /** @type {InputMethod} */
  let graces;

  before(async () => {
    runner = await startRunner();
    browser = await launch(chromium);
    const permissions = ["clipboard-read", "clipboard-write"];
    [ada, grace] = await Promise.all(["ada", "grace"].map((user) => Person.enter(browser, runner.baseUrl, user, { permissions, reducedMotion: "reduce" })));
    meetingId = await startMeeting(grace, "Input", [ada]);
    await Promise.all([ada, grace].map((person) => person.open(meetingId)));
    [hers, graces] = await Promise.all([ada, grace].map((person) => InputMethod.of(person)));
    for (const { page } of [ada, grace]) await page.evaluate(countCompositions);
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

  /** Makes one text of another on the server, as a third window does. */
  const put = (text, after) => send(between(text, after));

  async function send(ops) {
    if (ops.length === 0) return;
    const { body } = await grace.get(notesPath(meetingId));
    const data = { baseVersion: body.version, clientId: "elsewhere", clientSeq: ++changes, ops };
    const answer = await grace.call("POST", `${notesPath(meetingId)}/changes`, data);
    assert.ok(answer.status < 300, JSON.stringify(answer.body));
  }

  /** The notes become `text`, with Ada's caret where it has "|". */
  async function begin(text) {
    const caret = text.indexOf("|");
    const whole = text.replace("|", "");
    await put((await grace.get(notesPath(meetingId))).body.content, whole);
    await shows(ada, whole);
    await ada.editor.focus();
    await place(ada, caret);
    await ada.page.evaluate(() => Object.assign(globalThis, { compositions: [] }));
    return { whole, caret };
  }

  const shows = (person, text) => eventually(async () => assert.equal(await person.whole(), text));
  const serverHas = (text) => eventually(async () => assert.equal((await ada.get(notesPath(meetingId))).body.content, text));
  /** On the server, in both windows, and in what stands in Ada's page. */
  const everywhere = async (text) => {
    await Promise.all([shows(ada, text), shows(grace, text), serverHas(text)]);
    // Others are shown as dots.
    if (!/[\r\ufeff\u2028]/.test(text)) assert.equal(await ada.text(), text, "what stands in the page");
  };
  const compositions = (person) => person.page.evaluate(() => globalThis.compositions);

  describe("candidates that share a half of their surrogate pairs", () => {
    for (const [first, ...more] of [
      ["😀", "😄"], // the first half
      ["😀", "\u{1fa00}"], // the second
      ["かお", "😀", "😎🐈", "😎😄", "🈀"],
      ["よし", "𠮷", "𠮟", "𠀋"],
      ["a😀b", "a😄b", "a\u{1fa00}b"],
    ]) {
      step([first, ...more].join(" "), async () => {
        const { whole } = await begin("before 😄|😀 behind");
        await hers.offer(first, ...more);
        await hers.commit(more.at(-1));
        const expected = whole.replace("😄😀", `😄${more.at(-1)}😀`);
        await everywhere(expected);
      });
    }
  });

  step("halves that an extension puts in one after the other are one character", async () => {
    await begin("a|b");
    for (const half of ["\ud83d", "\ude00"]) await ada.page.evaluate((unit) => document.execCommand("insertText", false, unit), half);
    await shows(ada, "a😀b");
    await ada.page.evaluate(editLines, ["a\ud83db"]);
    await shows(ada, "ab");
    assert.equal(await ada.text(), "ab", "half a character is not there to see");
    await ada.page.evaluate(editLines, ["a\ude04b"]);
    await everywhere("a😄b");
  });

  step("whatever a page makes of a line, the notes have its whole characters", async () => {
    const seed = Number(process.env.SEED ?? 11);
    const random = mulberry32(seed);
    const below = (n) => Math.floor(random() * n);
    const letters = ["a", " ", "e\u0301", "😀", "😄", "\u{1fa00}", "𠮷", "𠮟", "👩‍👩‍👧"];
    const halves = ["\ud83d", "\udfb7"];
    const words = (most, of) => Array.from({ length: below(most + 1) }, () => of[below(of.length)]).join("");
    await begin("|");
    // Halves that are left alone come only at every other edit: the next one can't complete them by chance.
    const texts = Array.from({ length: 200 }, (_, i) => `x${words(4, letters)}${i % 2 ? halves[below(2)] : ""}${words(4, letters)}`);
    const seen = await ada.page.evaluate(editLines, texts);
    const expected = texts.map((text) => text.replace(/[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g, ""));
    for (const [i, { doc, page }] of seen.entries()) {
      // Whether such a half is within what was put in, is the editor's reading.
      assert.equal(doc.replaceAll("\ufffd", ""), expected[i], `seed ${seed}, edit ${i}: ${JSON.stringify(texts[i])}`);
      assert.equal(page, doc, `seed ${seed}, edit ${i}, in the page`);
    }
    await everywhere(seen.at(-1).doc);
  });

  describe("while an input method composes, others' edits of its line wait:", () => {
    const middle = "top\nsome line |here\nbottom";
    const start = "top\n|some line\nbottom";
    const end = "top\nsome line |\nbottom";
    for (const [what, text, find, becomes, expected] of [
      ["a word before goes", middle, "some ", "", "top\nline 日本here\nbottom"],
      ["a word just before comes", middle, "line に", "line Xに", "top\nsome line X日本here\nbottom"],
      ["a word just behind comes", middle, "にhere", "にXhere", "top\nsome line 日本Xhere\nbottom"],
      ["the composed text goes", middle, "に", "", "top\nsome line 日本here\nbottom"],
      ["the composed text goes with what is around it", middle, "line にhe", "", "top\nsome 日本re\nbottom"],
      ["the line is broken just before", middle, "line に", "line \nに", "top\nsome line \n日本here\nbottom"],
      ["the line is broken just behind", middle, "にhere", "に\nhere", "top\nsome line 日本\nhere\nbottom"],
      ["the line is joined with the one before", middle, "top\nsome", "topsome", "topsome line 日本here\nbottom"],
      ["the line is joined with the next", middle, "here\nbottom", "herebottom", "top\nsome line 日本herebottom"],
      ["the line goes", middle, "some line にhere\n", "", "top\n日本bottom"],
      ["at a line's start, the line is joined with the one before", start, "top\nに", "topに", "top日本some line\nbottom"],
      ["at a line's end, a word before goes", end, "some ", "", "top\nline 日本\nbottom"],
      ["at a line's end, the line is joined with the next", end, "に\nb", "にb", "top\nsome line 日本bottom"],
      ["on an empty line, a word comes", "top\n|\nbottom", "\nに", "\nXに", "top\nX日本\nbottom"],
    ]) {
      step(what, async () => {
        const { whole, caret } = await begin(text);
        await hers.offer("に");
        const composed = `${whole.slice(0, caret)}に${whole.slice(caret)}`;
        await serverHas(composed);
        await send([...difference(0, 0, "!"), ...between(composed, composed.replace(find, becomes))]);
        // The other line has it at once, and so it is known that all of it has come.
        await shows(ada, `!${composed}`);
        await hers.offer("にほ", "日本");
        await shows(ada, `!${composed.replace("に", "日本")}`);
        await hers.commit("日本");
        await everywhere(`!${expected}`);
        assert.deepEqual(await compositions(ada), ["compositionstart", "compositionend"], "one composition");
      });
    }

    step("many come in one composition, and Grace's caret moves in the line", async () => {
      const { whole } = await begin("top\nsome line |here\nbottom");
      await grace.editor.focus();
      let text = whole;
      const offered = ["n", "に", "にh", "にほ", "にほん", "日本", "日本語"];
      for (const [i, candidate] of offered.entries()) {
        await hers.offer(candidate);
        await place(grace, 4 + i);
        text = await eventually(async () => {
          const { content } = (await ada.get(notesPath(meetingId))).body;
          assert.ok(content.includes(`line ${candidate}`), content);
          return content;
        });
        await put(text, i % 2 ? text.replace("some", "some🚂") : text.replace("here", "<here"));
      }
      await hers.commit("日本語");
      await everywhere("top\nsome🚂🚂🚂 line 日本語<<<<here\nbottom");
      assert.deepEqual(await compositions(ada), ["compositionstart", "compositionend"]);
    });
  });

  step("two who compose at one place both get what they took", async () => {
    const { caret } = await begin("some line |here");
    await grace.editor.focus();
    await place(grace, caret);
    // A name is isolated from what stands around it.
    await ada.caretOf("Grace Hopper").locator("bdi.peer-tag").waitFor({ state: "attached" });
    for (const [one, other] of [["n", "k"], ["に", "か"], ["にほ", "かな"], ["にほん", "かなだ"]]) await Promise.all([hers.offer(one), graces.offer(other)]);
    await Promise.all([hers.commit("にほん"), graces.commit("かなだ")]);
    const text = await agree(ada, grace);
    assert.ok(["some line にほんかなだhere", "some line かなだにほんhere"].includes(text), text);
  });

  describe("what was held back is shown when the composition ends", () => {
    for (const [how, end, expected] of [
      ["clicks elsewhere", () => ada.page.getByRole("heading", { name: "Notes", exact: true }).click(), "!top\nline にhere"],
      ["goes on to another field", () => ada.page.getByRole("button", { name: "History" }).focus(), "!top\nline にhere"],
      ["takes nothing", () => hers.cancel(), "!top\nline here"],
      ["asks for an undo", () => ada.page.getByRole("button", { name: "Undo", exact: true }).click(), "!top\nline here"],
      ["takes it and goes on typing", () => hers.commit("に").then(() => ada.page.keyboard.type("x")), "!top\nline にxhere"],
      ["clicks into another line and writes there", async () => {
        await ada.page.locator(".cm-line").first().click();
        await shows(ada, "!top\nline にhere");
        await ada.page.keyboard.insertText("é");
      }, "!topé\nline にhere"],
    ]) {
      step(`because the person ${how}`, async () => {
        await begin("top\nsome line |here");
        await hers.offer("に");
        await serverHas("top\nsome line にhere");
        await send([...difference(0, 0, "!"), ...difference(4, 5, "")]);
        await shows(ada, "!top\nsome line にhere");
        await end();
        await everywhere(expected);
      });
    }

    step("because the person may only read now", async () => {
      await begin("top\nsome line |here");
      await hers.offer("n", "に");
      await serverHas("top\nsome line にhere");
      const role = grace.page.getByLabel(/^Role of ada/i);
      await role.selectOption("observer");
      await ada.notesAre(/Read-only/);
      await send(difference(0, 0, "!"));
      await shows(ada, "!top\nsome line にhere");
      await role.selectOption("participant");
      await ada.notesAre(/Saved/);
      await ada.type("End", "é");
      await everywhere("!top\nsome line にhereé");
    });

    step("because the person may only read now, also in the composed line", async () => {
      await begin("top\nsome line |here");
      await hers.offer("に");
      await serverHas("top\nsome line にhere");
      await send(difference(4, 5, ""));
      const role = grace.page.getByLabel(/^Role of ada/i);
      await role.selectOption("observer");
      await everywhere("top\nline にhere");
      await role.selectOption("participant");
      await ada.notesAre(/Saved/);
    });
  });

  describe("Enter only puts a line's end", () => {
    for (const [text, expected] of [
      ["one | \t two ", "one \n \t two "],
      ["one|\u00a0\u3000two", "one\n\u00a0\u3000two"],
      ["one|\ufeff two", "one\n\ufeff two"],
      ["one|\r\u2028two", "one\n\r\u2028two"],
      ["  | ", "  \n "],
      ["  one|", "  one\n"],
      ["\t- one| two", "\t- one\n\t two"],
      ["  1. one|", "  1. one\n  "],
      ["  |- one", "  \n- one"],
    ]) {
      step(JSON.stringify(text), async () => {
        await begin(text);
        await ada.page.keyboard.press("Enter");
        await everywhere(expected);
      });
    }
  });

  describe("what comes from the clipboard keeps its blanks", () => {
    const prose = ["  One sentence.  And  another, \n\n\tindented\u00a0by a tab \n", "\u3000全角 の 空白\ufeff", " ", "\n", " \n ", "a\nb "];
    for (const [i, text] of [...prose, "windows\r\n  lines\r\n"].entries()) {
      step(JSON.stringify(text), async () => {
        const { whole, caret } = await begin(i % 2 === 0 ? "before | behind" : " |");
        await ada.page.evaluate(async (plain) => {
          const kinds = { "text/plain": plain, "text/html": `<p>${plain}</p>` };
          await navigator.clipboard.write([new ClipboardItem(Object.fromEntries(Object.entries(kinds).map(([type, data]) => [type, new Blob([data], { type })])))]);
        }, text);
        await ada.page.keyboard.press("Control+v");
        const expected = whole.slice(0, caret) + text.replaceAll("\r\n", "\n") + whole.slice(caret);
        await everywhere(expected);
      });
    }

    step("and so does what is dropped", async () => {
      await begin("|\nlast");
      await ada.page.evaluate(() => {
        const line = document.querySelector(".cm-line");
        const { left, top, height } = line.getBoundingClientRect();
        const dataTransfer = new DataTransfer();
        dataTransfer.setData("text/plain", "  dropped \r\n text ");
        line.dispatchEvent(new DragEvent("drop", { dataTransfer, clientX: left + 1, clientY: top + height / 2, bubbles: true, cancelable: true }));
      });
      await everywhere("  dropped \n text \nlast");
    });
  });
});

function difference(position, length, content) {
  return [...(content === "" ? [] : [{ type: "insert", position, content }]), ...(length === 0 ? [] : [{ type: "delete", position, length }])];
}

/** What makes one text of another: in place of what differs between the beginning and the end that they share. */
function between(before, after) {
  const [a, b] = [[...before], [...after]];
  const shorter = Math.min(a.length, b.length);
  let head = 0;
  while (head < shorter && a[head] === b[head]) head++;
  let tail = 0;
  while (tail < shorter - head && a.at(-1 - tail) === b.at(-1 - tail)) tail++;
  return difference(head, a.length - head - tail, b.slice(head, b.length - tail).join(""));
}

/**
 * Puts a person's caret at a UTF-16 offset.
 * @param {Person} person
 * @param {number} offset
 */
async function place(person, offset) {
  await person.page.evaluate((anchor) => document.querySelector(".cm-content").cmTile.root.view.dispatch({ selection: { anchor } }), offset);
}

// What follows runs in the page.

/** Notes where compositions begin and end. */
function countCompositions() {
  globalThis.compositions = [];
  for (const type of ["compositionstart", "compositionend"]) document.addEventListener(type, () => globalThis.compositions.push(type), true);
}

/** Gives the only line one text after the other, as a program does that knows nothing of editors; resolves with what the editor made of each. */
async function editLines(texts) {
  const content = document.querySelector(".cm-content");
  const seen = [];
  for (const text of texts) {
    content.querySelector(".cm-line").textContent = text;
    await new Promise((resolve) => setTimeout(resolve));
    seen.push({ doc: content.cmTile.root.view.state.doc.toString(), page: content.textContent });
  }
  return seen;
}

/**
 * Somebody who writes on and on, all over the notes, with letters that nobody
 * else uses, and remembers what they wrote: so that a text can be held against it.
 */
import { mulberry32 } from "./random.mjs";

export class Writer {
  #random;
  #letters;
  /** Every character that this person wrote and did not take away again. */
  #written = [];

  /**
   * @param {import("./person.mjs").Person} person
   * @param {readonly string[]} letters
   * @param {number} seed
   */
  constructor(person, letters, seed) {
    this.person = person;
    this.#letters = letters;
    this.#random = mulberry32(seed);
  }

  /** Of the characters of `text`, those that are this person's, sorted. */
  own(text) {
    const mine = new Set(this.#letters);
    return [...text].filter((letter) => mine.has(letter)).sort().join("");
  }

  get written() {
    return [...this.#written].sort().join("");
  }

  #below(n) {
    return Math.floor(this.#random() * n);
  }

  #word(length) {
    return Array.from({ length }, () => this.#letters[this.#below(this.#letters.length)]);
  }

  /** Does one thing with the keyboard. Fails where this person's own window then lacks something of theirs. */
  async step() {
    const what = await this.#act();
    const text = await this.person.whole();
    if (!(await this.person.canWrite())) return;
    if (this.own(text) !== this.written.replaceAll("\n", "")) throw new Error(`${this.person.user}'s own window lacks or repeats something after ${what}: ${text}`);
  }

  async #act() {
    const { keyboard } = this.person.page;
    if (!(await this.person.editor.evaluate((content) => content.contains(document.activeElement)))) await this.person.editor.focus();
    await this.#goSomewhere();
    switch (this.#below(12)) {
      case 0:
        await this.#undoAndRedo();
        return "undo and redo";
      case 1:
        await this.#writeAndErase();
        return "writing and erasing";
      case 2:
        await this.#paste();
        return "pasting";
      case 3:
        await keyboard.press("Enter");
        this.#written.push("\n");
        return "a new line";
      default:
        await this.#write(1 + this.#below(6));
        return "writing";
    }
  }

  async #goSomewhere() {
    const { keyboard } = this.person.page;
    const keys = ["Control+Home", "Control+End", "ArrowUp", "ArrowDown", "ArrowLeft", "ArrowRight"];
    for (let i = this.#below(4); i > 0; i--) await keyboard.press(keys[this.#below(keys.length)]);
  }

  async #write(length) {
    const word = this.#word(length);
    for (const letter of word) await this.person.page.keyboard.insertText(letter);
    this.#written.push(...word);
  }

  /** What stands before the caret after writing is one's own, whatever others do. */
  async #writeAndErase() {
    const word = this.#word(4);
    for (const letter of word) await this.person.page.keyboard.insertText(letter);
    for (let i = 0; i < 2; i++) await this.person.page.keyboard.press("Backspace");
    this.#written.push(...word.slice(0, 2));
  }

  /** How much one step takes depends on the clock; as many steps forth give all of it back. */
  async #undoAndRedo() {
    const steps = 1 + this.#below(3);
    for (let i = 0; i < steps; i++) await this.person.page.keyboard.press("Control+z");
    for (let i = 0; i < steps; i++) await this.person.page.keyboard.press("Control+Shift+Z");
  }

  async #paste() {
    const text = this.#word(40 + this.#below(160));
    await this.person.paste(text.join(""));
    this.#written.push(...text);
  }
}

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

  /** Does one thing with the keyboard. */
  async step() {
    const { keyboard } = this.person.page;
    if (!(await this.person.editor.evaluate((content) => content.contains(document.activeElement)))) await this.person.editor.focus();
    await this.#goSomewhere();
    switch (this.#below(12)) {
      case 0:
        return await this.#undoAndRedo();
      case 1:
        return await this.#writeAndErase();
      case 2:
        return await this.#paste();
      case 3:
        await keyboard.press("Enter");
        this.#written.push("\n");
        return;
      default:
        return await this.#write(1 + this.#below(6));
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
    for (let i = 0; i < steps; i++) await this.person.page.keyboard.press("Control+Shift+z");
  }

  async #paste() {
    const text = this.#word(40 + this.#below(160));
    await this.person.paste(text.join(""));
    this.#written.push(...text);
  }
}

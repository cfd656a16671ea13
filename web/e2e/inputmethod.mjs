/** An input method in somebody's window, as Chromium's debugger plays one. */
export class InputMethod {
  #debugger;

  /**
   * @param {import("./person.mjs").Person} person
   */
  static async of(person) {
    const method = new InputMethod();
    method.#debugger = await person.context.newCDPSession(person.page);
    return method;
  }

  /**
   * Offers the candidates one after the other; each takes the place of the one before.
   * @param {...string} candidates
   */
  async offer(...candidates) {
    for (const text of candidates) await this.#debugger.send("Input.imeSetComposition", { text, selectionStart: text.length, selectionEnd: text.length });
  }

  /**
   * The person takes it.
   * @param {string} text
   */
  async commit(text) {
    await this.#debugger.send("Input.insertText", { text });
  }

  /** The person takes nothing. */
  async cancel() {
    await this.offer("");
  }
}

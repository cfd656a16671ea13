/**
 * An input method composes in the page's text: it replaces what it has offered
 * again and again until the person takes it. A change of the text around it
 * that the browser doesn't expect ends the composition and leaves the
 * half-typed text, so nothing in the composed lines may change meanwhile.
 */
import type { Extension, Transaction } from "@codemirror/state";
import { type EditorView, type PluginValue, ViewPlugin, type ViewUpdate } from "@codemirror/view";
import { fromSession } from "./annotations.ts";
import type { Stretch } from "./held.ts";

/** How often a composition is looked at while something waits for its end: not every browser tells of every end. */
const watchMs = 200;

/** CodeMirror reads the last of a composed text from the page up to 20 ms after its end, and would lose it by an update before. */
const readMs = 30;

/** The composition of one view. */
export class Composition implements PluginValue {
  readonly #view: EditorView;
  readonly #onEnd: () => void;
  readonly #stop = new AbortController();
  #text: Stretch | undefined;
  /** Something has happened that no composition outlives, though the browser has not said so. */
  #suspected = false;
  #abandoned = false;
  #check: ReturnType<typeof setTimeout> | undefined;
  #watch: ReturnType<typeof setInterval> | undefined;

  constructor(view: EditorView, onEnd: () => void) {
    this.#view = view;
    this.#onEnd = onEnd;
    const { signal } = this.#stop;
    const on = <K extends keyof HTMLElementEventMap>(type: K, listener: (event: HTMLElementEventMap[K]) => void): void =>
      view.contentDOM.addEventListener(type, listener, { signal });
    on("compositionstart", () => {
      this.#composes();
      this.#text = undefined;
    });
    on("compositionupdate", () => this.#composes());
    on("compositionend", () => this.#soon());
    on("blur", () => {
      // A window that loses the focus leaves it with the editor, and the composition may go on.
      if (view.root.activeElement !== view.contentDOM) this.#suspect();
    });
    on("beforeinput", (event) => {
      if (event.inputType === "insertText" && !event.isComposing) this.#suspect();
    });
    on("keydown", ({ isComposing, keyCode }) => {
      if (!isComposing && keyCode !== takenByInputMethod) this.#suspect();
    });
  }

  /** Also while the last of the composed text may still have to be read from the page. */
  get active(): boolean {
    return this.#composing || this.#check !== undefined;
  }

  get #composing(): boolean {
    return this.#view.compositionStarted && !this.#abandoned && !this.#view.state.readOnly;
  }

  /** Whether the caret stands in the composed text or at one of its ends. */
  get #hasCaret(): boolean {
    const { head } = this.#view.state.selection.main;
    return this.#text !== undefined && head >= this.#text.from && head <= this.#text.to;
  }

  /** The text that has been composed so far; also until it is known that there will be no more. */
  get text(): Stretch | undefined {
    return this.#text;
  }

  /** The lines in which an input method composes; undefined where none does. */
  get lines(): Stretch | undefined {
    if (!this.active) return undefined;
    const { doc, selection } = this.#view.state;
    const stretches = this.#text ? [...selection.ranges, this.#text] : selection.ranges;
    return {
      from: doc.lineAt(Math.min(...stretches.map(({ from }) => from))).from,
      to: doc.lineAt(Math.max(...stretches.map(({ to }) => to))).to,
    };
  }

  /** Something waits for the end. */
  watch(): void {
    this.#watch ??= setInterval(() => this.#look(), watchMs);
  }

  update(update: ViewUpdate): void {
    if (!this.#view.compositionStarted) this.#composes();
    for (const transaction of update.transactions) if (transaction.docChanged) this.#follow(transaction);
    if (this.#view.compositionStarted && this.#view.state.readOnly) this.#soon();
    if (update.transactions.some((transaction) => transaction.isUserEvent("select.pointer")) && !this.#hasCaret) this.#suspect();
  }

  destroy(): void {
    this.#stop.abort();
    clearTimeout(this.#check);
    clearInterval(this.#watch);
  }

  /** Moves the composed text along, or makes it longer. */
  #follow(transaction: Transaction): void {
    const { changes } = transaction;
    const before = this.#text;
    const composed = isComposed(transaction);
    if (!composed) {
      this.#text = before && { from: changes.mapPos(before.from, 1), to: Math.max(changes.mapPos(before.from, 1), changes.mapPos(before.to, -1)) };
      return;
    }
    const ranges: { readonly old: Stretch; readonly now: Stretch }[] = [];
    changes.iterChangedRanges((fromA, toA, fromB, toB) => ranges.push({ old: { from: fromA, to: toA }, now: { from: fromB, to: toB } }));
    const [range] = ranges;
    if (!range || ranges.length > 1) this.#text = undefined; // at several carets
    else if (!before || range.old.to < before.from || range.old.from > before.to) this.#text = range.now;
    else this.#text = { from: Math.min(changes.mapPos(before.from, -1), range.now.from), to: Math.max(changes.mapPos(before.to, 1), range.now.to) };
  }

  /** Nothing speaks against what the editor says of it. */
  #composes(): void {
    this.#suspected = false;
    this.#abandoned = false;
  }

  #suspect(): void {
    if (!this.#view.compositionStarted) return;
    this.#suspected = true;
    this.#soon();
  }

  /** Looks once the browser has said what it has to say, and the editor has read it. */
  #soon(): void {
    clearTimeout(this.#check);
    this.#check = setTimeout(() => {
      this.#check = undefined;
      this.#abandoned ||= this.#suspected;
      this.#look();
    }, readMs);
  }

  #look(): void {
    if (this.#composing) return;
    const { contentDOM, root } = this.#view;
    if (this.#view.compositionStarted && root.activeElement === contentDOM) {
      // Or Chromium goes on composing, and replaces what it has composed by what is typed next, wherever the caret is.
      contentDOM.blur();
      contentDOM.focus({ preventScroll: true });
    }
    if (this.#view.compositionStarted) {
      // The editor, too, has to know: it reads what is left in the page, which brings us here again, and takes keys.
      contentDOM.dispatchEvent(new Event("compositionend"));
      if (!this.#view.compositionStarted) return;
      // With an EditContext it hears nothing of the page, and needs nothing held back.
      clearTimeout(this.#check);
      this.#check = undefined;
    }
    clearInterval(this.#watch);
    this.#watch = undefined;
    this.#text = undefined;
    this.#onEnd();
  }
}

/** What browsers give as `keyCode` of a key that an input method has taken. */
const takenByInputMethod = 229;

/** Whether a transaction is an input method's, or may be. */
export function isComposed(transaction: Transaction): boolean {
  return transaction.isUserEvent("input.type.compose") && !transaction.annotation(fromSession);
}

/** The extension, and the composition of a view that has it. `onEnd` is called when nothing is composed any more. */
export function compositionOf(onEnd: () => void): { readonly extension: Extension; of(view: EditorView): Composition | undefined } {
  const plugin = ViewPlugin.define((view) => new Composition(view, onEnd));
  return { extension: plugin, of: (view) => view.plugin(plugin) ?? undefined };
}

import type { Change, Delete, Insert } from "./change.ts";
import { countCodePoints, skipCodePoints } from "./codepoints.ts";

/** Longer than any document. A whole number, and small: with Infinity all arithmetic here would be in floating point. */
export const endless = 0x3fff_ffff;

type Kind = "insert" | "delete" | "retain";

/**
 * Reads a change as a sequence of components, as operational transformation on
 * text is usually written down: keep n, delete n, insert a text. The kept
 * stretches between ops, and the endless one after the last, become retains;
 * retains of the change itself are ignored.
 */
export class ComponentReader {
  /** Of the current component. */
  kind: Kind = "retain";
  /** Code points left of the current component. */
  left = endless;
  readonly #ops: Change;
  #next = 0;
  /** Index into the document before the change. */
  #at = 0;
  /** What is left of the current insert. */
  #text = "";

  constructor(change: Change) {
    this.#ops = change;
    this.#load();
  }

  /** Whether only the endless retain is left. */
  get ended(): boolean {
    return this.left === endless;
  }

  /** Consumes `n` code points of the current component; returns them when it is an insert. */
  take(n: number): string {
    let taken = "";
    if (this.kind === "insert") {
      const cut = n === this.left ? this.#text.length : skipCodePoints(this.#text, 0, n);
      taken = this.#text.slice(0, cut);
      this.#text = this.#text.slice(cut);
    } else {
      this.#at += n;
    }
    // The end is never used up.
    if (this.left === endless) return taken;
    this.left -= n;
    if (this.left === 0) this.#load();
    return taken;
  }

  #load(): void {
    let op = this.#ops[this.#next];
    while (op?.type === "retain") op = this.#ops[++this.#next];
    if (op === undefined) {
      this.kind = "retain";
      this.left = endless;
    } else if (op.position > this.#at) {
      this.kind = "retain";
      this.left = op.position - this.#at;
    } else {
      this.#next++;
      this.kind = op.type;
      this.#text = op.type === "insert" ? op.content : "";
      this.left = op.type === "insert" ? countCodePoints(op.content) : op.length;
    }
  }
}

/** Writes a change in normal form: no retains, neighbours of one kind merged. */
export class ChangeBuilder {
  readonly #ops: (Insert | Delete)[] = [];
  /** Index into the document before the change. */
  #at = 0;

  retain(n: number): void {
    this.#at += n;
  }

  delete(n: number): void {
    const last = this.#ops.at(-1);
    if (last?.type === "delete" && last.position + last.length === this.#at) {
      this.#ops[this.#ops.length - 1] = { ...last, length: last.length + n };
    } else {
      this.#ops.push({ type: "delete", position: this.#at, length: n });
    }
    this.#at += n;
  }

  insert(content: string): void {
    const last = this.#ops.at(-1);
    if (last?.type === "insert" && last.position === this.#at) {
      this.#ops[this.#ops.length - 1] = { ...last, content: last.content + content };
    } else {
      this.#ops.push({ type: "insert", position: this.#at, content });
    }
  }

  change(): Change {
    return this.#ops;
  }
}

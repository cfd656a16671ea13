/**
 * What a session has and its view doesn't show yet, as one change on the view's
 * text: the view's text with that change is the session's text, whatever is
 * written on either side in between.
 */
import { type Change, changeFromUtf16, changeToUtf16, compose, transform, transformPair, type Utf16Edit } from "@rapport/client";

/** A part of a text, in UTF-16 units. */
export interface Stretch {
  readonly from: number;
  readonly to: number;
}

export class Held {
  #change: Change = [];

  get change(): Change {
    return this.#change;
  }

  get empty(): boolean {
    return this.#change.length === 0;
  }

  /** The session's text was changed once more. */
  add(change: Change): void {
    this.#change = this.empty ? change : compose(this.#change, change);
  }

  /** The session's text is another; `change` makes it of the view's. */
  replace(change: Change): void {
    this.#change = change;
  }

  /**
   * Gives `send` an edit of the view's text as an edit of the session's, unless
   * nothing is left of it there; what is held then stands on the view's text
   * after the edit. What `send` throws leaves everything as it was.
   */
  local(edit: Change, send: (edit: Change) => void): void {
    const before = this.#change;
    const [held, moved] = this.empty ? [before, edit] : transformPair(before, edit);
    this.#change = held; // before sending: others' changes may come meanwhile
    try {
      if (moved.length > 0) send(moved);
    } catch (reason) {
      this.#change = before;
      throw reason;
    }
  }

  /**
   * Takes out what may be shown in a view of `text`: everything, or all that
   * neither lies in the stretch `closed` nor touches it. Edits that touch each
   * other stay together, so that nobody sees half of a replacement. Throws
   * RangeError where what is held doesn't fit the text.
   */
  take(text: string, closed?: Stretch): readonly Utf16Edit[] {
    const edits = changeToUtf16(text, this.#change);
    const open: Utf16Edit[] = [];
    const shut: Utf16Edit[] = [];
    if (closed) {
      for (const hunk of hunks(edits)) (hunk.to < closed.from || hunk.from > closed.to ? open : shut).push(...hunk.edits);
    }
    if (shut.length === 0) {
      this.#change = [];
      return edits;
    }
    this.#change = transform(changeFromUtf16(text, open), changeFromUtf16(text, shut));
    return open;
  }
}

interface Hunk extends Stretch {
  readonly edits: readonly Utf16Edit[];
}

/** Ascending edits, those that touch each other together. */
function hunks(edits: readonly Utf16Edit[]): readonly Hunk[] {
  const all: { from: number; to: number; edits: Utf16Edit[] }[] = [];
  for (const edit of edits) {
    const last = all.at(-1);
    if (last && edit.from <= last.to) {
      last.to = edit.to;
      last.edits.push(edit);
    } else all.push({ from: edit.from, to: edit.to, edits: [edit] });
  }
  return all;
}

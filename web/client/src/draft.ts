import { countCodePoints } from "./codepoints.ts";
import { RapportError } from "./errors.ts";
import { maxDocumentCodePoints, splitChange } from "./limits.ts";
import { apply, compose, diff, growth, insertedText, transform, transformPair, validate } from "./ot.ts";
import type { Change } from "./ot.ts";
import { composePlaces, placesIn, splitPlaces } from "./places.ts";
import type { InFlight, SavedEdits } from "./saved.ts";
import type { Place } from "./types.ts";

/** What became of the change in flight while the history was not followed. */
export type Fate =
  | { readonly kind: "committed" }
  /** Not committed yet: so it stands on the new text. */
  | { readonly kind: "open"; readonly change: Change }
  /** It can't be committed any more: its edits are sent anew. */
  | { readonly kind: "lost" };

/**
 * The text of one editor and what of it the server knows. No I/O.
 *
 * `text` is always the confirmed text with the change in flight and then the
 * buffer applied. At most one change is in flight; all later edits are composed
 * into the buffer.
 */
export class Draft {
  #version: number;
  #confirmed: string;
  #inFlight: InFlight | undefined;
  /** In normal form; stands after the change in flight. */
  #buffer: Change = [];
  #text: string;
  #length: number;
  #nextSeq = 1;
  /** Where text of the buffer stood in what was deleted since it was typed. */
  #places: readonly Place[] = [];
  /** Local edits in the buffer. */
  #waiting = 0;
  #cut = false;

  constructor(version: number, text: string) {
    this.#version = version;
    this.#confirmed = text;
    this.#text = text;
    this.#length = countCodePoints(text);
  }

  /** The draft that `save` was called on. */
  static restore(saved: SavedEdits): Draft {
    const draft = new Draft(saved.version, saved.confirmed);
    draft.#inFlight = saved.inFlight;
    draft.#setBuffer(saved.buffer, saved.waiting);
    draft.#nextSeq = saved.nextSeq;
    draft.#setText(apply(draft.#afterFlight, saved.buffer));
    return draft;
  }

  /** All that is needed to go on from here later; undefined when nothing is pending. */
  save(): SavedEdits | undefined {
    if (!this.pending) return undefined;
    return {
      format: 1, version: this.#version, confirmed: this.#confirmed, inFlight: this.#inFlight,
      buffer: this.#buffer, waiting: this.#waiting, nextSeq: this.#nextSeq,
    };
  }

  get version(): number {
    return this.#version;
  }

  get confirmed(): string {
    return this.#confirmed;
  }

  get text(): string {
    return this.#text;
  }

  get inFlight(): InFlight | undefined {
    return this.#inFlight;
  }

  get pending(): boolean {
    return this.#inFlight !== undefined || this.#buffer.length > 0;
  }

  /** Everything that is not confirmed, as one change on the confirmed text. */
  get unconfirmed(): Change {
    return compose(this.#inFlight?.change ?? [], this.#buffer);
  }

  /** How many local edits are not confirmed. */
  get edits(): number {
    return (this.#inFlight?.edits ?? 0) + this.#waiting;
  }

  /** How many of them were not sent yet. */
  get waiting(): number {
    return this.#waiting;
  }

  /** Whether the buffer is what one change had no room for. */
  get cut(): boolean {
    return this.#cut;
  }

  /** Applies a local change. Throws and changes nothing when it does not fit or makes the document too long. */
  edit(change: Change): void {
    validate(change, this.#length);
    const length = this.#length + growth(change);
    if (length > maxDocumentCodePoints && length > this.#length) {
      throw new RapportError({
        code: "PAYLOAD_TOO_LARGE",
        detail: `the notes can hold ${maxDocumentCodePoints} characters, and with this they would have ${length}: `
          + `take out ${length - maxDocumentCodePoints}, or insert that much less`,
      });
    }
    this.#text = apply(this.#text, change);
    this.#length = length;
    this.#places = composePlaces(this.#places, this.#buffer, change);
    this.#setBuffer(compose(this.#buffer, change), this.#waiting + 1);
  }

  /** Puts what is next of the buffer in flight. Undefined when something is in flight or nothing is left. */
  send(): InFlight | undefined {
    if (this.#inFlight !== undefined || this.#buffer.length === 0) return undefined;
    const { head, rest } = splitChange(this.#buffer);
    const edits = this.#waiting;
    const [places, later] = splitPlaces(this.#places, countCodePoints(insertedText(head)));
    this.#places = later;
    this.#inFlight = { clientSeq: this.#nextSeq++, baseVersion: this.#version, ops: head, change: head, edits, ...(places.length > 0 && { places }) };
    this.#cut = rest.length > 0;
    this.#setBuffer(rest, this.#cut ? 1 : 0);
    return this.#inFlight;
  }

  /**
   * The change in flight was committed as `ops`, as the version after the
   * confirmed one. False when the server's form of it does something else than
   * ours: then the texts differ, and only a rebase mends that.
   */
  commitOwn(ops: Change): boolean {
    const confirmed = apply(this.#confirmed, ops);
    const ours = this.#inFlight?.change ?? [];
    const same = sameOps(ours, ops) || apply(this.#confirmed, ours) === confirmed;
    this.#confirmed = confirmed;
    this.#version++;
    this.#inFlight = undefined;
    return same;
  }

  /** Another's change is the version after the confirmed one. Returns it as it stands on the local text. */
  commitOther(ops: Change): Change {
    const confirmed = apply(this.#confirmed, ops);
    const [afterFlight, flight] = transformPair(ops, this.#inFlight?.change ?? []);
    const [local, buffer] = transformPair(afterFlight, this.#buffer);
    const text = apply(this.#text, local);
    this.#confirmed = confirmed;
    this.#version++;
    // What the change in flight deletes too would be missing in the count.
    if (deletedLength(afterFlight) === deletedLength(ops)) {
      this.#places = [...this.#places, ...placesIn(this.#buffer, this.#version, afterFlight)];
    }
    if (this.#inFlight !== undefined) this.#inFlight = { ...this.#inFlight, change: flight };
    this.#setBuffer(buffer, this.#waiting);
    this.#setText(text);
    return local;
  }

  /** Drops everything that is not confirmed; returns it as one change on the confirmed text. */
  rollBack(): Change {
    const lost = this.unconfirmed;
    this.#inFlight = undefined;
    this.#setBuffer([], 0);
    this.#setText(this.#confirmed);
    return lost;
  }

  /** As rollBack, where the change in flight was committed after all: returns what is left, and its base. */
  setAside(flightCommitted: boolean): { readonly base: string; readonly change: Change } {
    const base = flightCommitted ? this.#afterFlight : this.#confirmed;
    const change = flightCommitted ? this.#buffer : this.unconfirmed;
    this.rollBack();
    return { base, change };
  }

  /**
   * Puts another confirmed text in place of the present one and keeps the local
   * edits: what lies between the two texts counts as a change by others.
   */
  rebase(version: number, confirmed: string, fate: Fate): void {
    const flight = this.#inFlight;
    let before = this.#confirmed;
    let after = confirmed;
    if (flight !== undefined && fate.kind === "lost") {
      this.#setBuffer(compose(flight.change, this.#buffer), flight.edits + this.#waiting);
      this.#inFlight = undefined;
    } else if (flight !== undefined) {
      before = apply(before, flight.change);
      if (fate.kind === "open") {
        after = apply(after, fate.change);
        this.#inFlight = { ...flight, change: fate.change };
      } else {
        this.#inFlight = undefined;
      }
    }
    this.#version = version;
    this.#confirmed = confirmed;
    this.#places = [];
    this.#setBuffer(transform(diff(before, after), this.#buffer), this.#waiting);
    this.#setText(apply(after, this.#buffer));
  }

  get #afterFlight(): string {
    return this.#inFlight === undefined ? this.#confirmed : apply(this.#confirmed, this.#inFlight.change);
  }

  #setBuffer(buffer: Change, edits: number): void {
    this.#buffer = buffer;
    this.#waiting = buffer.length === 0 ? 0 : edits;
    if (buffer.length > 0) return;
    this.#cut = false;
    this.#places = [];
  }

  #setText(text: string): void {
    this.#text = text;
    this.#length = countCodePoints(text);
  }
}

function deletedLength(change: Change): number {
  return change.reduce((n, op) => n + (op.type === "delete" ? op.length : 0), 0);
}

function sameOps(a: Change, b: Change): boolean {
  return a.length === b.length && JSON.stringify(a) === JSON.stringify(b);
}

import type { Change } from "./change.ts";
import { countCodePoints, skipCodePoints } from "./codepoints.ts";
import { ChangeBuilder, endless } from "./components.ts";
import type { Place } from "./places.ts";
import { relate } from "./relation.ts";
import type { CommittedDeletion, Run } from "./relation.ts";
import { foreign, isTombstone, isUnconfirmed, join, moves, partBefore, sideOf, spanBytes, unconfirmedVersion, unknownDeletion } from "./spans.ts";
import type { Piece, Span } from "./spans.ts";

/** A change that the server has committed, beside what was not confirmed here just before. */
export interface Commit {
  /** 0 where it stands for several. */
  readonly version: number;
  readonly ops: Change;
  /** Where text that it inserts stood in what versions before it had deleted. */
  readonly places: readonly Place[];
  /** On the confirmed text before the change, as the ops are. */
  readonly unconfirmed: Change;
}

/**
 * The text of one editor, with what the editor's own steps deleted kept where it
 * was: as tombstones between the characters that are left.
 *
 * What others insert between two characters stands before the tombstones there,
 * unless its author had not seen the deletion. Then it stands among them, where
 * it was typed, and what undoing brings back goes around it. That is known from
 * two sides. A deletion that is not confirmed yet is part of the unconfirmed
 * change, on which others' changes are transformed here. For a confirmed one the
 * server says with the change how much of the deleted text was before it. Both
 * are the same relation: a tombstone with its version and rank is before the
 * insertion if the rank is below the place's `after`.
 *
 * A local edit, or one by others, costs as much as there are spans, which are as
 * many as this editor's own edits and the places at which others wrote into them.
 */
export class Tombstones {
  /** The last is endless. */
  #spans: Span[] = [foreign(endless)];
  #textUnits = 0;
  /** Whether there may be tombstones without a deletion. */
  #hasUnconfirmed = false;
  /** The least index of what was replaced since that was last asked for. */
  #touched = 0;

  /** What all of it takes in memory. */
  get bytes(): number {
    return 2 * this.#textUnits + spanBytes * this.#spans.length;
  }

  clear(): void {
    this.#spans = [foreign(endless)];
    this.#textUnits = 0;
    this.#hasUnconfirmed = false;
  }

  /** A step edits the text; `deleted` is the text that it takes out, in order. */
  edit(change: Change, deleted: string, step: number): void {
    let taken = 0;
    const take = (length: number): string => {
      const end = skipCodePoints(deleted, taken, length);
      const text = deleted.slice(taken, end);
      taken = end;
      return text;
    };
    this.#change(change, {
      insert: (at, length) => {
        this.#replace(at, at, [{ ...foreign(length), insertedBy: step }]);
        return at + 1;
      },
      // What a step itself had inserted is nothing that undoing it would bring back.
      delete: (span) => {
        const text = take(span.length);
        return span.insertedBy === step ? undefined : { ...span, deletedBy: step, text };
      },
    });
    this.#hasUnconfirmed ||= deleted !== "";
  }

  /** Others changed the text, or what else is not to be undone. */
  applyRemote(local: Change, commit: Commit | undefined): void {
    if (this.#spans.length === 1) return; // No step has left anything here.
    const pieces = commit === undefined ? [] : this.#committed(commit);
    let piece = 0;
    this.#change(local, {
      insert: (at, length) => {
        let end = at;
        for (let left = length; left > 0; piece++) {
          // Transforming leaves what is inserted whole: an insertion is one piece, or several.
          const { length: n, places } = pieces[piece] ?? { length: left, places: [] };
          end = this.#insertAmong(end, Math.min(n, left), places);
          left -= n;
        }
        return end;
      },
      delete: () => undefined,
    });
    if (commit !== undefined && this.#hasUnconfirmed) this.#tidy();
  }

  /** A change of this editor's own was committed. */
  commitOwn(commit: Commit): void {
    if (!this.#hasUnconfirmed) return;
    this.#committed(commit);
    this.#tidy();
  }

  /** Nothing is on its way. */
  allCommitted(): void {
    if (!this.#hasUnconfirmed) return;
    this.#hasUnconfirmed = false;
    this.#rewrite((span) => (isUnconfirmed(span) ? { ...span, deletion: unknownDeletion } : span));
  }

  /** The change that takes a step back, or forth again. */
  move(step: number, back: boolean): Change {
    const out = new ChangeBuilder();
    for (const span of this.#spans) {
      const changes = moves(span, step, back);
      if (span.text === undefined) {
        if (changes) out.delete(span.length);
        else out.retain(span.length);
      } else if (changes) out.insert(span.text);
    }
    return out.change();
  }

  /** That change was made; `deleted` is the text that it took out. */
  moved(step: number, back: boolean, deleted: string): void {
    let taken = 0;
    this.#rewrite((span) => {
      if (!moves(span, step, back)) return span;
      if (span.text !== undefined) return { ...span, text: undefined, deletion: undefined };
      const end = skipCodePoints(deleted, taken, span.length);
      const text = deleted.slice(taken, end);
      taken = end;
      return { ...span, text };
    });
    this.#hasUnconfirmed ||= deleted !== "";
  }

  /** Steps up to `oldest` can't be taken back any more, nor those after `newest` be made again. */
  forget(oldest: number, newest: number): void {
    const known = (step: number) => step > oldest && step <= newest;
    this.#rewrite((span) => {
      const insertedBy = known(span.insertedBy) ? span.insertedBy : 0;
      const deletedBy = known(span.deletedBy) ? span.deletedBy : 0;
      if (span.text !== undefined && insertedBy === 0 && deletedBy === 0) return undefined;
      return insertedBy === span.insertedBy && deletedBy === span.deletedBy ? span : { ...span, insertedBy, deletedBy };
    });
  }

  /** Goes through a change from its beginning, and puts its ops on the spans. */
  #change(change: Change, on: {
    /** Puts that much text in; returns the index behind it. */
    readonly insert: (at: number, length: number) => number;
    /** What becomes of a span of the text. */
    readonly delete: (span: Span) => Span | undefined;
  }): void {
    let at = 0; // the index of a span
    let position = 0; // where that begins in the text before the change
    this.#touched = this.#spans.length;
    for (const op of change) {
      for (let span = this.#spans[at]; span !== undefined && position < op.position; span = this.#spans[++at]) {
        if (isTombstone(span)) continue;
        const n = op.position - position;
        if (span.length > n) this.#cut(at, n);
        position += Math.min(span.length, n);
      }
      if (op.type === "insert") at = on.insert(at, countCodePoints(op.content));
      if (op.type !== "delete") continue;
      for (const end = position + op.length; position < end; ) {
        const isText = !isTombstone(this.#spans[at] as Span);
        if (isText) {
          this.#cut(at, end - position);
          const span = this.#spans[at] as Span;
          position += span.length;
          const left = on.delete(span);
          this.#replace(at, at + 1, left === undefined ? [] : [left]);
          if (left === undefined) continue;
        }
        at++;
      }
    }
    this.#join(this.#touched - 1, at + 1);
  }

  /** Puts others' text where it is typed at that index; returns the index behind it. */
  #insertAmong(at: number, length: number, places: Piece["places"]): number {
    // At one place of the text are the tombstones between two characters.
    let [from, to] = this.#around(at, isTombstone);
    if (places.length === 0) {
      this.#replace(from, from, [foreign(length)]);
      return from + 1;
    }
    // They have no order with what this editor itself has typed there since: that they may pass.
    let [first, last] = this.#around(at, (span) => isTombstone(span) || span.insertedBy !== 0 || span.deletedBy !== 0);
    for (let i = first; i < last; i++) {
      if (!this.#cut(i, partBefore(this.#spans[i], places))) continue;
      last++;
      if (i < from) from++;
      if (i < to) to++;
    }
    const spans = this.#spans.slice(first, last);
    const known = spans.map((span) => sideOf(span, places));
    const lastBefore = known.lastIndexOf("before");
    const nextBehind = known.indexOf("behind", lastBefore + 1);
    // Tombstones from here on are behind the text, the others before it.
    const split = nextBehind >= 0 && nextBehind < from - first ? nextBehind : Math.max(lastBefore + 1, from - first);
    const isBefore = (span: Span, i: number) => i < (isTombstone(span) ? split : from - first);
    const before = spans.filter(isBefore);
    this.#replace(first, last, [...before, foreign(length), ...spans.filter((span, i) => !isBefore(span, i))]);
    return first + before.length + 1;
  }

  /** The indexes from and up to which all spans around one are such. */
  #around(at: number, isSuch: (span: Span) => boolean): [number, number] {
    let from = at;
    let to = at;
    for (let span = this.#spans[from - 1]; span !== undefined && isSuch(span); span = this.#spans[from - 1]) from--;
    for (let span = this.#spans[to]; span !== undefined && isSuch(span); span = this.#spans[to]) to++;
    return [from, to];
  }

  /**
   * Gives the tombstones that a committed change concerns their deletion, and says
   * of the pieces that it inserts what is known of their place.
   */
  #committed({ version, ops, places, unconfirmed }: Commit): Piece[] {
    if (!this.#hasUnconfirmed && places.length === 0) return [];
    const { runs, deletions, inserts } = relate(ops, this.#hasUnconfirmed ? unconfirmed : []);
    if (this.#hasUnconfirmed) {
      this.#number(runs);
      if (deletions.length > 0) this.#recordDeletions(deletions, version);
    }
    return inserts.flatMap(({ offset, length, after }) => {
      const end = offset + length;
      const starts = new Set([offset, ...places.map((place) => place.offset).filter((start) => start > offset && start < end)]);
      return [...starts].sort((a, b) => a - b).map((start, i, all) => ({
        length: (all[i + 1] ?? end) - start,
        places: [{ version: unconfirmedVersion, after }, ...places.filter((place) => place.offset === start)],
      }));
    });
  }

  /**
   * Numbers the tombstones whose deletion is not confirmed, as the unconfirmed
   * change deletes them. Where it deletes something else, as after a reload, they
   * are left without.
   */
  #number(runs: ReadonlyMap<number, Run>): void {
    let position = 0;
    for (let at = 0; at < this.#spans.length; at++) {
      const span = this.#spans[at] as Span;
      if (!isTombstone(span)) {
        position += span.length;
        continue;
      }
      const [from, to] = this.#around(at, isTombstone);
      at = to - 1;
      const run = runs.get(position);
      const here = this.#spans.slice(from, to);
      if (run === undefined || run.length !== here.reduce((n, each) => n + (isUnconfirmed(each) ? each.length : 0), 0)) continue;
      let { rank } = run;
      this.#replace(from, to, here.map((each) => {
        if (!isUnconfirmed(each)) return each;
        const deletion = { version: unconfirmedVersion, rank };
        rank += each.length;
        return { ...each, deletion };
      }));
    }
  }

  /** Gives numbered tombstones the deletion that a version is for them. */
  #recordDeletions(deletions: readonly CommittedDeletion[], version: number): void {
    for (let at = 0; at < this.#spans.length; at++) {
      const { deletion, length } = this.#spans[at] as Span;
      if (deletion?.version !== unconfirmedVersion) continue;
      const deleted = deletions.find((each) => each.number + each.length > deletion.rank && each.number < deletion.rank + length);
      if (deleted === undefined) continue;
      if (deleted.number > deletion.rank) {
        this.#cut(at, deleted.number - deletion.rank);
        continue;
      }
      const behind = deletion.rank - deleted.number;
      this.#cut(at, deleted.length - behind);
      this.#replace(at, at + 1, [{ ...(this.#spans[at] as Span), deletion: version === 0 ? unknownDeletion : { version, rank: deleted.rank + behind } }]);
    }
  }

  /** Takes the numbers away, which hold for one change. */
  #tidy(): void {
    this.#rewrite((span) => (span.deletion?.version === unconfirmedVersion ? { ...span, deletion: undefined } : span));
  }

  /** Cuts the span at that index behind `length` code points, unless that is at an end of it. */
  #cut(at: number, length: number): boolean {
    const span = this.#spans[at];
    if (span === undefined || length <= 0 || length >= span.length) return false;
    const rest = span.length === endless ? endless : span.length - length;
    const end = span.text === undefined ? 0 : skipCodePoints(span.text, 0, length);
    const { deletion } = span;
    this.#replace(at, at + 1, [
      { ...span, length, text: span.text?.slice(0, end) },
      { ...span, length: rest, text: span.text?.slice(end), deletion: deletion && deletion.version !== 0 ? { ...deletion, rank: deletion.rank + length } : deletion },
    ]);
    return true;
  }

  #rewrite(rewritten: (span: Span) => Span | undefined): void {
    this.#touched = this.#spans.length;
    for (let at = 0; at < this.#spans.length; at++) {
      const span = this.#spans[at] as Span;
      const next = rewritten(span);
      if (next === span) continue;
      this.#replace(at, at + 1, next === undefined ? [] : [next]);
      if (next === undefined) at--;
    }
    if (this.#touched < this.#spans.length) this.#join(0, this.#spans.length - 1);
  }

  /** Makes one of neighbours that have no difference, from one index up to another. */
  #join(from: number, to: number): void {
    for (let at = Math.min(to, this.#spans.length - 1); at > Math.max(from, 0); at--) {
      const joined = join(this.#spans[at - 1] as Span, this.#spans[at] as Span);
      if (joined !== undefined) this.#replace(at - 1, at + 1, [joined]);
    }
  }

  #replace(from: number, to: number, spans: readonly Span[]): void {
    this.#touched = Math.min(this.#touched, from);
    for (const span of this.#spans.splice(from, to - from, ...spans)) this.#textUnits -= span.text?.length ?? 0;
    for (const span of spans) this.#textUnits += span.text?.length ?? 0;
  }
}

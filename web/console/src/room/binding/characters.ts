/**
 * Whole characters. A page reports its text by UTF-16 units: of an emoji that
 * takes another's place, the half in which the two differ. So what is sent is
 * read from the text after the edit, and reaches over whole surrogate pairs. A
 * half that an edit leaves alone is no character: it is not shown and not sent,
 * but waits for the next edit, which may bring its other half. One that stands
 * within an inserted text, as in a damaged paste, becomes U+FFFD at once.
 */
import { ChangeSet, type ChangeSpec, EditorState, type Extension, MapMode, StateEffect, StateField, type Text, type Transaction } from "@codemirror/state";
import type { Utf16Edit } from "@rapport/client";
import { fromSession } from "./annotations.ts";
import type { Stretch } from "./held.ts";

/**
 * A local transaction's edits on the text before it, none of which begins or
 * ends inside a surrogate pair, nor inside `unit`, which is replaced whole
 * where it is touched.
 */
export function wholeEdits({ changes, startState, newDoc }: Transaction, unit?: Stretch): readonly Utf16Edit[] {
  const { doc } = startState;
  const ranges: { fromA: number; toA: number; fromB: number; toB: number }[] = [];
  changes.iterChangedRanges((fromA, toA, fromB, toB) => {
    const within = unit && fromA <= unit.to && toA >= unit.from ? unit : { from: fromA, to: toA };
    const left = Math.max(fromA - within.from, splitsPair(doc, fromA) ? 1 : 0);
    const right = Math.max(within.to - toA, splitsPair(doc, toA) ? 1 : 0);
    const last = ranges.at(-1);
    // What two edits keep between them, of one pair or of the unit, belongs to both.
    if (last && fromA - left <= last.toA) Object.assign(last, { toA: toA + right, toB: toB + right });
    else ranges.push({ fromA: fromA - left, toA: toA + right, fromB: fromB - left, toB: toB + right });
  });
  return ranges.map(({ fromA, toA, fromB, toB }) => ({ from: fromA, to: toA, insert: newDoc.sliceString(fromB, toB) }));
}

/** Half of a surrogate pair, and the offset where it would stand. */
interface Half {
  readonly at: number;
  readonly unit: string;
}

const setWaiting = StateEffect.define<readonly Half[]>();

/** The halves that the latest local edit left alone. */
const waiting = StateField.define<readonly Half[]>({
  create: () => [],
  update(halves, transaction) {
    for (const effect of transaction.effects) if (effect.is(setWaiting)) return effect.value;
    if (!transaction.docChanged) return halves;
    if (!transaction.annotation(fromSession)) return [];
    return halves.map(({ at, unit }) => ({ at: transaction.changes.mapPos(at, sideOf(unit)), unit }));
  },
});

/** Takes lone halves out of what local transactions make of the text, and puts them in once they have become characters. */
const filter = EditorState.transactionFilter.of((transaction) => {
  if (!transaction.docChanged || transaction.annotation(fromSession)) return transaction;
  const { newDoc } = transaction;
  const completed = completions(transaction);
  const joined = new Set(completed.map(({ at, unit }) => (isHigh(unit) ? at : at - 1)));
  const lone = loneHalves(transaction).filter(({ at }) => !joined.has(at));
  if (completed.length === 0 && lone.length === 0) return transaction;
  const changes: ChangeSpec[] = [
    ...completed.map(({ at, unit }) => ({ from: at, insert: unit })),
    ...lone.map(({ at, within }) => ({ from: at, to: at + 1, insert: within ? "\ufffd" : "" })),
  ];
  const mended = ChangeSet.of(changes, newDoc.length);
  const halves = lone.filter(({ within }) => !within).map(({ at, unit }) => ({ at: mended.mapPos(at, -1), unit }));
  // Beside the transaction itself, which keeps its selection, its effects and its annotations.
  return [transaction, { changes: mended, sequential: true, effects: setWaiting.of(halves) }];
});

export const wholeCharacters: Extension = [waiting, filter];

/** The waiting halves that a transaction makes characters of, where they stand after it. */
function completions({ startState, changes, newDoc }: Transaction): readonly Half[] {
  return startState.field(waiting).flatMap(({ at, unit }) => {
    const now = changes.mapPos(at, sideOf(unit), MapMode.TrackDel);
    if (now === null) return [];
    const completes = isHigh(unit)
      ? isLow(unitAt(newDoc, now)) && !isHigh(unitAt(newDoc, now - 1))
      : isHigh(unitAt(newDoc, now - 1)) && !isLow(unitAt(newDoc, now));
    return completes ? [{ at: now, unit }] : [];
  });
}

const lonely = /[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g;

interface LoneHalf extends Half {
  /** Where its other half would stand, the same edit has put something else. */
  readonly within: boolean;
}

/** Which halves stand alone after a transaction: they can only be of what it inserted, or beside what it changed. */
function loneHalves({ changes, newDoc }: Transaction): readonly LoneHalf[] {
  const found = new Map<number, LoneHalf>();
  changes.iterChangedRanges((_fromA, _toA, from, to) => {
    const start = Math.max(0, from - 2);
    for (const { index, 0: unit } of newDoc.sliceString(start, to + 2).matchAll(lonely)) {
      const at = start + index;
      const within = isHigh(unit) ? at >= from && at < to - 1 : at > from && at < to;
      if (at >= from - 1 && at <= to && !found.get(at)?.within) found.set(at, { at, unit, within });
    }
  });
  return [...found.values()].sort((a, b) => a.at - b.at);
}

/** What is inserted beside a half goes to where its other half belongs. */
function sideOf(unit: string): -1 | 1 {
  return isHigh(unit) ? -1 : 1;
}

function splitsPair(doc: Text, offset: number): boolean {
  return isHigh(unitAt(doc, offset - 1)) && isLow(unitAt(doc, offset));
}

/** Empty before the text and behind it. */
function unitAt(doc: Text, offset: number): string {
  return offset < 0 || offset >= doc.length ? "" : doc.sliceString(offset, offset + 1);
}

const isHigh = (unit: string): boolean => unit >= "\ud800" && unit <= "\udbff";
const isLow = (unit: string): boolean => unit >= "\udc00" && unit <= "\udfff";

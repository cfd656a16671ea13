/**
 * Operational transformation on plain text, the same rules as the server's.
 *
 * A document of n code points has n characters and n+1 gaps, one before each
 * character and one at the end. A change says which characters go and what text
 * comes into which gap. An insert listed before a delete at the same position
 * stands in the gap at the start of the deleted range, one at the delete's end
 * in the gap after it, and each gap keeps its place whatever others delete.
 * Transformation is the union of two changes: a character is gone if either
 * deletes it, and a gap holds the committed text, then the other's.
 *
 * Every function runs in time linear in its input, and returns changes in
 * normal form: no retains, neighbours of one kind merged. A malformed change is
 * RapportError VALIDATION_ERROR, with the place as `ops[2].position`.
 */
import { RapportError } from "../errors.ts";
import type { Change, Op } from "./change.ts";
import { countCodePoints, isWellFormed, skipCodePoints } from "./codepoints.ts";
import { ChangeBuilder, endless, ComponentReader } from "./components.ts";

/** The document after the change. */
export function apply(doc: string, change: Change): string {
  check(change, endless - 1);
  let after = "";
  let at = 0; // code points
  let index = 0; // UTF-16 units
  change.forEach((op, i) => {
    const start = skipCodePoints(doc, index, op.position - at);
    if (start < 0) throw malformed(i, "position", "is beyond the document's end");
    after += doc.slice(index, start);
    index = start;
    at = op.position;
    if (op.type === "insert") {
      after += op.content;
      return;
    }
    const end = skipCodePoints(doc, index, op.length);
    if (end < 0) throw malformed(i, "length", "reaches beyond the document's end");
    if (op.type === "retain") after += doc.slice(index, end);
    index = end;
    at += op.length;
  });
  return after + doc.slice(index);
}

/**
 * The one change that does what `a` and then `b` do. Where `a` deleted, what
 * `b` inserts goes before the deleted range, so that text typed on stays
 * together with the text typed before it.
 */
export function compose(a: Change, b: Change): Change {
  check(a, endless - 1);
  check(b, endless - 1);
  const first = new ComponentReader(a);
  const second = new ComponentReader(b);
  const out = new ChangeBuilder();
  while (!first.ended || !second.ended) {
    if (second.kind === "insert") {
      out.insert(second.take(second.left));
    } else if (first.kind === "delete") {
      out.delete(first.left);
      first.take(first.left);
    } else {
      const n = Math.min(first.left, second.left);
      const inserted = first.kind === "insert";
      const kept = second.kind === "retain";
      const text = first.take(n);
      second.take(n);
      if (inserted && kept) out.insert(text);
      else if (kept) out.retain(n);
      else if (!inserted) out.delete(n);
    }
  }
  return out.change();
}

/** `change` as it stands after `committed`; both were made on one document. */
export function transform(committed: Change, change: Change): Change {
  const right = new ChangeBuilder();
  transformInto(committed, change, undefined, right);
  return right.change();
}

/**
 * Both changes as they stand after the other, `[committed', change']`:
 * `committed` then `change'` gives the same document as `change` then `committed'`.
 */
export function transformPair(committed: Change, change: Change): readonly [Change, Change] {
  const left = new ChangeBuilder();
  const right = new ChangeBuilder();
  transformInto(committed, change, left, right);
  return [left.change(), right.change()];
}

/** Writes `committed` as it stands after `change` to `left`, where that is wanted, and `change` after `committed` to `right`. */
function transformInto(committed: Change, change: Change, left: ChangeBuilder | undefined, right: ChangeBuilder): void {
  check(committed, endless - 1);
  check(change, endless - 1);
  const a = new ComponentReader(committed);
  const b = new ComponentReader(change);
  // Without `left`, nothing is wanted after the end of `change`.
  while (!(b.ended && left === undefined) && !(a.ended && b.ended)) {
    if (a.kind === "insert") {
      right.retain(a.left);
      const text = a.take(a.left);
      left?.insert(text);
    } else if (b.kind === "insert") {
      left?.retain(b.left);
      right.insert(b.take(b.left));
    } else {
      const n = Math.min(a.left, b.left);
      const aDeletes = a.kind === "delete";
      const bDeletes = b.kind === "delete";
      a.take(n);
      b.take(n);
      if (aDeletes && bDeletes) continue;
      if (aDeletes) left?.delete(n);
      else if (bDeletes) right.delete(n);
      else {
        left?.retain(n);
        right.retain(n);
      }
    }
  }
}

/** The change that undoes `change`, which was made on `doc`. */
export function invert(doc: string, change: Change): Change {
  check(change, countCodePoints(doc));
  const out = new ChangeBuilder();
  let at = 0;
  let index = 0;
  for (const op of change) {
    out.retain(op.position - at);
    index = skipCodePoints(doc, index, op.position - at);
    at = op.position;
    if (op.type === "insert") {
      out.delete(countCodePoints(op.content));
      continue;
    }
    const end = skipCodePoints(doc, index, op.length);
    if (op.type === "delete") out.insert(doc.slice(index, end));
    else out.retain(op.length);
    index = end;
    at += op.length;
  }
  return out.change();
}

/** All the text that the change inserts, in order. */
export function insertedText(change: Change): string {
  return change.map((op) => (op.type === "insert" ? op.content : "")).join("");
}

/** By how many code points the change lengthens a document. */
export function growth(change: Change): number {
  let n = 0;
  for (const op of change) {
    if (op.type === "insert") n += countCodePoints(op.content);
    else if (op.type === "delete") n -= op.length;
  }
  return n;
}

/** Whether the change has no insert and no delete. */
export function isEmpty(change: Change): boolean {
  return change.every((op) => op.type === "retain");
}

/**
 * Throws unless the change is one that the server would accept for a document
 * of `docLength` code points: well formed, within the document, and with at
 * least one insert or delete.
 */
export function validate(change: Change, docLength: number): void {
  check(change, docLength);
  if (isEmpty(change)) {
    throw new RapportError({ code: "VALIDATION_ERROR", detail: "a change has at least one insert or delete" });
  }
}

/**
 * The change that replaces the part in which the two differ, between the
 * beginning and the end that they share. Empty when they are equal.
 */
export function diff(before: string, after: string): Change {
  const shorter = Math.min(before.length, after.length);
  let head = 0;
  while (head < shorter && before.charCodeAt(head) === after.charCodeAt(head)) head++;
  let tail = 0;
  while (
    tail < shorter - head &&
    before.charCodeAt(before.length - 1 - tail) === after.charCodeAt(after.length - 1 - tail)
  ) tail++;
  // Two different pairs may share a half: leave pairs whole.
  if (head > 0 && isHigh(before.charCodeAt(head - 1))) head--;
  if (tail > 0 && isLow(before.charCodeAt(before.length - tail))) tail--;

  const position = countCodePoints(before, 0, head);
  const length = countCodePoints(before, head, before.length - tail);
  const content = after.slice(head, after.length - tail);
  const ops: Op[] = [];
  if (content !== "") ops.push({ type: "insert", position, content });
  if (length > 0) ops.push({ type: "delete", position, length });
  return ops;
}

function isHigh(unit: number): boolean {
  return (unit & 0xfc00) === 0xd800;
}

function isLow(unit: number): boolean {
  return (unit & 0xfc00) === 0xdc00;
}

/** As validate, but accepts a change without effect: transformation may leave nothing. */
function check(change: Change, docLength: number): void {
  let start = 0;
  let end = 0;
  change.forEach((op, i) => {
    checkFields(op, i);
    if (op.position < start) throw malformed(i, "position", "comes after a higher position: ops must ascend");
    if (op.position < end) throw malformed(i, "position", "stands inside the op before it");
    start = op.position;
    end = op.type === "insert" ? start : start + op.length;
    if (start > docLength) throw malformed(i, "position", `is beyond the document's ${docLength} code points`);
    if (end > docLength) throw malformed(i, "length", `reaches beyond the document's ${docLength} code points`);
  });
}

function checkFields(op: Op, i: number): void {
  if (!Number.isSafeInteger(op.position) || op.position < 0) {
    throw malformed(i, "position", "is not a whole number from 0");
  }
  switch (op.type) {
    case "insert":
      if (typeof op.content !== "string" || op.content === "") throw malformed(i, "content", "is empty");
      if (!isWellFormed(op.content)) throw malformed(i, "content", "has half of a surrogate pair: insert whole characters (String.toWellFormed mends a text)");
      return;
    case "delete":
    case "retain":
      if (!Number.isSafeInteger(op.length) || op.length < 1) {
        throw malformed(i, "length", "is not a whole number from 1");
      }
      return;
    default:
      throw malformed(i, "type", "is not insert, delete or retain");
  }
}

function malformed(index: number, field: string, reason: string): RapportError {
  const location = `ops[${index}].${field}`;
  return new RapportError({
    code: "VALIDATION_ERROR",
    detail: `${location} ${reason}`,
    errors: [{ location, detail: reason }],
  });
}

/** Where inserted text stood in text that others deleted: see `Place`. */
import type { Change } from "./change.ts";
import { countCodePoints } from "./codepoints.ts";
import { ComponentReader } from "./components.ts";

/** Where text that a change inserts stood in text that was deleted at the same time. */
export interface Place {
  /** Where the text begins in all that the change inserts, in code points. */
  readonly offset: number;
  /** The change that deleted there. */
  readonly version: number;
  /** How many of the code points that it deleted were before the text; those after them were behind it. */
  readonly after: number;
}

/** Of a change as sent, so that the fields around its ops stay below 1 KB. */
const maxPlaces = 8;

/** The places of what a change inserts in what a version deletes; both are made on one text. */
export function placesIn(change: Change, version: number, committed: Change): Place[] {
  if (!committed.some(({ type }) => type === "delete")) return [];
  const places: Place[] = [];
  let offset = 0;
  let last = -1; // the position of the insert before
  for (const op of change) {
    if (op.type !== "insert") continue;
    const after = op.position === last ? undefined : deletedBefore(op.position, committed);
    if (after !== undefined) places.push({ offset, version, after });
    last = op.position;
    offset += countCodePoints(op.content);
  }
  return places;
}

/** How much the change deletes before a position at which it deletes something; undefined for another one. */
function deletedBefore(position: number, change: Change): number | undefined {
  let before = 0;
  let touches = false;
  for (const op of change) {
    if (op.position > position) break;
    if (op.type !== "delete") continue;
    before += Math.min(op.length, position - op.position);
    touches ||= op.position + op.length >= position;
  }
  return touches ? before : undefined;
}

/** Those places of `change` that are left when `later` is composed onto it. */
export function composePlaces(places: readonly Place[], change: Change, later: Change): readonly Place[] {
  if (places.length === 0) return places;
  const kept = keptText(change, later);
  return places.flatMap((place) => {
    const next = Math.min(...places.flatMap(({ offset }) => (offset > place.offset ? offset : [])));
    // The first that is left of the text that the place is of.
    const first = kept.find(({ from, to, end }) => to > place.offset && from < next && end > place.offset && from < end);
    if (first === undefined || first.start > place.offset) return [];
    const skipped = Math.max(0, place.offset - first.from);
    return first.from + skipped < Math.min(next, first.to) ? { ...place, offset: first.at + skipped } : [];
  });
}

/** A stretch of the inserted text of a change, as long as a later one leaves it. */
interface Kept {
  /** In all that the change inserts. */
  readonly from: number;
  readonly to: number;
  /** Of the insert that it belongs to. */
  readonly start: number;
  readonly end: number;
  /** In all that both together insert. */
  readonly at: number;
}

function keptText(change: Change, later: Change): Kept[] {
  const kept: Kept[] = [];
  const first = new ComponentReader(change);
  const second = new ComponentReader(later);
  let [from, at, start, end] = [0, 0, 0, 0];
  while (!first.ended || !second.ended) {
    if (second.kind === "insert") {
      at += second.left;
      second.take(second.left);
      continue;
    }
    if (first.kind === "delete") {
      first.take(first.left);
      continue;
    }
    const n = Math.min(first.left, second.left);
    if (first.kind === "insert") {
      if (from === end) [start, end] = [from, from + first.left];
      if (second.kind === "retain") {
        kept.push({ from, to: from + n, start, end, at });
        at += n;
      }
      from += n;
    }
    first.take(n);
    second.take(n);
  }
  return kept;
}

/** The places of the first `length` code points that a change inserts, and those of the rest as it stands after them. */
export function splitPlaces(places: readonly Place[], length: number): readonly [readonly Place[], readonly Place[]] {
  return [
    places.filter(({ offset }) => offset < length).slice(0, maxPlaces),
    places.flatMap((place) => (place.offset < length ? [] : { ...place, offset: place.offset - length })),
  ];
}

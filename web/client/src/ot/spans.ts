import { endless } from "./components.ts";
import type { Place } from "./places.ts";

/** When a tombstone left the server's text, and how many code points that version deleted before it. */
export interface Deletion {
  readonly version: number;
  readonly rank: number;
}

/** A stretch of the text, or of what this editor has taken out of it. Lengths count code points. */
export interface Span {
  readonly length: number;
  /** The step that inserted it; 0 for the text of others and from before the steps. */
  readonly insertedBy: number;
  /** The step that deleted it, taken back or not; 0 for none. */
  readonly deletedBy: number;
  /** What a tombstone would bring back; undefined for a span of the text. */
  readonly text: string | undefined;
  /** Of a tombstone; undefined while its deletion may be on its way. */
  readonly deletion: Deletion | undefined;
}

/** Text inserted by others, and what is known of where it stood. */
export interface Piece {
  readonly length: number;
  readonly places: readonly Omit<Place, "offset">[];
}

/** The version that stands for all that is not confirmed. */
export const unconfirmedVersion = -1;
/** Of a tombstone of which it isn't known when the server deleted it. */
export const unknownDeletion: Deletion = { version: 0, rank: 0 };
/** What a span takes in memory beside its text: the objects and their slot in the list. */
export const spanBytes = 160;

export function foreign(length: number): Span {
  return { length, insertedBy: 0, deletedBy: 0, text: undefined, deletion: undefined };
}

export function isTombstone(span: Span): boolean {
  return span.text !== undefined;
}

/** Whether the deletion may be on its way. */
export function isUnconfirmed(span: Span): boolean {
  return isTombstone(span) && (span.deletion === undefined || span.deletion.version === unconfirmedVersion);
}

/** Whether the step turns what is there into a tombstone, or a tombstone into text. */
export function moves(span: Span, step: number, back: boolean): boolean {
  return isTombstone(span) === back ? span.deletedBy === step : span.insertedBy === step;
}

/** How much of a tombstone is before text of those places. */
export function partBefore(span: Span | undefined, places: Piece["places"]): number {
  const { deletion } = span ?? {};
  const place = deletion && places.find(({ version }) => version === deletion.version);
  return deletion === undefined || place === undefined ? 0 : place.after - deletion.rank;
}

/** On which side of such text a tombstone is, one that is on one side; undefined where that is not known. */
export function sideOf(span: Span, places: Piece["places"]): "before" | "behind" | undefined {
  if (!places.some(({ version }) => version === span.deletion?.version)) return undefined;
  return partBefore(span, places) > 0 ? "before" : "behind";
}

/** The two as one; undefined where they differ in more than their length. */
export function join(a: Span, b: Span): Span | undefined {
  if (a.insertedBy !== b.insertedBy || a.deletedBy !== b.deletedBy || isTombstone(a) !== isTombstone(b)) return undefined;
  const rank = a.deletion && a.deletion.version !== 0 ? a.deletion.rank + a.length : 0;
  if (a.deletion?.version !== b.deletion?.version || (b.deletion !== undefined && b.deletion.rank !== rank)) return undefined;
  return {
    ...a,
    length: b.length === endless ? endless : a.length + b.length,
    text: a.text === undefined ? undefined : a.text + (b.text ?? ""),
  };
}

/**
 * What an editor has written that the server has not confirmed, without the
 * text that it stands on. Every step is a function of the state before it, so a
 * list of steps brings a state that was stored to where it was.
 */
import type { Change } from "./change.ts";
import { countCodePoints } from "./codepoints.ts";
import { compose, insertedText, transformPair } from "./operations.ts";
import { composePlaces, placesIn, splitPlaces } from "./places.ts";
import type { Place } from "./places.ts";

/** A change that was begun and has no answer yet. */
export interface InFlight {
  readonly clientSeq: number;
  /** As first sent: what a retry repeats. */
  readonly baseVersion: number;
  readonly ops: Change;
  readonly places?: readonly Place[];
  /** As it stands on the confirmed text now. */
  readonly change: Change;
  /** How many local edits it holds; one that was cut counts with each piece. */
  readonly edits: number;
}

export interface PendingEdits {
  /** Of the confirmed text. */
  readonly version: number;
  readonly inFlight: InFlight | undefined;
  /** In normal form; stands after the change in flight. */
  readonly buffer: Change;
  /** Local edits in the buffer. */
  readonly waiting: number;
  /** Where text of the buffer stood in what was deleted since it was typed. */
  readonly places: readonly Place[];
  readonly nextSeq: number;
}

/** What happens to a replica from one moment to the next. */
export type Step =
  /** A local edit. */
  | { readonly kind: "edit"; readonly change: Change }
  /** The whole buffer is put in flight. */
  | { readonly kind: "begin" }
  /** The change in flight was not handed over, and goes back into the buffer. */
  | { readonly kind: "recall" }
  /** The change in flight was committed, as `ops`. */
  | { readonly kind: "own"; readonly ops: Change }
  /** A change by others was committed. */
  | { readonly kind: "others"; readonly ops: Change };

export function nothingPending(version: number): PendingEdits {
  return { version, inFlight: undefined, buffer: [], waiting: 0, places: [], nextSeq: 1 };
}

export function edited(state: PendingEdits, change: Change): PendingEdits {
  const places = composePlaces(state.places, state.buffer, change);
  return withBuffer({ ...state, places }, compose(state.buffer, change), state.waiting + 1);
}

/** Puts `first` of the buffer in flight; `rest` stands after it. */
export function begun(state: PendingEdits, first: Change, rest: Change): PendingEdits {
  const { version, nextSeq, waiting } = state;
  const [places, later] = splitPlaces(state.places, countCodePoints(insertedText(first)));
  const inFlight = { clientSeq: nextSeq, baseVersion: version, ops: first, change: first, edits: waiting, ...(places.length > 0 && { places }) };
  return withBuffer({ ...state, inFlight, places: later, nextSeq: nextSeq + 1 }, rest, 1);
}

/**
 * Takes the change in flight back into the buffer, and its number with it: no
 * server has seen either. Of the places, those of the change itself are kept.
 */
export function withdrawn(state: PendingEdits): PendingEdits {
  const { inFlight, buffer, waiting, nextSeq } = state;
  if (inFlight === undefined) return state;
  const places = composePlaces(inFlight.places ?? [], inFlight.change, buffer);
  return withBuffer({ ...state, inFlight: undefined, places, nextSeq: nextSeq - 1 }, compose(inFlight.change, buffer), inFlight.edits + waiting);
}

export function ownCommitted(state: PendingEdits): PendingEdits {
  return { ...state, version: state.version + 1, inFlight: undefined };
}

/** Another's change is the next version; `local` is what it does to the text with all that is pending. */
export function othersCommitted(state: PendingEdits, ops: Change): { readonly pending: PendingEdits; readonly local: Change } {
  const { inFlight, version } = state;
  const [afterFlight, change] = transformPair(ops, inFlight?.change ?? []);
  const [local, buffer] = transformPair(afterFlight, state.buffer);
  const flight = inFlight && { ...inFlight, change };
  const next = version + 1;
  // What the change in flight deletes too would be missing in the count.
  const places = deletedLength(afterFlight) === deletedLength(ops) ? [...state.places, ...placesIn(state.buffer, next, afterFlight)] : state.places;
  return { pending: withBuffer({ ...state, version: next, inFlight: flight, places }, buffer, state.waiting), local };
}

/** The state with another buffer, which holds that many edits. */
export function withBuffer(state: PendingEdits, buffer: Change, edits: number): PendingEdits {
  return buffer.length === 0 ? { ...state, buffer, waiting: 0, places: [] } : { ...state, buffer, waiting: edits };
}

function deletedLength(change: Change): number {
  return change.reduce((n, op) => n + (op.type === "delete" ? op.length : 0), 0);
}

/** The state after the step, and what the step did to the confirmed text. */
export function advance(state: PendingEdits, step: Step): { readonly pending: PendingEdits; readonly committed: Change } {
  switch (step.kind) {
    case "edit":
      return { pending: edited(state, step.change), committed: [] };
    case "begin":
      return { pending: begun(state, state.buffer, []), committed: [] };
    case "recall":
      return { pending: withdrawn(state), committed: [] };
    case "own":
      return { pending: ownCommitted(state), committed: step.ops };
    case "others":
      return { pending: othersCommitted(state, step.ops).pending, committed: step.ops };
  }
}

/** What is done to a text, as the contract says it. */

/** Puts `content`, which is not empty and has only whole characters, into the gap at `position`. */
export interface Insert {
  readonly type: "insert";
  readonly position: number;
  readonly content: string;
}

/** Takes out `length` code points from `position` on. */
export interface Delete {
  readonly type: "delete";
  readonly position: number;
  readonly length: number;
}

/** Changes nothing and may be left out; only an insert must not stand inside it. */
export interface Retain {
  readonly type: "retain";
  readonly position: number;
  readonly length: number;
}

/** One step of a change. */
export type Op = Insert | Delete | Retain;

/**
 * Ascending operations that do not overlap. Each `position` counts Unicode code
 * points in the document before the change; the ops before it in the list do
 * not shift it. Several inserts at one position apply in list order.
 */
export type Change = readonly Op[];

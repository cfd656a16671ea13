export interface Insert { readonly type: "insert"; readonly position: number; readonly content: string }
export interface Delete { readonly type: "delete"; readonly position: number; readonly length: number }
export interface Retain { readonly type: "retain"; readonly position: number; readonly length: number }
export type Op = Insert | Delete | Retain;
/**
 * A change: ascending operations that do not overlap. Each `position` counts
 * Unicode code points in the document before the change.
 */
export type Change = readonly Op[];
const todo = (): never => { throw new Error("not built yet"); };
/** The document after the change. */
export function apply(_doc: string, _change: Change): string { return todo(); }
/** One change that does what `a` and then `b` do. */
export function compose(_a: Change, _b: Change): Change { return todo(); }
/** `change` so that it applies after `committed`; both were made on one document. */
export function transform(_committed: Change, _change: Change): Change { return todo(); }
/** Both sides: `[committed', change']`, each applies after the other. */
export function transformPair(_committed: Change, _change: Change): readonly [Change, Change] { return todo(); }
/** The change that undoes `change`, which was made on `doc`. */
export function invert(_doc: string, _change: Change): Change { return todo(); }
/** Throws RapportError VALIDATION_ERROR unless the change fits a document of `docLength` code points. */
export function validate(_change: Change, _docLength: number): void { todo(); }
/** A small change that turns `before` into `after`. Empty when they are equal. */
export function diff(_before: string, _after: string): Change { return todo(); }

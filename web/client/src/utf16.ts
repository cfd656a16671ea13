import type { Change } from "./ot.ts";
/** A replacement in UTF-16 offsets of the text before all of them, as CodeMirror's `iterChanges` gives it. */
export interface Utf16Edit { readonly from: number; readonly to: number; readonly insert: string }
const todo = (): never => { throw new Error("not built yet"); };
/** UTF-16 offset -> code points before it. */
export function codePointOffset(_text: string, _utf16: number): number { return todo(); }
/** Code point index -> UTF-16 offset. */
export function utf16Offset(_text: string, _codePoints: number): number { return todo(); }
/** Ascending edits (offsets in `text`, the text before them) -> a change. */
export function changeFromUtf16(_text: string, _edits: readonly Utf16Edit[]): Change { return todo(); }
/** A change on `text` -> ascending edits with offsets in `text`, as CodeMirror's `changes` takes them. */
export function changeToUtf16(_text: string, _change: Change): Utf16Edit[] { return todo(); }

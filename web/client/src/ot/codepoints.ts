/**
 * Positions of the contract count Unicode code points; JavaScript strings count
 * UTF-16 units. All strings here are well formed: no lone surrogates.
 */

const loneSurrogate = /[\uD800-\uDFFF]/u;

/** Whether `text` has no lone surrogates, so that it can be sent as UTF-8. */
export function isWellFormed(text: string & { isWellFormed?(): boolean }): boolean {
  return text.isWellFormed?.() ?? !loneSurrogate.test(text);
}

/** Whether the unit at `index` is the second half of a pair. */
export function insidePair(text: string, index: number): boolean {
  const unit = text.charCodeAt(index);
  if (unit < 0xdc00 || unit > 0xdfff || index === 0) return false;
  const before = text.charCodeAt(index - 1);
  return before >= 0xd800 && before <= 0xdbff;
}

/** The number of code points in the units from `from` up to `to`. */
export function countCodePoints(text: string, from = 0, to = text.length): number {
  let n = 0;
  for (let i = from; i < to; i++) {
    // A pair counts once, at its first half.
    if ((text.charCodeAt(i) & 0xfc00) !== 0xdc00) n++;
  }
  return n;
}

/**
 * The index in UTF-16 units of the code point `n` places after index `from`;
 * -1 when the text ends before it.
 */
export function skipCodePoints(text: string, from: number, n: number): number {
  const { length } = text;
  // None takes less than a unit. After this, n is small, which keeps the loop on whole numbers.
  if (n > length - from) return -1;
  let i = from;
  for (let left = n; left > 0; left--) {
    if (i >= length) return -1;
    const unit = text.charCodeAt(i);
    i += unit >= 0xd800 && unit < 0xdc00 ? 2 : 1;
  }
  return i;
}

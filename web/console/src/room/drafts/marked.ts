import { type Change, changeToUtf16 } from "@rapport/client";

/** A stretch of a text that stays, comes or goes. */
export interface Part {
  readonly kind: "same" | "added" | "removed";
  readonly text: string;
}

/** A text with what a change would do to it. Throws RangeError where the change does not fit. */
export function marked(text: string, change: Change): readonly Part[] {
  const parts: Part[] = [];
  const put = (kind: Part["kind"], part: string): void => {
    if (part !== "") parts.push({ kind, text: part });
  };
  let at = 0;
  for (const { from, to, insert } of changeToUtf16(text, change)) {
    put("same", text.slice(at, from));
    put("added", insert);
    put("removed", text.slice(from, to));
    at = to;
  }
  put("same", text.slice(at));
  return parts;
}

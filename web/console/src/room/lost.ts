import type { Change } from "@rapport/client";

/** The text that a change would have added, to give back to who wrote it. */
export function insertedText(change: Change): string {
  return change.flatMap((op) => (op.type === "insert" ? [op.content] : [])).join("\n");
}

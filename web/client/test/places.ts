import type { Change, NotesEvent } from "../src/index.ts";
import { countCodePoints } from "../src/ot/codepoints.ts";
import type { Place } from "../src/api/types.ts";

/** What the server says of a change that is committed after `since`: where its text stood in what those delete. */
export function placesOf(change: Change, since: readonly Pick<NotesEvent, "version" | "ops">[]): Place[] {
  const gaps: { position: number; readonly offset: number }[] = [];
  let offset = 0;
  for (const op of change) {
    if (op.type !== "insert") continue;
    if (gaps.at(-1)?.position !== op.position) gaps.push({ position: op.position, offset });
    offset += countCodePoints(op.content);
  }
  const places: Place[] = [];
  for (const { version, ops } of since) {
    for (const gap of gaps) {
      const ahead = ops.filter(({ position }) => position <= gap.position);
      const end = (op: (typeof ops)[number]) => (op.type === "delete" ? op.position + op.length : -1);
      const after = ahead.reduce((n, op) => n + (op.type === "delete" ? Math.min(end(op), gap.position) - op.position : 0), 0);
      if (ahead.some((op) => end(op) >= gap.position)) places.push({ offset: gap.offset, version, after });
      gap.position += ahead.reduce((n, op) => n + (op.type === "insert" ? countCodePoints(op.content) : 0), 0) - after;
    }
  }
  return places.slice(0, 32);
}

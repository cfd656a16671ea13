/** Reads all changes that are kept, several pages at a time. */
import { type NotesEvent, type Rapport, RapportError } from "@rapport/client";
import { Timeline } from "./timeline.ts";

const pageLength = 200;
const pagesAtOnce = 3;
/** The oldest changes may be removed while they are read. */
const tries = 3;

export interface HistoryEnd {
  readonly version: number;
  readonly text: string;
}

/**
 * The history up to a version, whose text is known. `onProgress` hears how much
 * of it has come, from 0 to 1. Rejects with RapportError, or the signal's reason.
 */
export async function loadTimeline(
  notes: Pick<Rapport["notes"], "changes">,
  meetingId: string,
  end: HistoryEnd,
  onProgress: (part: number) => void,
  signal: AbortSignal,
): Promise<Timeline> {
  let from = 0;
  for (let attempt = 1; ; attempt++) {
    try {
      const steps = await readAll(notes, meetingId, from, end.version, onProgress, signal);
      const timeline = new Timeline(from + 1);
      for (const step of steps) timeline.add(step);
      timeline.anchor(end.text);
      return timeline;
    } catch (error) {
      if (!(error instanceof RapportError) || error.code !== "HISTORY_GONE" || error.oldest === undefined || attempt === tries) throw error;
      from = Math.min(error.oldest - 1, end.version);
    }
  }
}

async function readAll(
  notes: Pick<Rapport["notes"], "changes">,
  meetingId: string,
  from: number,
  to: number,
  onProgress: (part: number) => void,
  signal: AbortSignal,
): Promise<readonly NotesEvent[]> {
  const starts = Array.from({ length: Math.ceil((to - from) / pageLength) }, (_, i) => from + i * pageLength);
  const pages = new Array<readonly NotesEvent[]>(starts.length);
  let next = 0;
  let done = 0;
  const read = async (): Promise<void> => {
    for (let i = next++; i < starts.length; i = next++) {
      const start = starts[i] ?? from;
      pages[i] = await readStretch(notes, meetingId, start, Math.min(start + pageLength, to), signal);
      onProgress(++done / starts.length);
    }
  };
  // The first alone: it reports whether the oldest are still kept.
  if (starts.length > 0) {
    pages[0] = await readStretch(notes, meetingId, from, Math.min(from + pageLength, to), signal);
    onProgress(++done / starts.length);
    next = 1;
  }
  await Promise.all(Array.from({ length: pagesAtOnce }, read));
  return pages.flat();
}

/** The changes after `from` up to `to`; a page may be shorter than asked for. */
async function readStretch(notes: Pick<Rapport["notes"], "changes">, meetingId: string, from: number, to: number, signal: AbortSignal): Promise<readonly NotesEvent[]> {
  const events: NotesEvent[] = [];
  for (let at = from; at < to; at = events.at(-1)?.version ?? to) {
    const { items } = await notes.changes(meetingId, { from: at, limit: to - at }, { signal });
    if (items.length === 0) throw new RapportError({ code: "PROTOCOL", detail: `there are no changes after version ${at}, but the newest is ${to}` });
    events.push(...items.filter(({ version }) => version <= to));
  }
  return events;
}

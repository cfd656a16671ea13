import type { NotesSession, Rapport } from "@rapport/client";
import { useEffect, useState } from "preact/hooks";
import { loadTimeline } from "./load.ts";
import type { Timeline } from "./timeline.ts";

export interface LoadedTimeline {
  readonly timeline: Timeline | undefined;
  /** The newest version that `timeline` has: another number, another timeline. */
  readonly last: number;
  /** How much has come, from 0 to 1. */
  readonly progress: number;
  readonly error: unknown;
}

const nothing: LoadedTimeline = { timeline: undefined, last: 0, progress: 0, error: undefined };

/** The notes' history, which grows as the notes do. Another `attempt` reads it again. */
export function useTimeline(notes: Rapport["notes"], session: NotesSession, attempt: number): LoadedTimeline {
  const [loaded, setLoaded] = useState(nothing);
  const [again, setAgain] = useState(0);
  useEffect(() => {
    const controller = new AbortController();
    let timeline: Timeline | undefined;
    let frame = 0;
    const follow = (): void => {
      frame = 0;
      if (timeline) setLoaded({ timeline, last: timeline.last, progress: 1, error: undefined });
    };
    const early: Parameters<Timeline["add"]>[0][] = [];
    const stop = session.on("committed", (event) => {
      if (!timeline) {
        early.push(event);
        return;
      }
      try {
        timeline.add(event);
      } catch {
        setAgain((n) => n + 1); // the notes were read again, and versions are missing here
        return;
      }
      if (frame === 0) frame = requestAnimationFrame(follow);
    });
    setLoaded(nothing);
    loadTimeline(notes, session.meetingId, session.confirmed, (progress) => setLoaded((before) => ({ ...before, progress })), controller.signal).then(
      (read) => {
        for (const event of early) if (event.version === read.last + 1) read.add(event);
        timeline = read;
        follow();
      },
      (error: unknown) => {
        if (!controller.signal.aborted) setLoaded({ ...nothing, error });
      },
    );
    return () => {
      controller.abort();
      cancelAnimationFrame(frame);
      stop();
    };
  }, [notes, session, attempt, again]);
  return loaded;
}

import { type NotesDraft, type NotesProblem, type NotesSession, type NotesStatus, type Rapport, RapportError } from "@rapport/client";
import { useEffect, useState } from "preact/hooks";

const firstRetryMs = 1_000;
const lastRetryMs = 15_000;

export interface OpenNotes {
  readonly session: NotesSession | undefined;
  readonly status: NotesStatus | undefined;
  /** Whether the session takes edits. It learns of another role some time after, or before, the meeting does. */
  readonly writable: boolean;
  readonly drafts: readonly NotesDraft[];
  /** Why the notes can't be opened; while it is one that may pass, opening is tried again. */
  readonly error: unknown;
}

const closed: OpenNotes = { session: undefined, status: undefined, writable: false, drafts: [], error: undefined };

/**
 * Opens the notes for as long as the component lives. The session is in `open`
 * until it is closed, which waits for what is still to be sent.
 */
export function useNotes(rapport: Rapport, meetingId: string, open: Set<NotesSession>, onProblem: (problem: NotesProblem) => void): OpenNotes {
  const [notes, setNotes] = useState<OpenNotes>(closed);
  useEffect(() => {
    let over = false;
    let timer: ReturnType<typeof setTimeout> | undefined;
    let close: (() => void) | undefined;

    const tryOpen = async (wait: number): Promise<void> => {
      try {
        const session = await rapport.openNotes(meetingId);
        if (over) {
          session.close();
          return;
        }
        open.add(session);
        const show = (): void => setNotes({ session, status: session.status, writable: session.state !== "readonly" && session.state !== "closed", drafts: session.drafts, error: undefined });
        const stops = [session.on("state", show), session.on("status", show), session.on("drafts", show), session.on("error", onProblem)];
        close = () => {
          for (const stop of stops) stop();
          const end = (): void => {
            open.delete(session);
            session.close();
          };
          // A refusal after leaving is nobody's to see now: it is among the drafts.
          void session.whenSynced().then(end, end);
        };
        show();
      } catch (error) {
        if (over) return;
        setNotes({ ...closed, error });
        if (error instanceof RapportError && error.retryable) {
          timer = setTimeout(() => void tryOpen(Math.min(wait * 2, lastRetryMs)), Math.max(wait, error.retryAfter ?? 0));
        }
      }
    };
    void tryOpen(firstRetryMs);
    return () => {
      over = true;
      clearTimeout(timer);
      close?.();
    };
  }, [rapport, meetingId]);
  return notes;
}

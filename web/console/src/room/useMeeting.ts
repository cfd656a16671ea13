import type { EndReason, MeetingSession, MeetingView, Present, Rapport, RapportError } from "@rapport/client";
import { useEffect, useState } from "preact/hooks";

export interface MeetingEnd {
  readonly reason: EndReason;
  readonly error: RapportError | undefined;
}

export interface OpenMeeting {
  readonly session: MeetingSession | undefined;
  readonly view: MeetingView | undefined;
  /** Everybody's windows. */
  readonly here: readonly Present[];
  /** Why it can no longer be followed, if so. */
  readonly end: MeetingEnd | undefined;
}

const nobody: readonly Present[] = [];

/** Whoever was in the meeting and may no longer follow it was removed, while the connection was down. */
export function reasonFor(view: MeetingView | undefined, reason: EndReason, error: RapportError | undefined): EndReason {
  return reason === "refused" && view !== undefined && error?.code === "FORBIDDEN" ? "removed" : reason;
}

/** The meeting as it is now, and who is there. `onProblem` hears why it could not be opened. */
export function useMeeting(rapport: Rapport, meetingId: string, onProblem: (error: unknown) => void): OpenMeeting {
  const [open, setOpen] = useState<OpenMeeting>({ session: undefined, view: undefined, here: nobody, end: undefined });
  useEffect(() => {
    let over = false;
    let close = (): void => {};
    rapport.openMeeting(meetingId).then(
      (session) => {
        if (over) {
          session.close();
          return;
        }
        close = () => session.close();
        session.on("view", (view) => setOpen((before) => ({ ...before, view })));
        session.on("presence", (here) => setOpen((before) => ({ ...before, here })));
        session.on("end", (reason, error) => setOpen((before) => ({ ...before, here: nobody, end: { reason: reasonFor(before.view, reason, error), error } })));
        setOpen((before) => ({ ...before, session, view: session.view, here: session.here }));
      },
      (error: unknown) => {
        if (!over) onProblem(error);
      },
    );
    return () => {
      over = true;
      close();
    };
  }, [rapport, meetingId]);
  return open;
}

import type { EndReason, MeetingView, Rapport, RapportError } from "@rapport/client";
import { useEffect, useState } from "preact/hooks";

export interface MeetingEnd {
  readonly reason: EndReason;
  readonly error: RapportError | undefined;
}

/** The meeting as it is now, and why it can no longer be followed, if so. */
export function useMeeting(rapport: Rapport, meetingId: string): { readonly view: MeetingView | undefined; readonly end: MeetingEnd | undefined } {
  const [view, setView] = useState<MeetingView>();
  const [end, setEnd] = useState<MeetingEnd>();
  useEffect(() => {
    const subscription = rapport.watchMeeting(meetingId, setView, (reason, error) => setEnd({ reason, error }));
    return () => subscription.close();
  }, [rapport, meetingId]);
  return { view, end };
}

import type { Meeting } from "@rapport/client";
import { spanText, whenText } from "../time.ts";

/** When a meeting is, was, or since when it runs. */
export function meetingWhen(meeting: Meeting, now: Date): string {
  if (meeting.state === "active" && meeting.startedAt) return `Running for ${spanText(now.getTime() - Date.parse(meeting.startedAt))}`;
  if (meeting.state === "concluded" && meeting.endedAt) return `Ended ${whenText(new Date(meeting.endedAt), now)}`;
  const length = meeting.durationMinutes ? `${spanText(meeting.durationMinutes * 60_000)}` : undefined;
  const at = meeting.scheduledAt ? capitalised(whenText(new Date(meeting.scheduledAt), now)) : "No time set";
  return length ? `${at}, ${length}` : at;
}

function capitalised(text: string): string {
  return text.charAt(0).toLocaleUpperCase() + text.slice(1);
}

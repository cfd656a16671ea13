/** What a meeting says of itself, and how a change of that is saved. */
import { type Meeting, type Rapport, RapportError } from "@rapport/client";

/** The server takes a change at the revision that was read; others change the meeting too. */
const tries = 4;

export interface Details {
  readonly title: string;
  readonly description: string;
  /** RFC 3339, undefined where no time is set. */
  readonly scheduledAt: string | undefined;
  readonly durationMinutes: number | undefined;
}

export function detailsOf({ title, description, scheduledAt, durationMinutes }: Meeting): Details {
  return { title, description: description ?? "", scheduledAt, durationMinutes };
}

export function sameDetails(a: Details, b: Details): boolean {
  return a.title === b.title && a.description === b.description && a.durationMinutes === b.durationMinutes && sameTime(a.scheduledAt, b.scheduledAt);
}

function sameTime(a: string | undefined, b: string | undefined): boolean {
  return a === b || (a !== undefined && b !== undefined && Date.parse(a) === Date.parse(b));
}

/**
 * Saves new details for a meeting whose details were `seen`. Resolves with
 * undefined when they are saved, or with the meeting as it is now where somebody
 * else has changed them; nothing is saved then. Rejects with RapportError.
 */
export async function saveDetails(
  meetings: Pick<Rapport["meetings"], "get" | "update">,
  meeting: Meeting & { readonly epoch?: string | undefined },
  seen: Details,
  next: Details,
): Promise<Meeting | undefined> {
  let current = meeting;
  for (let attempt = 1; ; attempt++) {
    // The page may not have learnt of the newest yet.
    if (!sameDetails(detailsOf(current), seen) && current === meeting) current = await meetings.get(meeting.meetingId);
    if (!sameDetails(detailsOf(current), seen)) return current;
    try {
      await meetings.update(meeting.meetingId, {
        revision: current.revision,
        ...(current.epoch !== undefined && { epoch: current.epoch }),
        title: next.title,
        description: next.description,
        scheduledAt: next.scheduledAt ?? null,
        durationMinutes: next.durationMinutes ?? null,
      });
      return undefined;
    } catch (error) {
      if (!(error instanceof RapportError) || error.code !== "CONFLICT" || attempt === tries) throw error;
      current = await meetings.get(meeting.meetingId);
    }
  }
}

/** A time as a field for times has it: in the reader's zone, to the minute; empty for none. */
export function fieldOfTime(at: string | undefined): string {
  if (at === undefined) return "";
  const time = new Date(at);
  const two = (part: number): string => String(part).padStart(2, "0");
  const day = `${String(time.getFullYear()).padStart(4, "0")}-${two(time.getMonth() + 1)}-${two(time.getDate())}`;
  return `${day}T${two(time.getHours())}:${two(time.getMinutes())}`;
}

/** What a field for times says. One that was left as `seen` filled it keeps the seconds that it doesn't show. */
export function timeOfField(text: string, seen: string | undefined): string | undefined {
  if (text === fieldOfTime(seen)) return seen;
  return text === "" ? undefined : new Date(text).toISOString();
}

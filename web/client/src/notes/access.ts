import type { Api } from "../api/api.ts";
import type { Role } from "../api/types.ts";
import { RapportError } from "../errors.ts";
import { participantsOf } from "../meeting/participants.ts";

/** What the caller may do with a meeting's notes. */
export interface NotesAccess {
  readonly writable: boolean;
  /** The meeting is over: its notes can be read, and change no more. */
  readonly over: boolean;
}

/** Reads the meeting and the caller's role in it. */
export async function notesAccess(api: Api, meetingId: string, userId: string, signal: AbortSignal): Promise<NotesAccess> {
  const [meeting, role] = await Promise.all([
    api.meetings.get(meetingId, { signal }),
    roleOf(api, meetingId, userId, signal),
  ]);
  const over = meeting.state === "concluded" || meeting.state === "cancelled";
  return { over, writable: !over && role !== "observer" };
}

/** Undefined for a caller who is not in the list: what the server lets him do shows with the first edit. */
async function roleOf(api: Api, meetingId: string, userId: string, signal: AbortSignal): Promise<Role | undefined> {
  for await (const participant of participantsOf(api, meetingId, signal)) {
    if (participant.userId === userId) return participant.role;
  }
  return undefined;
}

/** Why edits are refused here without asking the server. */
export function readonlyError(over: boolean): RapportError {
  return over
    ? new RapportError({ code: "MEETING_NOT_ACTIVE", detail: "the meeting is over" })
    : new RapportError({ code: "FORBIDDEN", detail: "the notes are read-only for you" });
}

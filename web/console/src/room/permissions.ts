/**
 * What a role may do, so that the page offers only what the server will allow.
 * The server decides; this only spares people a refusal.
 */
import type { AssignedRole, Meeting, Role } from "@rapport/client";

const rank: Readonly<Record<Role, number>> = { observer: 0, participant: 1, "co-host": 2, host: 3 };

export const roleNames: Readonly<Record<Role, string>> = {
  host: "Host",
  "co-host": "Co-host",
  participant: "Participant",
  observer: "Observer",
};

export const roleMeanings: Readonly<Record<AssignedRole, string>> = {
  "co-host": "runs the meeting too",
  participant: "edits the notes",
  observer: "reads along",
};

export function mayWrite(role: Role, meeting: Meeting): boolean {
  return rank[role] >= rank.participant && isOpen(meeting);
}

/** Start, end, change, invite. */
export function mayRun(role: Role): boolean {
  return rank[role] >= rank["co-host"];
}

/** Whether someone with `role` may change the role of, or remove, someone with `other`. */
export function mayManage(role: Role, other: Role): boolean {
  return mayRun(role) && other !== "host" && rank[other] < rank[role];
}

/** The roles that someone with `role` may give: below their own. */
export function givenBy(role: Role): readonly AssignedRole[] {
  return (["co-host", "participant", "observer"] as const).filter((given) => mayRun(role) && rank[given] < rank[role]);
}

/** Whether the meeting's notes can still change. */
export function isOpen(meeting: Meeting): boolean {
  return meeting.state === "scheduled" || meeting.state === "active";
}

/** Who is there of a meeting, as frames and lists say it. */
import { asCount, asFields, asString, asTime, readEach, readShape } from "../runtime/json.ts";
import type { Fields } from "../runtime/json.ts";
import type { Cursor, Present, PresenceStatus } from "./types.ts";

/** Somebody who was there at a time, in milliseconds since the epoch; Infinity where it was not said. */
export interface SeenPresence {
  readonly present: Present;
  readonly at: number;
}

/** Somebody who left at a time, as above. */
export interface Departure {
  readonly clientKey: string;
  readonly at: number;
}

/** Who is there, and who no longer. */
export interface PresenceUpdate {
  readonly here: readonly SeenPresence[];
  readonly left: readonly Departure[];
}

/** The fields of a presence frame. */
export function readPresenceUpdate(fields: Fields): PresenceUpdate {
  return { here: readEach(fields["here"], readSeenPresence), left: readEach(fields["left"], readDeparture) };
}

/** Who is there, as a list that came by HTTP and says no times: whatever a frame says later is newer. */
export function readPresenceList(list: unknown): SeenPresence[] {
  return readEach(list, readSeenPresence).map(({ present }) => ({ present, at: 0 }));
}

function readDeparture(value: unknown): Departure | undefined {
  return readShape<Departure>(value, { clientKey: asString, at: timeOrNever });
}

function readSeenPresence(value: unknown): SeenPresence | undefined {
  const fields = asFields(value);
  const present = readShape<Required<Omit<Present, "cursor">>>(value, {
    userId: asString,
    clientKey: asString,
    displayName: (name) => asString(name) ?? "",
    status: readStatus,
  });
  if (present === undefined) return undefined;
  const cursor = readShape<Cursor>(fields?.["cursor"], { anchor: asCount, head: asCount, version: asCount });
  return { present: cursor === undefined ? present : { ...present, cursor }, at: timeOrNever(fields?.["at"]) };
}

function readStatus(value: unknown): PresenceStatus {
  return value === "typing" || value === "idle" ? value : "active";
}

function timeOrNever(value: unknown): number {
  return asTime(value) ?? Infinity;
}

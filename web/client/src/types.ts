/**
 * The shapes of the public contract, written by hand until they are generated
 * from the OpenAPI document into `api.gen.ts`. Then each name here becomes one
 * line (`export type Meeting = components["schemas"]["Meeting"]`) and nothing
 * else in the client changes.
 */
import type { Change } from "./ot.ts";

/** RFC 3339, UTC. */
export type Timestamp = string;

export type Role = "host" | "co-host" | "participant" | "observer";
export type MeetingState = "scheduled" | "active" | "concluded" | "cancelled";

export interface User {
  readonly userId: string;
  readonly email: string;
  readonly displayName: string;
  readonly orgId?: string;
  readonly orgRole?: string;
}

export interface UpdateMe {
  readonly displayName?: string;
}

export interface Meeting {
  readonly meetingId: string;
  readonly title: string;
  readonly description?: string;
  readonly state: MeetingState;
  readonly hostId: string;
  readonly participantCount: number;
  /** Grows with every change of the meeting or of one of its participants. */
  readonly revision: number;
  readonly scheduledAt?: Timestamp;
  readonly durationMinutes?: number;
  readonly startedAt?: Timestamp;
  readonly endedAt?: Timestamp;
  readonly createdAt?: Timestamp;
  readonly updatedAt?: Timestamp;
}

export interface CreateMeeting {
  readonly title: string;
  readonly description?: string;
  readonly scheduledAt?: Timestamp;
  readonly durationMinutes?: number;
  readonly participants?: readonly InviteParticipant[];
}

export interface UpdateMeeting {
  /** The revision that was read; another one is CONFLICT. */
  readonly revision: number;
  readonly title?: string;
  readonly description?: string;
  readonly scheduledAt?: Timestamp;
  readonly durationMinutes?: number;
}

export interface Participant {
  readonly userId: string;
  readonly role: Role;
  readonly displayName?: string;
  readonly email?: string;
  readonly joinedAt?: Timestamp;
}

export interface InviteParticipant {
  readonly userId: string;
  readonly role: Exclude<Role, "host">;
}

/** The state topic `meetings/<id>`: the whole meeting, replaced by each later one. */
export interface MeetingView {
  readonly meeting: Meeting;
  readonly participants: readonly Participant[];
}

export interface Page<T> {
  readonly items: readonly T[];
  /** null on the last page. */
  readonly nextCursor: string | null;
}

export interface PageQuery {
  /** 1 to 200, 50 when left out. */
  readonly limit?: number;
  readonly cursor?: string;
}

export interface Notes {
  readonly version: number;
  readonly content: string;
  /** Lower-case hex SHA-256 of the UTF-8 content. */
  readonly hash: string;
}

/** A change as sent. A retry repeats it exactly, `baseVersion` and `ops` included. */
export interface NotesChange {
  readonly baseVersion: number;
  readonly clientId: string;
  /** A whole number from 1; with the caller and `clientId` it identifies the change. */
  readonly clientSeq: number;
  readonly ops: Change;
}

/** A change as committed, after transformation. */
export interface CommittedOps {
  readonly version: number;
  readonly ops: Change;
}

export interface NotesEvent {
  readonly version: number;
  readonly authorId: string;
  readonly clientId: string;
  readonly clientSeq: number;
  readonly ops: Change;
  readonly createdAt?: Timestamp;
}

export interface ChangesQuery {
  /** Changes with a version above this one; 0 when left out. */
  readonly from?: number;
  readonly limit?: number;
  readonly cursor?: string;
}

export interface Ticket {
  readonly ticket: string;
  /** Where to connect; it carries the ticket, works once and for 30 seconds. */
  readonly url: string;
  readonly expiresAt: Timestamp;
}

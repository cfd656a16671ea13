/**
 * The shapes of the public contract, from those that are generated from the
 * functions' declarations. What the API document leaves wider than the contract
 * (a state, a role, an operation) is narrowed here; what the contract does not
 * promise is optional, whatever this server sends.
 */
import type { Operations } from "../generated/api.gen.ts";
import type { Change } from "../ot/operations.ts";

type Answer<K extends keyof Operations> = Operations[K]["answer"];
type Body<K extends { [O in keyof Operations]: Operations[O] extends { body: unknown } ? O : never }[keyof Operations]> =
  Operations[K]["body"];
/** `T` with the fields of `By` in place of its own. */
type Narrowed<T, By> = Omit<T, keyof By> & Readonly<By>;
type Unpromised<T, K extends keyof T> = Omit<T, K> & Partial<Pick<T, K>>;

/** RFC 3339, UTC. */
export type Timestamp = string;

export type Role = "host" | "co-host" | "participant" | "observer";
export type MeetingState = "scheduled" | "active" | "concluded" | "cancelled";

export type User = Unpromised<Answer<"users_get">, "orgId" | "orgRole">;
export type UpdateMe = Body<"users_update">;

/** `revision` grows with every change of the meeting or of one of its participants. */
export type Meeting = Unpromised<
  Narrowed<Answer<"meetings_update">, { state: MeetingState }>,
  "description" | "createdAt" | "updatedAt"
>;
export type CreateMeeting = Body<"meetings_create">;
/** Carries the revision that was read: CONFLICT where the meeting itself, and not who is in it, has changed since. Null takes a field away. */
export type UpdateMeeting = Body<"meetings_update">;

export type Participant = Unpromised<
  Narrowed<Answer<"meetings_invite">, { role: Role }>,
  "displayName" | "invitedAt"
>;
export type InviteParticipant = Body<"meetings_invite">;
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

/** `hash` is the lower-case hex SHA-256 of the UTF-8 content. */
export type Notes = Answer<"notes_get">;

/**
 * A change as sent. A retry repeats it exactly, `baseVersion` and `ops`
 * included. `clientSeq` is a whole number from 1; with the caller and `clientId`
 * it identifies the change.
 */
export type NotesChange = Narrowed<Body<"notes_append">, { ops: Change }>;

/** Where text of a committed change stood in text that was deleted at the same time. */
export type Place = NonNullable<Answer<"notes_changes">["items"][number]["places"]>[number];

/** A change as committed, after transformation. */
export type CommittedOps = Narrowed<Answer<"notes_append">, { ops: Change }>;

export type NotesEvent = Narrowed<Answer<"notes_changes">["items"][number], { ops: Change }>;

export interface ChangesQuery extends PageQuery {
  /** Changes with a version above this one; 0 when left out. */
  readonly from?: number;
}

/** `url` is where to connect; it carries the ticket, works once and for 30 seconds. */
export type Ticket = Answer<"realtime_ticket">;

/** A piece of what a person says, to be added; without `speakerId`, the caller speaks. Only who runs the meeting may name another, or null for unknown. */
export type Speech = Body<"transcripts_append">["chunks"][number];
/** The positions of the chunks of one request: one after the other. */
export type AppendedChunks = Answer<"transcripts_append">;
/** A chunk of the transcript. `authorId` is who appended it, `speakerId` who speaks, null where nobody knows. */
export type TranscriptChunk = Unpromised<Answer<"transcripts_list">["items"][number], "authorId" | "createdAt">;

/** The API's requests and answers under the names by which the client speaks of them. */
import type { Operations, Schemas } from "../generated/api.gen.ts";

/** RFC 3339, UTC. */
export type Timestamp = string;

/** What a person may do in a meeting. */
export type Role = Schemas["Participant"]["role"];
/** A role that can be given; the host stays the host. */
export type AssignedRole = Schemas["MeetingsChangeRoleRequest"]["role"];
/** Where a meeting is in its life; the last two are ends. */
export type MeetingState = Schemas["Meeting"]["state"];

/** A person with an account: the caller. */
export type User = Schemas["Me"];
/** What of oneself is changed. */
export type UpdateMe = Schemas["UsersUpdateRequest"];

/** `revision` grows with every change of the meeting or of one of its participants. */
export type Meeting = Schemas["Meeting"];
/** A meeting with the caller's own role in it. */
export type MeetingWithRole = Schemas["Seen"];
/** A meeting to be created; the caller becomes its host. */
export type CreateMeeting = Schemas["MeetingsCreateRequest"];
/** Carries the revision that was read: CONFLICT where the meeting itself, and not who is in it, has changed since. Null takes a field away. */
/** What of oneself is changed. */
export type UpdateMeeting = Schemas["MeetingsUpdateRequest"];

/** Somebody who is in a meeting, as its list has them. */
export type Participant = Schemas["Participant"];
/** Who is invited, and as what. */
export type InviteParticipant = Schemas["MeetingsInviteRequest"];
/** The state topic `meetings/<id>`: the whole meeting, replaced by each later one. */
export interface MeetingView {
  readonly meeting: Meeting;
  readonly participants: readonly Participant[];
  /** What the meeting's revision belongs to, where the server says so: a change of the meeting carries both. */
  readonly epoch?: string | undefined;
}

/** A part of a list; the next is asked for with `nextCursor`. */
export interface Page<T> {
  readonly items: readonly T[];
  /** null on the last page. */
  readonly nextCursor: string | null;
}

/** `limit` is 1 to 200, 50 when left out. */
export type PageQuery = Operations["meetings_list"]["query"];

/** `hash` is the lower-case hex SHA-256 of the UTF-8 content. */
export type Notes = Schemas["Text"];

/**
 * A change as sent. A retry repeats it exactly, `baseVersion` and `ops`
 * included. `clientSeq` is a whole number from 1; with the caller and `clientId`
 * it identifies the change.
 */
export type NotesChange = Schemas["NotesAppendRequest"];

/** Where inserted text stood in text that was deleted at the same time. */
export type { Place } from "../ot/places.ts";

/** A change as committed, after transformation. */
export type CommittedOps = Schemas["Committed"];

/** A committed change with its author, as the notes topic brings it. */
export type NotesEvent = Schemas["Change"];

/** As PageQuery; `from` is the last version or position that is known, 0 when left out. */
export type ChangesQuery = Operations["notes_changes"]["query"];

/** `url` is where to connect; it carries the ticket, works once and for 30 seconds. */
export type Ticket = Schemas["Ticket"];

/** A piece of what a person says, to be added; without `speakerId`, the caller speaks. Only who runs the meeting may name another, or null for unknown. */
export type Speech = Schemas["Speech"];
/** The positions of the chunks of one request: one after the other. */
export type AppendedChunks = Schemas["Appended"];
/** A chunk of the transcript. `authorId` is who appended it, `speakerId` who speaks, null where nobody knows. */
export type TranscriptChunk = Schemas["Chunk"];

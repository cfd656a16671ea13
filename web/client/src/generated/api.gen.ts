// Written by `make codegen` from the declarations in functions/; not by hand.
import type { Op } from "../ot/change.ts";
import type { Place } from "../ot/places.ts";

/** The requests and answers of the API, by name. */
export interface Schemas {
  readonly Appended: {
    /** What the positions belong to. */
    readonly epoch?: string;
    readonly firstPosition: number;
    readonly lastPosition: number;
  };
  readonly Block: {
    readonly blockedAt: string;
    readonly userId: string;
  };
  readonly Card: {
    readonly bio?: string;
    /** One line that shows something: without control, direction or invisible characters; stored in NFC, without white space around it. */
    readonly company?: string;
    readonly connectionCount: number;
    readonly displayName: string;
    readonly experienceLevel?: "junior" | "mid" | "senior" | "executive";
    readonly experienceYears?: number;
    readonly goals?: readonly string[];
    /** One line that shows something: without control, direction or invisible characters; stored in NFC, without white space around it. */
    readonly headline?: string;
    /** One line that shows something: without control, direction or invisible characters; stored in NFC, without white space around it. */
    readonly industry?: string;
    /** One line that shows something: without control, direction or invisible characters; stored in NFC, without white space around it. */
    readonly jobTitle?: string;
    readonly languages?: readonly string[];
    readonly links?: Schemas["Links"];
    readonly lookingFor?: readonly string[];
    /** 0 for everybody as yet: nothing counts who had joined a meeting that ended. */
    readonly meetingCount: number;
    readonly skills?: readonly string[];
    readonly timeZone?: string;
    readonly userId: string;
  };
  readonly Change: {
    readonly authorId: string;
    readonly clientId: string;
    readonly clientSeq: number;
    readonly createdAt: string;
    readonly ops: readonly Schemas["Op"][];
    /** Where inserted text stood in text that was deleted at the same time; absent where none did. */
    readonly places?: readonly Schemas["Place"][];
    readonly version: number;
  };
  readonly Chosen: {
    readonly category?: "academic" | "industry" | "skill" | "personal";
    readonly interestId?: string;
    /** One line that shows something: without control, direction or invisible characters; stored in NFC, without white space around it. */
    readonly name?: string;
    readonly proficiency?: number;
  };
  readonly Chunk: {
    readonly authorId: string;
    readonly confidence: number;
    readonly createdAt: string;
    /** Not before startMs. */
    readonly endMs: number;
    /** False where a better version of the same utterance may follow. */
    readonly isFinal: boolean;
    /** A language tag as in BCP 47, such as en or pt-BR. */
    readonly language?: string;
    readonly position: number;
    readonly speakerId: string | null;
    readonly startMs: number;
    readonly text: string;
    /** The same for all versions of an utterance. */
    readonly utteranceId?: string;
  };
  readonly ClientFlag: {
    readonly reason: "STATIC" | "SPLIT" | "DEFAULT" | "DISABLED" | "ERROR";
    readonly value: unknown;
    readonly variant: string;
  };
  readonly Committed: {
    /** What version belongs to. */
    readonly epoch?: string;
    readonly ops: readonly Schemas["Op"][];
    readonly version: number;
  };
  readonly Condition: Readonly<Record<string, unknown>>;
  readonly Connection: {
    readonly connectionId: string;
    readonly createdAt: string;
    /** out: I have asked. */
    readonly direction: "in" | "out";
    /** What the asker has said with it. */
    readonly message?: string;
    readonly state: "requested" | "accepted" | "declined";
    readonly type: "connection" | "follow" | "mentor" | "mentee" | "collaborator";
    readonly updatedAt: string;
    readonly userId: string;
  };
  readonly Cursor: {
    readonly anchor: number;
    readonly head: number;
    readonly version: number;
  };
  readonly Evaluated: {
    /** What version belongs to. */
    readonly epoch?: string;
    readonly flags: Readonly<Record<string, Schemas["ClientFlag"]>>;
    /** As the topic flags says it. */
    readonly version: number;
  };
  readonly EventAnswer: {
    /** False for an event that means nothing here. */
    readonly handled: boolean;
  };
  readonly FieldError: {
    readonly detail: string;
    readonly location: string;
  };
  readonly Flag: {
    /** True where clients see it by GET /v1/flags. */
    readonly client: boolean;
    /** The variant where no rule says otherwise, and for everybody while the flag is killed. */
    readonly default: string;
    readonly description: string;
    readonly key: string;
    /** True where everybody gets the default, whatever the rules say. */
    readonly kill: boolean;
    readonly owner: string;
    readonly revision: number;
    /** At most one, for everybody. */
    readonly rules: readonly Schemas["Rule"][];
    readonly type: "boolean" | "string" | "number" | "json";
    /** Each variant's value, of the flag's type. */
    readonly variants: Readonly<Record<string, unknown>>;
  };
  readonly FlagList: {
    readonly items: readonly Schemas["Flag"][];
    readonly nextCursor: string | null;
  };
  readonly FlagsCreateRequest: {
    readonly client?: boolean;
    readonly default: string;
    readonly description?: string;
    readonly key: string;
    readonly kill?: boolean;
    readonly owner?: string;
    readonly reason: string;
    readonly rules?: readonly Schemas["Rule"][];
    readonly type: "boolean" | "string" | "number" | "json";
    /** 1 to 20. */
    readonly variants: Readonly<Record<string, unknown>>;
  };
  readonly FlagsUpdateRequest: {
    readonly client?: boolean;
    readonly default?: string;
    readonly description?: string;
    readonly kill?: boolean;
    readonly owner?: string;
    readonly reason: string;
    readonly revision: number;
    readonly rules?: readonly Schemas["Rule"][];
    /** All of them; 1 to 20. */
    readonly variants?: Readonly<Record<string, unknown>>;
  };
  readonly Found: {
    readonly displayName: string;
    readonly headline?: string;
    readonly userId: string;
  };
  readonly Healthy: {
    readonly stage: string;
    readonly status: "ok";
  };
  readonly Held: {
    readonly category: "academic" | "industry" | "skill" | "personal";
    readonly interestId: string;
    readonly name: string;
    readonly parentId: string | null;
    readonly proficiency?: number;
    readonly usageCount: number;
  };
  readonly HistoryEntry: {
    readonly at: string;
    /** The userId of the operator. */
    readonly by: string;
    readonly deleted?: boolean;
    /** As it was since this change; a deleted flag as it was before. */
    readonly flag: Schemas["Flag"];
    readonly reason: string;
    /** The flag's revision since this change. */
    readonly version: number;
  };
  readonly HistoryList: {
    readonly items: readonly Schemas["HistoryEntry"][];
    readonly nextCursor: string | null;
  };
  readonly IdentityEventRequest: {
    /** What the event is about; its fields depend on the event. */
    readonly data: unknown;
    /** Such as session.revoked. */
    readonly event: string;
    readonly id: string;
  };
  readonly Interest: {
    readonly category: "academic" | "industry" | "skill" | "personal";
    readonly interestId: string;
    readonly name: string;
    readonly parentId: string | null;
    readonly usageCount: number;
  };
  readonly Interests: {
    readonly interests: readonly Schemas["Held"][];
  };
  readonly Invitee: {
    readonly role: "observer" | "participant" | "co-host" | "host";
    readonly userId: string;
  };
  readonly Links: {
    readonly linkedin?: string;
    readonly website?: string;
  };
  readonly ListOfBlock: {
    readonly items: readonly Schemas["Block"][];
    readonly nextCursor: string | null;
  };
  readonly ListOfConnection: {
    readonly items: readonly Schemas["Connection"][];
    readonly nextCursor: string | null;
  };
  readonly ListOfFound: {
    readonly items: readonly Schemas["Found"][];
    readonly nextCursor: string | null;
  };
  readonly ListOfInterest: {
    readonly items: readonly Schemas["Interest"][];
    readonly nextCursor: string | null;
  };
  readonly ListOfMeeting: {
    readonly items: readonly Schemas["Meeting"][];
    readonly nextCursor: string | null;
  };
  readonly LogPageOfChange: {
    /** What the positions belong to. */
    readonly epoch?: string;
    readonly items: readonly Schemas["Change"][];
    readonly nextCursor: string | null;
  };
  readonly LogPageOfChunk: {
    /** What the positions belong to. */
    readonly epoch?: string;
    readonly items: readonly Schemas["Chunk"][];
    readonly nextCursor: string | null;
  };
  readonly Me: {
    readonly displayName: string;
    readonly email: string;
    readonly orgId: string;
    readonly orgRole: string;
    readonly userId: string;
  };
  readonly Meeting: {
    readonly createdAt: string;
    readonly description?: string;
    readonly durationMinutes?: number;
    readonly endedAt?: string;
    readonly hostId: string;
    readonly meetingId: string;
    readonly participantCount: number;
    readonly revision: number;
    readonly scheduledAt?: string;
    readonly startedAt?: string;
    readonly state: "scheduled" | "active" | "concluded" | "cancelled";
    readonly title: string;
    readonly updatedAt: string;
  };
  readonly MeetingsChangeRoleRequest: {
    readonly role: "observer" | "participant" | "co-host";
  };
  readonly MeetingsCreateRequest: {
    readonly description?: string;
    readonly durationMinutes?: number;
    readonly participants?: readonly Schemas["Invitee"][];
    readonly scheduledAt?: string;
    /** One line that shows something: without control, direction or invisible characters; stored in NFC, without white space around it. */
    readonly title: string;
  };
  readonly MeetingsInviteRequest: {
    readonly role: "observer" | "participant" | "co-host";
    readonly userId: string;
  };
  readonly MeetingsUpdateRequest: {
    readonly description?: string | null;
    readonly durationMinutes?: number | null;
    /** The epoch of revision, where the client knows it: CONFLICT where it isn't the present one. */
    readonly epoch?: string;
    readonly revision: number;
    readonly scheduledAt?: string | null;
    /** One line that shows something: without control, direction or invisible characters; stored in NFC, without white space around it. */
    readonly title?: string;
  };
  readonly Message: {
    readonly authorId: string;
    readonly createdAt: string;
    readonly deletedAt: string | null;
    readonly editedAt: string | null;
    readonly messageId: string;
    readonly position: number;
    readonly reactions: readonly Schemas["Reaction"][];
    readonly replyTo: string | null;
    readonly text: string;
  };
  readonly MessageList: {
    /** What the positions belong to. */
    readonly epoch?: string;
    readonly items: readonly Schemas["Message"][];
    readonly nextCursor: string | null;
  };
  readonly NotesAppendRequest: {
    readonly baseVersion: number;
    /** One line that shows something: without control, direction or invisible characters; stored in NFC, without white space around it. */
    readonly clientId: string;
    readonly clientSeq: number;
    /** The epoch of baseVersion, where the client knows it: HISTORY_GONE where it isn't the present one. */
    readonly epoch?: string;
    readonly ops: readonly Schemas["Op"][];
    /** Where inserted text stood in text that was deleted up to baseVersion, where the client knows. */
    readonly places?: readonly Schemas["Place"][];
  };
  readonly Notices: {
    readonly insights: Schemas["Ways"];
    readonly invitation: Schemas["Ways"];
    readonly match: Schemas["Ways"];
    readonly reminder: Schemas["Ways"];
  };
  readonly Op: Op;
  readonly Participant: {
    readonly displayName: string;
    readonly invitedAt: string;
    readonly role: "observer" | "participant" | "co-host" | "host";
    readonly userId: string;
  };
  readonly ParticipantList: {
    /** What the revision belongs to. */
    readonly epoch?: string;
    readonly items: readonly Schemas["Participant"][];
    readonly nextCursor: string | null;
    /** The meeting's revision: the participants are at least as new as it. */
    readonly revision: number;
  };
  readonly PeopleConnectRequest: {
    readonly message?: string;
    /** mentor: the other is asked to be mine. */
    readonly type: "connection" | "follow" | "mentor" | "mentee" | "collaborator";
    readonly userId: string;
  };
  readonly PeoplePostRequest: {
    readonly replyTo?: string;
    readonly text: string;
  };
  readonly PeopleReportRequest: {
    /** Where it happened, as the reporter says. */
    readonly meetingId?: string;
    readonly reason: string;
    readonly text?: string;
  };
  readonly PeopleUpdateInterestsRequest: {
    readonly interests: readonly Schemas["Chosen"][];
  };
  readonly PeopleUpdateNoticesRequest: {
    readonly insights: Schemas["Ways"];
    readonly invitation: Schemas["Ways"];
    readonly match: Schemas["Ways"];
    readonly reminder: Schemas["Ways"];
  };
  readonly PeopleUpdateProfileRequest: {
    readonly bio?: string;
    /** One line that shows something: without control, direction or invisible characters; stored in NFC, without white space around it. */
    readonly company?: string;
    readonly experienceLevel?: "junior" | "mid" | "senior" | "executive";
    readonly experienceYears?: number;
    /** Each 1 to 200 characters. */
    readonly goals?: readonly string[];
    /** One line that shows something: without control, direction or invisible characters; stored in NFC, without white space around it. */
    readonly headline?: string;
    /** One line that shows something: without control, direction or invisible characters; stored in NFC, without white space around it. */
    readonly industry?: string;
    /** One line that shows something: without control, direction or invisible characters; stored in NFC, without white space around it. */
    readonly jobTitle?: string;
    /** BCP 47, such as en or pt-BR. */
    readonly languages?: readonly string[];
    /** https alone. */
    readonly links?: Schemas["Links"];
    /** Of mentor, mentee, collaborator, peer, hire, job. */
    readonly lookingFor?: readonly string[];
    /** The one that was read; 0 of a profile that was never stored. */
    readonly revision: number;
    /** Each 1 to 80 characters. */
    readonly skills?: readonly string[];
    /** IANA, such as Europe/Berlin; UTC without one. */
    readonly timeZone?: string;
    /** Absent, it stays. */
    readonly visibility?: "everyone" | "connections" | "nobody";
  };
  readonly Place: Place;
  readonly PresenceAnswer: {
    readonly at: string;
    readonly clientKey: string;
  };
  readonly PresenceList: {
    readonly at: string;
    readonly items: readonly Schemas["Present"][];
    readonly nextCursor: string | null;
  };
  readonly Present: {
    readonly at: string;
    readonly clientKey: string;
    readonly cursor?: Schemas["Cursor"];
    readonly displayName: string;
    readonly status: string;
    readonly userId: string;
  };
  readonly Problem: {
    readonly code: "CONFLICT" | "FORBIDDEN" | "HISTORY_GONE" | "INTERNAL" | "MEETING_NOT_ACTIVE" | "METHOD_NOT_ALLOWED" | "NOT_FOUND" | "PAYLOAD_TOO_LARGE" | "PROVIDER_ERROR" | "RATE_LIMITED" | "UNAUTHORIZED" | "UNSUPPORTED_MEDIA_TYPE" | "VALIDATION_ERROR";
    readonly detail: string;
    /** With HISTORY_GONE, where positions of another epoch were sent: the present one. */
    readonly epoch?: string;
    readonly errors?: readonly Schemas["FieldError"][];
    readonly oldest?: number;
    readonly requestId: string;
    /** Whether the same request, sent again, may succeed: after Retry-After, or a pause. */
    readonly retryable: boolean;
    readonly status: number;
    readonly title: string;
    readonly type: string;
  };
  readonly Profile: {
    readonly bio?: string;
    /** One line that shows something: without control, direction or invisible characters; stored in NFC, without white space around it. */
    readonly company?: string;
    readonly experienceLevel?: "junior" | "mid" | "senior" | "executive";
    readonly experienceYears?: number;
    readonly goals: readonly string[];
    /** One line that shows something: without control, direction or invisible characters; stored in NFC, without white space around it. */
    readonly headline?: string;
    /** One line that shows something: without control, direction or invisible characters; stored in NFC, without white space around it. */
    readonly industry?: string;
    /** One line that shows something: without control, direction or invisible characters; stored in NFC, without white space around it. */
    readonly jobTitle?: string;
    /** BCP 47. */
    readonly languages: readonly string[];
    readonly links: Schemas["Links"];
    /** Of mentor, mentee, collaborator, peer, hire, job. */
    readonly lookingFor: readonly string[];
    readonly revision: number;
    readonly skills: readonly string[];
    /** IANA. */
    readonly timeZone: string;
    readonly visibility: "everyone" | "connections" | "nobody";
  };
  readonly Reaction: {
    readonly emoji: string;
    readonly userIds: readonly string[];
  };
  readonly Reported: {
    readonly reportId: string;
  };
  readonly Rule: {
    /** Empty: the rule holds for everybody. */
    readonly if: readonly Schemas["Condition"][];
    /** A variant, or several by weight in parts of 10,000. */
    readonly serve: string | Schemas["Weighted"];
  };
  readonly Seen: {
    readonly createdAt: string;
    readonly description?: string;
    readonly durationMinutes?: number;
    readonly endedAt?: string;
    /** What the revision belongs to. */
    readonly epoch?: string;
    readonly hostId: string;
    readonly meetingId: string;
    readonly participantCount: number;
    readonly revision: number;
    /** The caller's own role. */
    readonly role: "observer" | "participant" | "co-host" | "host";
    readonly scheduledAt?: string;
    readonly startedAt?: string;
    readonly state: "scheduled" | "active" | "concluded" | "cancelled";
    readonly title: string;
    readonly updatedAt: string;
  };
  readonly Speech: {
    readonly confidence: number;
    /** Not before startMs. */
    readonly endMs: number;
    /** False where a better version of the same utterance may follow. */
    readonly isFinal: boolean;
    /** A language tag as in BCP 47, such as en or pt-BR. */
    readonly language?: string;
    /** Who speaks: without it the caller; another participant, or null for unknown, only from a host or co-host. */
    readonly speakerId?: string | null;
    readonly startMs: number;
    readonly text: string;
    /** The same for all versions of an utterance. */
    readonly utteranceId?: string;
  };
  readonly Text: {
    readonly content: string;
    /** What version belongs to. */
    readonly epoch?: string;
    /** Lower-case hex SHA-256 of the content's UTF-8. */
    readonly hash: string;
    readonly version: number;
  };
  readonly Ticket: {
    readonly expiresAt: string;
    readonly ticket: string;
    readonly url: string;
  };
  readonly TopicsTellPresenceRequest: {
    /** One line that shows something: without control, direction or invisible characters; stored in NFC, without white space around it. */
    readonly clientId: string;
    readonly cursor?: Schemas["Cursor"];
    /** Grows with every heartbeat of a client, over whatever way it is sent; the highest wins. */
    readonly seq: number;
    /** With gone the client leaves at once. */
    readonly status: "active" | "typing" | "idle" | "gone";
  };
  readonly TranscriptsAppendRequest: {
    readonly chunks: readonly Schemas["Speech"][];
  };
  readonly UsersUpdateRequest: {
    /** What others see. One line that shows something: without control, direction or invisible characters; stored in NFC, without white space around it. */
    readonly displayName?: string;
  };
  readonly Ways: {
    readonly app: boolean;
    readonly email: boolean;
  };
  readonly Weighted: {
    readonly weights: Readonly<Record<string, number>>;
  };
}

/** The calls of the API, by operation: what each takes and answers. */
export interface Operations {
  /** POST /v1/admin/flags: Create a flag. */
  flags_create: {
    readonly body: Schemas["FlagsCreateRequest"];
    readonly answer: Schemas["Flag"];
  };
  /** DELETE /v1/admin/flags/{key}: Delete a flag, or have a declared one as it is declared. */
  flags_delete: {
    readonly path: {
      readonly key: string;
    };
    readonly query: {
      readonly reason: string;
      readonly revision: number;
    };
    readonly answer: undefined;
  };
  /** GET /v1/flags: Get what the flags that clients see are for me. */
  flags_evaluate: {
    readonly answer: Schemas["Evaluated"];
  };
  /** GET /v1/admin/flags/{key}: Get a flag. */
  flags_get: {
    readonly path: {
      readonly key: string;
    };
    readonly answer: Schemas["Flag"];
  };
  /** GET /v1/admin/flags/{key}/history: List a flag's changes, newest first. */
  flags_history: {
    readonly path: {
      readonly key: string;
    };
    readonly query: {
      readonly cursor?: string;
      readonly limit?: number;
    };
    readonly answer: Schemas["HistoryList"];
  };
  /** GET /v1/admin/flags: List all flags. */
  flags_list: {
    readonly query: {
      readonly cursor?: string;
      readonly limit?: number;
    };
    readonly answer: Schemas["FlagList"];
  };
  /** PATCH /v1/admin/flags/{key}: Change a flag; `kill` serves its default to everybody within two seconds. */
  flags_update: {
    readonly path: {
      readonly key: string;
    };
    readonly body: Schemas["FlagsUpdateRequest"];
    readonly answer: Schemas["Flag"];
  };
  /** PATCH /v1/meetings/{meetingId}/participants/{userId}: Give a participant another role; it holds at once. */
  meetings_changerole: {
    readonly path: {
      readonly meetingId: string;
      readonly userId: string;
    };
    readonly body: Schemas["MeetingsChangeRoleRequest"];
    readonly answer: Schemas["Participant"];
  };
  /** POST /v1/meetings: Create a meeting; I become its host. */
  meetings_create: {
    readonly body: Schemas["MeetingsCreateRequest"];
    readonly answer: Schemas["Meeting"];
  };
  /** POST /v1/meetings/{meetingId}/end: End an active meeting; its notes and its transcript take no more. */
  meetings_end: {
    readonly path: {
      readonly meetingId: string;
    };
    readonly answer: Schemas["Meeting"];
  };
  /** GET /v1/meetings/{meetingId}: Read a meeting that I am in. */
  meetings_get: {
    readonly path: {
      readonly meetingId: string;
    };
    readonly answer: Schemas["Seen"];
  };
  /** POST /v1/meetings/{meetingId}/participants: Invite a person to a meeting. */
  meetings_invite: {
    readonly path: {
      readonly meetingId: string;
    };
    readonly body: Schemas["MeetingsInviteRequest"];
    readonly answer: Schemas["Participant"];
  };
  /** GET /v1/meetings: List my meetings, newest first. */
  meetings_list: {
    readonly query: {
      readonly cursor?: string;
      readonly limit?: number;
    };
    readonly answer: Schemas["ListOfMeeting"];
  };
  /** GET /v1/meetings/{meetingId}/participants: List who is in a meeting. */
  meetings_listparticipants: {
    readonly path: {
      readonly meetingId: string;
    };
    readonly query: {
      readonly cursor?: string;
      readonly limit?: number;
    };
    readonly answer: Schemas["ParticipantList"];
  };
  /** DELETE /v1/meetings/{meetingId}/participants/{userId}: Remove a participant; their streams end at once. */
  meetings_remove: {
    readonly path: {
      readonly meetingId: string;
      readonly userId: string;
    };
    readonly answer: undefined;
  };
  /** POST /v1/meetings/{meetingId}/start: Start a scheduled meeting. */
  meetings_start: {
    readonly path: {
      readonly meetingId: string;
    };
    readonly answer: Schemas["Meeting"];
  };
  /** PATCH /v1/meetings/{meetingId}: Change a meeting; carries the revision that was read. */
  meetings_update: {
    readonly path: {
      readonly meetingId: string;
    };
    readonly body: Schemas["MeetingsUpdateRequest"];
    readonly answer: Schemas["Meeting"];
  };
  /** POST /v1/meetings/{meetingId}/notes/changes: Change the notes; a retry of the same change gets the first answer. */
  notes_append: {
    readonly path: {
      readonly meetingId: string;
    };
    readonly body: Schemas["NotesAppendRequest"];
    readonly answer: Schemas["Committed"];
  };
  /** GET /v1/meetings/{meetingId}/notes/changes: List committed changes after a version. */
  notes_changes: {
    readonly path: {
      readonly meetingId: string;
    };
    readonly query: {
      readonly cursor?: string;
      /** The epoch of from, where the client knows it: HISTORY_GONE where it isn't the present one. A cursor knows its own. */
      readonly epoch?: string;
      /** The last version seen; with a cursor it is ignored. */
      readonly from?: number;
      readonly limit?: number;
    };
    readonly answer: Schemas["LogPageOfChange"];
  };
  /** GET /v1/meetings/{meetingId}/notes: Read the notes. */
  notes_get: {
    readonly path: {
      readonly meetingId: string;
    };
    readonly answer: Schemas["Text"];
  };
  /** POST /v1/connections/{connectionId}/accept: Accept a request that I got. */
  people_accept: {
    readonly path: {
      readonly connectionId: string;
    };
    readonly answer: Schemas["Connection"];
  };
  /** PUT /v1/me/blocks/{userId}: Block somebody; it ends what is between us. */
  people_block: {
    readonly path: {
      readonly userId: string;
    };
    readonly answer: Schemas["Block"];
  };
  /** POST /v1/connections: Ask somebody for a connection, or accept theirs. */
  people_connect: {
    readonly body: Schemas["PeopleConnectRequest"];
    readonly answer: Schemas["Connection"];
  };
  /** POST /v1/connections/{connectionId}/decline: Decline a request that I got. */
  people_decline: {
    readonly path: {
      readonly connectionId: string;
    };
    readonly answer: Schemas["Connection"];
  };
  /** DELETE /v1/connections/{connectionId}: End a connection, or a request, that I am one of. */
  people_disconnect: {
    readonly path: {
      readonly connectionId: string;
    };
    readonly answer: undefined;
  };
  /** GET /v1/users: Find people by the beginning of any part of their name. */
  people_find: {
    readonly query: {
      readonly cursor?: string;
      readonly limit?: number;
      readonly query: string;
    };
    readonly answer: Schemas["ListOfFound"];
  };
  /** GET /v1/users/{userId}: Get a person's card: their name, and what they show me. */
  people_get: {
    readonly path: {
      readonly userId: string;
    };
    readonly answer: Schemas["Card"];
  };
  /** GET /v1/me/interests: Get my interests. */
  people_getinterests: {
    readonly answer: Schemas["Interests"];
  };
  /** GET /v1/me/notices: Get how I am told what. */
  people_getnotices: {
    readonly answer: Schemas["Notices"];
  };
  /** GET /v1/me/profile: Get my profile. */
  people_getprofile: {
    readonly answer: Schemas["Profile"];
  };
  /** GET /v1/me/blocks: List whom I have blocked. */
  people_listblocks: {
    readonly query: {
      readonly cursor?: string;
      readonly limit?: number;
    };
    readonly answer: Schemas["ListOfBlock"];
  };
  /** GET /v1/connections: List my connections and requests, newest first. */
  people_listconnections: {
    readonly query: {
      readonly cursor?: string;
      readonly limit?: number;
      readonly state?: "requested" | "accepted" | "declined";
      readonly type?: "connection" | "follow" | "mentor" | "mentee" | "collaborator";
    };
    readonly answer: Schemas["ListOfConnection"];
  };
  /** GET /v1/interests: List what there is to be interested in. */
  people_listinterests: {
    readonly query: {
      readonly category?: "academic" | "industry" | "skill" | "personal";
      readonly cursor?: string;
      readonly limit?: number;
      readonly parentId?: string;
      readonly query?: string;
    };
    readonly answer: Schemas["ListOfInterest"];
  };
  /** GET /v1/connections/{connectionId}/messages: List what we have written to each other, after a position. */
  people_listmessages: {
    readonly path: {
      readonly connectionId: string;
    };
    readonly query: {
      readonly cursor?: string;
      /** The epoch of from, where the client knows it: HISTORY_GONE where it isn't the present one. A cursor knows its own. */
      readonly epoch?: string;
      /** The last position seen; with a cursor it is ignored. */
      readonly from?: number;
      readonly limit?: number;
    };
    readonly answer: Schemas["MessageList"];
  };
  /** POST /v1/connections/{connectionId}/messages: Write to somebody with whom I have an accepted connection. */
  people_postmessage: {
    readonly path: {
      readonly connectionId: string;
    };
    readonly body: Schemas["PeoplePostRequest"];
    readonly answer: Schemas["Message"];
  };
  /** POST /v1/users/{userId}/report: Tell operators of somebody's abuse. */
  people_report: {
    readonly path: {
      readonly userId: string;
    };
    readonly body: Schemas["PeopleReportRequest"];
    readonly answer: Schemas["Reported"];
  };
  /** DELETE /v1/me/blocks/{userId}: Take my block of somebody away. */
  people_unblock: {
    readonly path: {
      readonly userId: string;
    };
    readonly answer: undefined;
  };
  /** PUT /v1/me/interests: Replace my interests. */
  people_updateinterests: {
    readonly body: Schemas["PeopleUpdateInterestsRequest"];
    readonly answer: Schemas["Interests"];
  };
  /** PUT /v1/me/notices: Say how I am told what. */
  people_updatenotices: {
    readonly body: Schemas["PeopleUpdateNoticesRequest"];
    readonly answer: Schemas["Notices"];
  };
  /** PUT /v1/me/profile: Replace my profile; carries the revision that was read. */
  people_updateprofile: {
    readonly body: Schemas["PeopleUpdateProfileRequest"];
    readonly answer: Schemas["Profile"];
  };
  /** GET /healthz: Whether functions start and answer. */
  system_health: {
    readonly answer: Schemas["Healthy"];
  };
  /** GET /v1/meetings/{meetingId}/presence: List who is present in a meeting. */
  topics_listpresence: {
    readonly path: {
      readonly meetingId: string;
    };
    readonly query: {
      readonly cursor?: string;
      /** Without it everybody comes in one answer. */
      readonly limit?: number;
    };
    readonly answer: Schemas["PresenceList"];
  };
  /** POST /v1/meetings/{meetingId}/presence: Say that I am in a meeting, or leave, without a socket. */
  topics_tellpresence: {
    readonly path: {
      readonly meetingId: string;
    };
    readonly body: Schemas["TopicsTellPresenceRequest"];
    readonly answer: Schemas["PresenceAnswer"];
  };
  /** POST /v1/meetings/{meetingId}/transcript: Add what was said to the transcript, while the meeting is active. */
  transcripts_append: {
    readonly path: {
      readonly meetingId: string;
    };
    readonly body: Schemas["TranscriptsAppendRequest"];
    readonly answer: Schemas["Appended"];
  };
  /** GET /v1/meetings/{meetingId}/transcript: List the transcript's chunks after a position. */
  transcripts_list: {
    readonly path: {
      readonly meetingId: string;
    };
    readonly query: {
      readonly cursor?: string;
      /** The epoch of from, where the client knows it: HISTORY_GONE where it isn't the present one. A cursor knows its own. */
      readonly epoch?: string;
      /** The last position seen; with a cursor it is ignored. */
      readonly from?: number;
      readonly limit?: number;
    };
    readonly answer: Schemas["LogPageOfChunk"];
  };
  /** GET /v1/me: Who I am. */
  users_get: {
    readonly answer: Schemas["Me"];
  };
  /** POST /v1/realtime/tickets: Get a ticket that opens one socket within 30 seconds. */
  users_ticket: {
    readonly answer: Schemas["Ticket"];
  };
  /** PATCH /v1/me: Change what I am called. */
  users_update: {
    readonly body: Schemas["UsersUpdateRequest"];
    readonly answer: Schemas["Me"];
  };
  /** POST /v1/webhooks/workos: webhook: what WorkOS says of people and sessions; session.revoked ends one at once, and a retry ends what is left. */
  users_webhook: {
    readonly body: Schemas["IdentityEventRequest"];
    readonly answer: Schemas["EventAnswer"];
  };
}

/** The methods that call the API as a signed-in person; `Options` is what every call takes beside its input. */
export interface Methods<Options> {
  /** Who I am. */
  me(options?: Options): Promise<Operations["users_get"]["answer"]>;
  /** Change what I am called. */
  updateMe(body: Operations["users_update"]["body"], options?: Options): Promise<Operations["users_update"]["answer"]>;
  readonly blocks: {
    /** Block somebody; it ends what is between us. */
    create(userId: string, options?: Options): Promise<Operations["people_block"]["answer"]>;
    /** Take my block of somebody away. */
    delete(userId: string, options?: Options): Promise<Operations["people_unblock"]["answer"]>;
    /** List whom I have blocked. */
    list(query?: Operations["people_listblocks"]["query"], options?: Options): Promise<Operations["people_listblocks"]["answer"]>;
  };
  readonly connections: {
    /** Accept a request that I got. */
    accept(connectionId: string, options?: Options): Promise<Operations["people_accept"]["answer"]>;
    /** Ask somebody for a connection, or accept theirs. */
    create(body: Operations["people_connect"]["body"], options?: Options): Promise<Operations["people_connect"]["answer"]>;
    /** Decline a request that I got. */
    decline(connectionId: string, options?: Options): Promise<Operations["people_decline"]["answer"]>;
    /** End a connection, or a request, that I am one of. */
    delete(connectionId: string, options?: Options): Promise<Operations["people_disconnect"]["answer"]>;
    /** List my connections and requests, newest first. */
    list(query?: Operations["people_listconnections"]["query"], options?: Options): Promise<Operations["people_listconnections"]["answer"]>;
    /** List what we have written to each other, after a position. */
    messages(connectionId: string, query?: Operations["people_listmessages"]["query"], options?: Options): Promise<Operations["people_listmessages"]["answer"]>;
    /** Write to somebody with whom I have an accepted connection. */
    write(connectionId: string, body: Operations["people_postmessage"]["body"], options?: Options): Promise<Operations["people_postmessage"]["answer"]>;
  };
  readonly flags: {
    /** Create a flag. */
    create(body: Operations["flags_create"]["body"], options?: Options): Promise<Operations["flags_create"]["answer"]>;
    /** Delete a flag, or have a declared one as it is declared. */
    delete(key: string, query?: Operations["flags_delete"]["query"], options?: Options): Promise<Operations["flags_delete"]["answer"]>;
    /** Get what the flags that clients see are for me. */
    evaluate(options?: Options): Promise<Operations["flags_evaluate"]["answer"]>;
    /** Get a flag. */
    get(key: string, options?: Options): Promise<Operations["flags_get"]["answer"]>;
    /** List a flag's changes, newest first. */
    history(key: string, query?: Operations["flags_history"]["query"], options?: Options): Promise<Operations["flags_history"]["answer"]>;
    /** List all flags. */
    list(query?: Operations["flags_list"]["query"], options?: Options): Promise<Operations["flags_list"]["answer"]>;
    /** Change a flag; `kill` serves its default to everybody within two seconds. */
    update(key: string, body: Operations["flags_update"]["body"], options?: Options): Promise<Operations["flags_update"]["answer"]>;
  };
  readonly interests: {
    /** List what there is to be interested in. */
    list(query?: Operations["people_listinterests"]["query"], options?: Options): Promise<Operations["people_listinterests"]["answer"]>;
    /** Get my interests. */
    mine(options?: Options): Promise<Operations["people_getinterests"]["answer"]>;
    /** Replace my interests. */
    update(body: Operations["people_updateinterests"]["body"], options?: Options): Promise<Operations["people_updateinterests"]["answer"]>;
  };
  readonly meetings: {
    /** Create a meeting; I become its host. */
    create(body: Operations["meetings_create"]["body"], options?: Options): Promise<Operations["meetings_create"]["answer"]>;
    /** End an active meeting; its notes and its transcript take no more. */
    end(meetingId: string, options?: Options): Promise<Operations["meetings_end"]["answer"]>;
    /** Read a meeting that I am in. */
    get(meetingId: string, options?: Options): Promise<Operations["meetings_get"]["answer"]>;
    /** List my meetings, newest first. */
    list(query?: Operations["meetings_list"]["query"], options?: Options): Promise<Operations["meetings_list"]["answer"]>;
    /** Start a scheduled meeting. */
    start(meetingId: string, options?: Options): Promise<Operations["meetings_start"]["answer"]>;
    /** Change a meeting; carries the revision that was read. */
    update(meetingId: string, body: Operations["meetings_update"]["body"], options?: Options): Promise<Operations["meetings_update"]["answer"]>;
  };
  readonly notes: {
    /** Change the notes; a retry of the same change gets the first answer. */
    change(meetingId: string, body: Operations["notes_append"]["body"], options?: Options): Promise<Operations["notes_append"]["answer"]>;
    /** List committed changes after a version. */
    changes(meetingId: string, query?: Operations["notes_changes"]["query"], options?: Options): Promise<Operations["notes_changes"]["answer"]>;
    /** Read the notes. */
    get(meetingId: string, options?: Options): Promise<Operations["notes_get"]["answer"]>;
  };
  readonly notices: {
    /** Get how I am told what. */
    get(options?: Options): Promise<Operations["people_getnotices"]["answer"]>;
    /** Say how I am told what. */
    update(body: Operations["people_updatenotices"]["body"], options?: Options): Promise<Operations["people_updatenotices"]["answer"]>;
  };
  readonly participants: {
    /** Give a participant another role; it holds at once. */
    changeRole(meetingId: string, userId: string, body: Operations["meetings_changerole"]["body"], options?: Options): Promise<Operations["meetings_changerole"]["answer"]>;
    /** Invite a person to a meeting. */
    invite(meetingId: string, body: Operations["meetings_invite"]["body"], options?: Options): Promise<Operations["meetings_invite"]["answer"]>;
    /** List who is in a meeting. */
    list(meetingId: string, query?: Operations["meetings_listparticipants"]["query"], options?: Options): Promise<Operations["meetings_listparticipants"]["answer"]>;
    /** Remove a participant; their streams end at once. */
    remove(meetingId: string, userId: string, options?: Options): Promise<Operations["meetings_remove"]["answer"]>;
  };
  readonly people: {
    /** Find people by the beginning of any part of their name. */
    find(query?: Operations["people_find"]["query"], options?: Options): Promise<Operations["people_find"]["answer"]>;
    /** Get a person's card: their name, and what they show me. */
    get(userId: string, options?: Options): Promise<Operations["people_get"]["answer"]>;
    /** Tell operators of somebody's abuse. */
    report(userId: string, body: Operations["people_report"]["body"], options?: Options): Promise<Operations["people_report"]["answer"]>;
  };
  readonly presence: {
    /** List who is present in a meeting. */
    list(meetingId: string, query?: Operations["topics_listpresence"]["query"], options?: Options): Promise<Operations["topics_listpresence"]["answer"]>;
    /** Say that I am in a meeting, or leave, without a socket. */
    tell(meetingId: string, body: Operations["topics_tellpresence"]["body"], options?: Options): Promise<Operations["topics_tellpresence"]["answer"]>;
  };
  readonly profile: {
    /** Get my profile. */
    get(options?: Options): Promise<Operations["people_getprofile"]["answer"]>;
    /** Replace my profile; carries the revision that was read. */
    update(body: Operations["people_updateprofile"]["body"], options?: Options): Promise<Operations["people_updateprofile"]["answer"]>;
  };
  readonly tickets: {
    /** Get a ticket that opens one socket within 30 seconds. */
    create(options?: Options): Promise<Operations["users_ticket"]["answer"]>;
  };
  readonly transcript: {
    /** Add what was said to the transcript, while the meeting is active. */
    append(meetingId: string, body: Operations["transcripts_append"]["body"], options?: Options): Promise<Operations["transcripts_append"]["answer"]>;
    /** List the transcript's chunks after a position. */
    list(meetingId: string, query?: Operations["transcripts_list"]["query"], options?: Options): Promise<Operations["transcripts_list"]["answer"]>;
  };
}

/** Method and path of each; the third word says what the call takes after the path's parameters. */
export const routes = {
  me: "GET /v1/me",
  updateMe: "PATCH /v1/me body",
  blocks: {
    create: "PUT /v1/me/blocks/{userId}",
    delete: "DELETE /v1/me/blocks/{userId}",
    list: "GET /v1/me/blocks query",
  },
  connections: {
    accept: "POST /v1/connections/{connectionId}/accept",
    create: "POST /v1/connections body",
    decline: "POST /v1/connections/{connectionId}/decline",
    delete: "DELETE /v1/connections/{connectionId}",
    list: "GET /v1/connections query",
    messages: "GET /v1/connections/{connectionId}/messages query",
    write: "POST /v1/connections/{connectionId}/messages body",
  },
  flags: {
    create: "POST /v1/admin/flags body",
    delete: "DELETE /v1/admin/flags/{key} query",
    evaluate: "GET /v1/flags",
    get: "GET /v1/admin/flags/{key}",
    history: "GET /v1/admin/flags/{key}/history query",
    list: "GET /v1/admin/flags query",
    update: "PATCH /v1/admin/flags/{key} body",
  },
  interests: {
    list: "GET /v1/interests query",
    mine: "GET /v1/me/interests",
    update: "PUT /v1/me/interests body",
  },
  meetings: {
    create: "POST /v1/meetings body",
    end: "POST /v1/meetings/{meetingId}/end",
    get: "GET /v1/meetings/{meetingId}",
    list: "GET /v1/meetings query",
    start: "POST /v1/meetings/{meetingId}/start",
    update: "PATCH /v1/meetings/{meetingId} body",
  },
  notes: {
    change: "POST /v1/meetings/{meetingId}/notes/changes body",
    changes: "GET /v1/meetings/{meetingId}/notes/changes query",
    get: "GET /v1/meetings/{meetingId}/notes",
  },
  notices: {
    get: "GET /v1/me/notices",
    update: "PUT /v1/me/notices body",
  },
  participants: {
    changeRole: "PATCH /v1/meetings/{meetingId}/participants/{userId} body",
    invite: "POST /v1/meetings/{meetingId}/participants body",
    list: "GET /v1/meetings/{meetingId}/participants query",
    remove: "DELETE /v1/meetings/{meetingId}/participants/{userId}",
  },
  people: {
    find: "GET /v1/users query",
    get: "GET /v1/users/{userId}",
    report: "POST /v1/users/{userId}/report body",
  },
  presence: {
    list: "GET /v1/meetings/{meetingId}/presence query",
    tell: "POST /v1/meetings/{meetingId}/presence body",
  },
  profile: {
    get: "GET /v1/me/profile",
    update: "PUT /v1/me/profile body",
  },
  tickets: {
    create: "POST /v1/realtime/tickets",
  },
  transcript: {
    append: "POST /v1/meetings/{meetingId}/transcript body",
    list: "GET /v1/meetings/{meetingId}/transcript query",
  },
} as const;

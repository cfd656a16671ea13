import type {
  ChangesQuery, CommittedOps, CreateMeeting, InviteParticipant, Meeting, Notes, NotesChange, NotesEvent,
  Page, PageQuery, Participant, Role, Ticket, UpdateMe, UpdateMeeting, User,
} from "./types.ts";

export interface CallOptions {
  readonly signal?: AbortSignal;
  /** For mutations; made anew for each call when left out. Repeat it to repeat a call safely. */
  readonly idempotencyKey?: string;
}

/** Every method rejects with RapportError, or with the signal's reason when aborted. */
export interface Api {
  me(options?: CallOptions): Promise<User>;
  updateMe(input: UpdateMe, options?: CallOptions): Promise<User>;
  readonly meetings: {
    create(input: CreateMeeting, options?: CallOptions): Promise<Meeting>;
    list(query?: PageQuery, options?: CallOptions): Promise<Page<Meeting>>;
    get(meetingId: string, options?: CallOptions): Promise<Meeting>;
    update(meetingId: string, input: UpdateMeeting, options?: CallOptions): Promise<Meeting>;
    start(meetingId: string, options?: CallOptions): Promise<Meeting>;
    end(meetingId: string, options?: CallOptions): Promise<Meeting>;
  };
  readonly participants: {
    list(meetingId: string, query?: PageQuery, options?: CallOptions): Promise<Page<Participant>>;
    invite(meetingId: string, input: InviteParticipant, options?: CallOptions): Promise<Participant>;
    changeRole(meetingId: string, userId: string, role: Role, options?: CallOptions): Promise<Participant>;
    remove(meetingId: string, userId: string, options?: CallOptions): Promise<void>;
  };
  readonly notes: {
    get(meetingId: string, options?: CallOptions): Promise<Notes>;
    change(meetingId: string, change: NotesChange, options?: CallOptions): Promise<CommittedOps>;
    changes(meetingId: string, query?: ChangesQuery, options?: CallOptions): Promise<Page<NotesEvent>>;
  };
  readonly tickets: { create(options?: CallOptions): Promise<Ticket> };
}

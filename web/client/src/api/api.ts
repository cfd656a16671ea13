import { RapportError } from "../errors.ts";
import type { PresenceReport, Present } from "../meeting/types.ts";
import type { Http } from "../net/http.ts";
import { asFields, asString } from "../runtime/json.ts";
import type {
  AppendedChunks, ChangesQuery, CommittedOps, CreateMeeting, InviteParticipant, Meeting, Notes, NotesChange, NotesEvent,
  Page, PageQuery, Participant, Role, Speech, Ticket, TranscriptChunk, UpdateMe, UpdateMeeting, User,
} from "./types.ts";

export interface CallOptions {
  readonly signal?: AbortSignal;
  /** For mutations; made anew for each call when left out. Repeat it to repeat a call safely. */
  readonly idempotencyKey?: string;
  /** One attempt: for what is asked for again and again anyway. */
  readonly once?: boolean;
  /** The call goes on when the page is left. */
  readonly keepalive?: boolean;
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
  readonly transcript: {
    /** At most 20 chunks. */
    append(meetingId: string, input: { readonly chunks: readonly Speech[] }, options?: CallOptions): Promise<AppendedChunks>;
    list(meetingId: string, query?: ChangesQuery, options?: CallOptions): Promise<Page<TranscriptChunk>>;
  };
  readonly presence: {
    /** Everybody's windows that are there. */
    list(meetingId: string, query?: PageQuery, options?: CallOptions): Promise<Page<Present>>;
    /** As a presence frame does; made once, because the next one tells all again. */
    tell(meetingId: string, report: PresenceReport, options?: CallOptions): Promise<void>;
  };
  readonly tickets: { create(options?: CallOptions): Promise<Ticket> };
}

/** The methods over `http`. `newId` makes the Idempotency-Keys. */
export function createApi(http: Http, newId: () => string): Api {
  async function get<T>(path: string, query: HttpQuery, options?: CallOptions): Promise<T> {
    return (await http.call({ method: "GET", path, query, retry: options?.once !== true, signal: options?.signal })) as T;
  }
  async function mutate<T>(method: "POST" | "PATCH" | "DELETE", path: string, body: unknown, options?: CallOptions): Promise<T> {
    const idempotencyKey = options?.idempotencyKey ?? newId();
    return (await http.call({ method, path, body, idempotencyKey, retry: true, signal: options?.signal })) as T;
  }
  const meeting = (id: string, rest = "") => `/v1/meetings/${encodeURIComponent(id)}${rest}`;
  const participant = (id: string, userId: string) => meeting(id, `/participants/${encodeURIComponent(userId)}`);

  return {
    me: (options) => get("/v1/me", {}, options),
    updateMe: (input, options) => mutate("PATCH", "/v1/me", input, options),
    meetings: {
      create: (input, options) => mutate("POST", "/v1/meetings", input, options),
      list: (query = {}, options) => get("/v1/meetings", { ...query }, options),
      get: (id, options) => get(meeting(id), {}, options),
      update: (id, input, options) => mutate("PATCH", meeting(id), input, options),
      start: (id, options) => mutate("POST", meeting(id, "/start"), undefined, options),
      end: (id, options) => mutate("POST", meeting(id, "/end"), undefined, options),
    },
    participants: {
      list: (id, query = {}, options) => get(meeting(id, "/participants"), { ...query }, options),
      invite: (id, input, options) => mutate("POST", meeting(id, "/participants"), input, options),
      changeRole: (id, userId, role, options) => mutate("PATCH", participant(id, userId), { role }, options),
      remove: (id, userId, options) => mutate("DELETE", participant(id, userId), undefined, options),
    },
    notes: {
      get: (id, options) => get(meeting(id, "/notes"), {}, options),
      change: (id, change, options) => mutate("POST", meeting(id, "/notes/changes"), change, options),
      changes: (id, query = {}, options) => get(meeting(id, "/notes/changes"), { ...query }, options),
    },
    transcript: {
      append: (id, input, options) => mutate("POST", meeting(id, "/transcript"), input, options),
      list: (id, query = {}, options) => get(meeting(id, "/transcript"), { ...query }, options),
    },
    presence: {
      list: (id, query = {}, options) => get(meeting(id, "/presence"), { ...query }, options),
      tell: async (id, body, options) => {
        await http.call({
          method: "POST", path: meeting(id, "/presence"), body, retry: false, signal: options?.signal, keepalive: options?.keepalive,
        });
      },
    },
    tickets: {
      // Never repeated with a key: the first answer again would be a ticket that may be used up.
      create: async (options) => {
        const ticket = await http.call({ method: "POST", path: "/v1/realtime/tickets", retry: false, signal: options?.signal });
        if (asString(asFields(ticket)?.["url"]) === undefined) throw new RapportError({ code: "PROTOCOL", detail: "the answer is no ticket", status: 200 });
        return ticket as Ticket;
      },
    },
  };
}

type HttpQuery = Readonly<Record<string, string | number | undefined>>;

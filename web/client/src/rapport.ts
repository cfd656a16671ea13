import { createApi } from "./api.ts";
import type { Api, CallOptions } from "./api.ts";
import { SocketConnection } from "./connection.ts";
import type { Connection } from "./connection.ts";
import { Emitter } from "./emitter.ts";
import type { RapportError } from "./errors.ts";
import { Http } from "./http.ts";
import type { TokenProvider } from "./http.ts";
import { asArray, asFields } from "./json.ts";
import { NotesSession } from "./notes.ts";
import { platform } from "./platform.ts";
import type { Platform } from "./platform.ts";
import type { WebSocketConstructor } from "./socket.ts";
import { StateTopic } from "./statetopic.ts";
import type { EndReason } from "./subscription.ts";
import type { Meeting, MeetingView, Participant, User } from "./types.ts";

export interface RapportOptions {
  /** Where the API is, without `/v1`: `http://localhost:3000`, or `""` for the page's own origin. */
  readonly baseUrl: string;
  /** Gives the access token; asked before each call, and again with `refresh` once after a 401. */
  readonly token: TokenProvider;
  /** Where the platform has no WebSocket of its own. */
  readonly webSocket?: WebSocketConstructor;
  readonly fetch?: typeof globalThis.fetch;
  /** Time, chance and the rest of the machine, for tests. */
  readonly platform?: Partial<Platform>;
}

export interface Subscription {
  close(): void;
}

/** One user's client: HTTP methods, one connection, live topics, notes sessions. */
export class Rapport implements Api {
  readonly me: Api["me"];
  readonly updateMe: Api["updateMe"];
  readonly meetings: Api["meetings"];
  readonly participants: Api["participants"];
  readonly notes: Api["notes"];
  readonly tickets: Api["tickets"];
  readonly #platform: Platform;
  readonly #connection: SocketConnection;
  readonly #open = new Set<Subscription>();
  #self: Promise<User> | undefined;

  constructor(options: RapportOptions) {
    this.#platform = platform({
      ...options.platform,
      ...(options.fetch === undefined ? {} : { fetch: options.fetch }),
      ...(options.webSocket === undefined ? {} : { webSocket: options.webSocket }),
    });
    const api = createApi(new Http(options.baseUrl, options.token, this.#platform), this.#platform.newId);
    this.me = api.me;
    this.updateMe = api.updateMe;
    this.meetings = api.meetings;
    this.participants = api.participants;
    this.notes = api.notes;
    this.tickets = api.tickets;
    this.#connection = new SocketConnection(this.#platform, async (signal) => (await api.tickets.create({ signal })).url);
  }

  get connection(): Connection {
    return this.#connection;
  }

  /**
   * Follows the meeting and its participants: `onView` gets the whole now and
   * after each change. `onEnd` is called once when the server ends the topic.
   */
  watchMeeting(
    meetingId: string,
    onView: (view: MeetingView) => void,
    onEnd?: (reason: EndReason, error?: RapportError) => void,
  ): Subscription {
    const views = new Emitter<[MeetingView]>();
    views.add(onView);
    const ends = new Emitter<[EndReason, RapportError | undefined]>();
    if (onEnd !== undefined) ends.add(onEnd);
    const topic = new StateTopic(this.#connection, this.#platform, `meetings/${meetingId}`, {
      onState: (data) => {
        const view = parseView(data);
        if (view !== undefined) views.emit(view);
      },
      onEnd: (reason, error) => {
        this.#open.delete(topic);
        ends.emit(reason, error);
      },
      read: async (signal) => {
        const data = await this.#readView(meetingId, { signal });
        return { position: data.meeting.revision, data };
      },
    });
    this.#open.add(topic);
    topic.start();
    return {
      close: () => {
        this.#open.delete(topic);
        topic.close();
      },
    };
  }

  /** Loads the notes and follows them. Rejects with RapportError when they can't be read. */
  async openNotes(meetingId: string): Promise<NotesSession> {
    const { userId } = await this.#whoami();
    const from = { api: this, connection: this.#connection, platform: this.#platform, userId };
    const session = await NotesSession.open(from, meetingId);
    this.#open.add(session);
    const stop = session.on("state", (state) => {
      if (state !== "closed") return;
      this.#open.delete(session);
      stop();
    });
    return session;
  }

  /** Closes every session, topic and the connection. */
  close(): void {
    for (const each of [...this.#open]) each.close();
    this.#open.clear();
    this.#connection.close();
  }

  /** The caller, asked once. */
  #whoami(): Promise<User> {
    this.#self ??= this.me().catch((error: unknown) => {
      this.#self = undefined;
      throw error;
    });
    return this.#self;
  }

  async #readView(meetingId: string, options: CallOptions): Promise<MeetingView> {
    const meeting = await this.meetings.get(meetingId, options);
    const participants: Participant[] = [];
    let cursor: string | null = null;
    do {
      const page = await this.participants.list(meetingId, { limit: 200, ...(cursor === null ? {} : { cursor }) }, options);
      participants.push(...page.items);
      cursor = page.nextCursor;
    } while (cursor !== null);
    return { meeting, participants };
  }
}

function parseView(data: unknown): MeetingView | undefined {
  const fields = asFields(data);
  const meeting = asFields(fields?.["meeting"]);
  const participants = asArray(fields?.["participants"]);
  if (meeting === undefined || participants === undefined) return undefined;
  return { meeting: meeting as unknown as Meeting, participants: participants as readonly Participant[] };
}

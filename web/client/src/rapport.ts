import { createApi } from "./api/api.ts";
import type { Api } from "./api/api.ts";
import type { User } from "./api/types.ts";
import { closedError, RapportError } from "./errors.ts";
import { meetingTopic } from "./meeting/meetingtopic.ts";
import type { PresenceSequence } from "./meeting/presencesender.ts";
import type { MeetingReader } from "./meeting/reader.ts";
import type { MeetingSession } from "./meeting/session.ts";
import { Transcriber, TranscriptFollower } from "./meeting/transcript.ts";
import type { TranscriptWatchHandlers } from "./meeting/transcript.ts";
import type { MeetingWatchHandlers } from "./meeting/types.ts";
import { SocketConnection } from "./net/connection.ts";
import type { Connection } from "./net/connectionstate.ts";
import { Http } from "./net/http.ts";
import type { TokenProvider } from "./net/http.ts";
import type { NotesSession } from "./notes/session.ts";
import type { Offline } from "./offline/storage.ts";
import { notify } from "./runtime/emitter.ts";
import { platform } from "./runtime/platform.ts";
import type { PartialPlatform, Platform } from "./runtime/platform.ts";
import type { WebSocketConstructor } from "./runtime/websocket.ts";

/** What a client is made with. */
export interface RapportOptions {
  /** Where the API is, without `/v1`: `http://localhost:3000`, or `""` for the page's own origin. */
  readonly baseUrl: string;
  /** Gives the access token; asked before each call, and again with `refresh` once after a 401. */
  readonly token: TokenProvider;
  /**
   * Who the token belongs to, where that is known: then notes that were edited
   * offline can be opened again offline. Asked for with the first call otherwise.
   */
  readonly userId?: string;
  /**
   * Where edits are kept that the server has not confirmed; the browser's
   * IndexedDB when left out, `null` for nowhere. In Node, there is none to
   * begin with.
   */
  readonly offline?: Offline | null;
  /** Where the platform has no WebSocket of its own. */
  readonly webSocket?: WebSocketConstructor;
  /** In place of the platform's own. */
  readonly fetch?: typeof globalThis.fetch;
  /** Time, chance and the rest of the machine, for tests. */
  readonly platform?: PartialPlatform;
}

/** Something that is followed until `close`, or until its end. */
export interface Subscription {
  /** Nothing is called back any more. Closing again does nothing. */
  close(): void;
}

/** What is loaded when it is first needed. */
type Lazy = typeof import("./lazy.ts");

async function loadLazy(): Promise<Lazy> {
  try {
    return await import("./lazy.ts");
  } catch (cause) {
    throw new RapportError({ code: "NETWORK", detail: "a part of the client could not be loaded", cause });
  }
}

/** The methods of the API, under the names of the declarations. */
export interface Rapport extends Api {}

/** One user's client: HTTP methods, one connection, live topics, sessions of meetings and notes. */
export class Rapport {
  readonly #load: () => Promise<Lazy>;
  readonly #platform: Platform;
  readonly #connection: SocketConnection;
  /** These two are undefined before they were first needed, and loaded. */
  #reader: MeetingReader | undefined;
  #sequence: PresenceSequence | undefined;
  readonly #open = new Set<Subscription>();
  /** Resolves when sessions that were closed no longer write to the storage. */
  #left = Promise.resolve();
  /** How often this was closed. */
  #closings = 0;
  #self: Promise<Pick<User, "userId">> | undefined;
  /** Undefined before it is first needed. */
  #offline: Offline | null | undefined;

  /** Calls nobody before it is asked to. `load` is for tests, which have all of the package already. */
  constructor(options: RapportOptions, load = loadLazy) {
    this.#load = load;
    this.#platform = platform({
      ...options.platform,
      ...(options.fetch && { fetch: options.fetch }),
      ...(options.webSocket && { webSocket: options.webSocket }),
    });
    this.#offline = options.offline;
    if (options.userId !== undefined) this.#self = Promise.resolve({ userId: options.userId });
    Object.assign(this, createApi(new Http(options.baseUrl, options.token, this.#platform), this.#platform.newId));
    this.#connection = new SocketConnection(
      this.#platform,
      (signal) => this.tickets.create({ signal }),
      async () => (await load()).Fallback,
    );
  }

  /** The one connection of all topics and sessions. */
  get connection(): Connection {
    return this.#connection;
  }

  /** Follows the meeting and its participants, without telling anybody. */
  watchMeeting(meetingId: string, handlers: MeetingWatchHandlers): Subscription {
    const topic = meetingTopic(this.#shared, meetingId, {
      onView: (view) => notify(() => handlers.onView(view)),
      onEnd: (reason, error) => {
        this.#open.delete(topic);
        notify(() => handlers.onEnd?.(reason, error));
      },
    });
    const subscription = this.#opened(topic);
    topic.start();
    return subscription;
  }

  /**
   * Follows the meeting, its participants and who is there, and notifies the others
   * about this window once `setPresence` was called. Rejects with RapportError
   * when the caller can't be read, or when the client is closed meanwhile; a
   * meeting that the caller may not see ends the session with `refused`.
   */
  async openMeeting(meetingId: string): Promise<MeetingSession> {
    const closings = this.#closings;
    const [{ userId }, { MeetingSession: Session, PresenceSequence: Sequence }] = await Promise.all([this.#whoami(), this.#load()]);
    if (closings !== this.#closings) throw closedError("the client");
    this.#sequence ??= new Sequence(this.#platform);
    const session = new Session({
      ...this.#shared, sequence: this.#sequence, userId, onClose: (closed) => this.#open.delete(closed),
    }, meetingId);
    this.#open.add(session);
    session.start();
    return session;
  }

  /** Adds to a meeting's transcript, several chunks at a time. Close it to send the rest. */
  openTranscriber(meetingId: string): Transcriber {
    return new Transcriber(this, this.#platform, async () => (await this.#load()).Batcher, meetingId);
  }

  /** Follows a meeting's transcript: every chunk after position `from`, all of them when that is left out. */
  watchTranscript(meetingId: string, handlers: TranscriptWatchHandlers, { from = 0 }: { readonly from?: number } = {}): Subscription {
    const follower = new TranscriptFollower(this.#shared, meetingId, from, {
      onChunk: (chunk) => notify(() => handlers.onChunk(chunk)),
      onGap: (oldest) => notify(() => handlers.onGap?.(oldest)),
      onRestored: () => notify(() => handlers.onRestored?.()),
      onEnd: (reason, error) => {
        this.#open.delete(follower);
        notify(() => handlers.onEnd?.(reason, error));
      },
    });
    return this.#opened(follower);
  }

  /**
   * Loads the notes and follows them. Rejects with RapportError when they can't
   * be read, or when the client is closed meanwhile.
   */
  async openNotes(meetingId: string): Promise<NotesSession> {
    const closings = this.#closings;
    const [{ userId }, { openNotes, offline }] = await Promise.all([this.#whoami(), this.#loadNotes()]);
    const onLeave = (left: Promise<void>) => {
      this.#left = this.#left.then(() => left);
    };
    const session = await openNotes({ ...this.#shared, userId, offline, onLeave }, meetingId);
    if (closings !== this.#closings) {
      session.close();
      throw closedError("the client");
    }
    this.#open.add(session);
    const stop = session.on("state", (state) => {
      if (state !== "closed") return;
      this.#open.delete(session);
      stop();
    });
    return session;
  }

  /**
   * Removes the caller's edits and drafts from this machine: what was not sent
   * is lost. For signing out where others use the machine, after closing the
   * sessions. Rejects with what the storage fails with.
   */
  async forgetKeptEdits(): Promise<void> {
    const [{ userId }, { forgetEdits, offline }] = await Promise.all([this.#whoami(), this.#loadNotes()]);
    await this.#left;
    if (offline !== undefined) await forgetEdits(offline.storage, userId);
  }

  /**
   * Closes every session, topic and the connection. Where others were notified that
   * somebody is here, the socket stays for their being told otherwise: two
   * seconds at most.
   */
  close(): void {
    this.#closings++;
    for (const each of [...this.#open]) each.close();
    this.#open.clear();
    this.#connection.close();
  }

  /** What every topic and session stands on. */
  get #shared() {
    return { api: this, connection: this.#connection, platform: this.#platform, meetings: this.#meetings };
  }

  /** Is closed with the client, unless it was closed before. */
  #opened(topic: Subscription): Subscription {
    this.#open.add(topic);
    return {
      close: () => {
        this.#open.delete(topic);
        topic.close();
      },
    };
  }

  /** What only notes need, and where their edits are kept: one storage for all of them. */
  async #loadNotes() {
    const { openNotes, forgetEdits, browserOffline } = await this.#load();
    if (this.#offline === undefined) this.#offline = browserOffline() ?? null;
    return { openNotes, forgetEdits, offline: this.#offline ?? undefined };
  }

  /** For all who must know of a meeting without a socket. */
  readonly #meetings = async (): Promise<MeetingReader> => {
    if (this.#reader === undefined) {
      const { MeetingReader: Reader } = await this.#load();
      this.#reader ??= new Reader(this);
    }
    return this.#reader;
  };

  /** The caller, asked once. */
  #whoami(): Promise<Pick<User, "userId">> {
    this.#self ??= this.me().catch((error: unknown) => {
      this.#self = undefined;
      throw error;
    });
    return this.#self;
  }
}

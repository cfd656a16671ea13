import type { Api } from "./api.ts";
import type { Connection } from "./connection.ts";
import type { RapportError } from "./errors.ts";
import type { NotesSession } from "./notes.ts";
import type { WebSocketConstructor } from "./socket.ts";
import type { EndReason } from "./subscription.ts";
import type { MeetingView } from "./types.ts";

export interface RapportOptions {
  /** Where the API is, without `/v1`: `http://localhost:3000`, or `""` for the page's own origin. */
  readonly baseUrl: string;
  /** Gives the access token; asked before each call, and again with `refresh` once after a 401. */
  readonly token: (why: { readonly refresh: boolean }) => Promise<string>;
  /** Where the platform has no WebSocket of its own. */
  readonly webSocket?: WebSocketConstructor;
  readonly fetch?: typeof globalThis.fetch;
}

export interface Subscription {
  close(): void;
}

/** One user's client: HTTP methods, one connection, live topics, notes sessions. */
export class Rapport implements Api {
  declare readonly me: Api["me"];
  declare readonly updateMe: Api["updateMe"];
  declare readonly meetings: Api["meetings"];
  declare readonly participants: Api["participants"];
  declare readonly notes: Api["notes"];
  declare readonly tickets: Api["tickets"];
  declare readonly connection: Connection;

  constructor(_options: RapportOptions) {
    throw new Error("not built yet");
  }

  /**
   * Follows the meeting and its participants: `onView` gets the whole now and
   * after each change. `onEnd` is called once when the server ends the topic.
   */
  watchMeeting(
    _meetingId: string,
    _onView: (view: MeetingView) => void,
    _onEnd?: (reason: EndReason, error?: RapportError) => void,
  ): Subscription {
    throw new Error("not built yet");
  }

  /** Loads the notes and follows them. Rejects with RapportError when they can't be read. */
  openNotes(_meetingId: string): Promise<NotesSession> {
    throw new Error("not built yet");
  }

  /** Closes every session, topic and the connection. */
  close(): void {}
}

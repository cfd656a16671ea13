import type { SocketProblem } from "./fallback.ts";

/** caller: by `close`. session_ended: the server ended the session. unauthorized: the token is refused. */
export type ClosedReason = "caller" | "session_ended" | "unauthorized";

/** How it goes without a socket. */
export interface FallbackState {
  /** Whether topics are asked for by HTTP meanwhile, with answers: then all works, but changes come some seconds later. */
  readonly byHttp: boolean;
  /** Why the last attempt to open a socket failed; undefined before one has since the last was open. */
  readonly problem: SocketProblem | undefined;
}

/** Times are milliseconds since the epoch, for people; `attempt` counts failed attempts since the last stable connection. */
export type ConnectionState =
  | { readonly kind: "idle" }
  | ({ readonly kind: "connecting"; readonly attempt: number } & FallbackState)
  | { readonly kind: "open"; readonly since: number }
  | ({ readonly kind: "waiting"; readonly until: number; readonly attempt: number } & FallbackState)
  | { readonly kind: "closed"; readonly reason: ClosedReason };

/** The client's one connection, which opens with its first topic and comes back by itself. */
export interface Connection {
  readonly state: ConnectionState;
  /** Calls `callback` at every change of state (not at once); returns the function that stops it. */
  onState(callback: (state: ConnectionState) => void): () => void;
  /** While `waiting`: milliseconds until the next try, by a clock that nobody sets. Undefined otherwise. */
  readonly retryIn: number | undefined;
  /**
   * Connects now: ends a wait, and starts again after `closed`, where all topics
   * are taken up from where they were. Topics connect by themselves otherwise.
   */
  connect(): void;
  /** Closes the connection until `connect`. */
  close(): void;
}

export type ClosedReason = "caller" | "session_ended" | "unauthorized";
/** Times are milliseconds since the epoch. */
export type ConnectionState =
  | { readonly kind: "idle" }
  | { readonly kind: "connecting"; readonly attempt: number }
  | { readonly kind: "open"; readonly since: number }
  | { readonly kind: "waiting"; readonly until: number; readonly attempt: number }
  | { readonly kind: "closed"; readonly reason: ClosedReason };
export interface Connection {
  readonly state: ConnectionState;
  /** Calls `callback` at every change of state (not at once); returns the function that stops it. */
  onState(callback: (state: ConnectionState) => void): () => void;
  /** Opens the socket now: ends a wait, and starts again after `closed`. Topics open it by themselves. */
  connect(): void;
  /** Closes the socket for good (until `connect`). */
  close(): void;
}

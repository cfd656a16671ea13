/** The part of the standard WebSocket that the client uses. */
export interface WebSocketLike {
  /** 1 while frames can be sent, where the platform says it: a socket that is closing takes frames and drops them. */
  readonly readyState?: number;
  send(data: string): void;
  close(code?: number, reason?: string): void;
  addEventListener(type: string, listener: (event: { data?: unknown }) => void): void;
}

/** The platform's WebSocket, or one with the same behaviour, such as that of the package `ws`. */
export type WebSocketConstructor = new (url: string) => WebSocketLike;

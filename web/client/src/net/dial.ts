import { RapportError } from "../errors.ts";
import type { Platform } from "../runtime/platform.ts";
import type { ServerFrame } from "./frames.ts";
import type { LossCause } from "./reconnect.ts";
import { Socket } from "./socket.ts";

/** Opens one socket. */
export interface SocketTicket {
  readonly url: string;
  /** When it can no longer be used, by the server's clock. */
  readonly expiresAt: string;
}

/** What becomes of an attempt. Either `onOpen` or `onFailed` is called, once, unless the attempt is aborted. */
export interface DialEvents {
  readonly onTicket: (expiresAt: string) => void;
  /** Whether a socket that opens counts as open only when something has come on it. */
  readonly mustProve: () => boolean;
  readonly onOpen: (socket: Socket) => void;
  /** The attempt failed before a ticket came, or with it. */
  readonly onFailed: (error: RapportError, hadTicket: boolean) => void;
  /** These are of a socket whose `onOpen` was called, but a first frame also comes before it where the socket had to prove itself. */
  readonly onFirstFrame: (socket: Socket) => void;
  readonly onHealthy: (socket: Socket) => void;
  readonly onFrame: (socket: Socket, frame: ServerFrame) => void;
  readonly onLost: (socket: Socket, loss: LossCause) => void;
}

const handshakeTimeoutMs = 10_000;

/** Makes one attempt to open a socket: a ticket, then the handshake with it. */
export function dial(platform: Platform, newTicket: (signal: AbortSignal) => Promise<SocketTicket>, signal: AbortSignal, events: DialEvents): void {
  newTicket(signal).then(
    (ticket) => {
      if (signal.aborted) return;
      events.onTicket(ticket.expiresAt);
      handshake(platform, ticket.url, signal, events);
    },
    (error: unknown) => {
      if (!signal.aborted) events.onFailed(error instanceof RapportError ? error : notOpened(error), false);
    },
  );
}

function handshake(platform: Platform, url: string, signal: AbortSignal, events: DialEvents): void {
  const end = () => socket.close();
  const settled = () => {
    cancel();
    signal.removeEventListener("abort", end);
  };
  let socket: Socket;
  let opened = false;
  const open = () => {
    opened = true;
    settled();
    events.onOpen(socket);
  };
  try {
    socket = new Socket(url, platform, {
      onOpen: () => {
        if (events.mustProve()) socket.ping();
        else open();
      },
      onFirstFrame: () => {
        if (!opened) open();
        events.onFirstFrame(socket);
      },
      onHealthy: () => events.onHealthy(socket),
      onFrame: (frame) => events.onFrame(socket, frame),
      onClose: (loss) => {
        settled();
        if (opened) events.onLost(socket, loss);
        else if (!signal.aborted) events.onFailed(notOpened(), true);
      },
    });
  } catch (error) {
    events.onFailed(notOpened(error), true);
    return;
  }
  const cancel = platform.clock.after(handshakeTimeoutMs, end);
  signal.addEventListener("abort", end, { once: true });
}

export function notOpened(cause?: unknown): RapportError {
  return new RapportError({ code: "NETWORK", detail: "the WebSocket did not open", cause });
}

import type { Api } from "./api.ts";
import { backoff } from "./backoff.ts";
import type { SocketConnection } from "./connection.ts";
import { RapportError } from "./errors.ts";
import { asCount } from "./json.ts";
import { parseOps } from "./notesevent.ts";
import type { Change } from "./ot.ts";
import type { Platform } from "./platform.ts";
import { fallbackMs } from "./reconnect.ts";
import type { InFlight } from "./saved.ts";

/** The answer to a change; `ops` is absent where the frame had no room for it. */
export interface Ack {
  readonly version: number;
  readonly ops: Change | undefined;
}

const retryBaseMs = 1_000;
const retryCapMs = 30_000;

/** Brings changes of one session to the server, whatever the network does. */
export class ChangeSender {
  readonly #api: Api;
  readonly #connection: SocketConnection;
  readonly #platform: Platform;
  readonly #meetingId: string;
  readonly #clientId: string;

  constructor(api: Api, connection: SocketConnection, platform: Platform, meetingId: string, clientId: string) {
    this.#api = api;
    this.#connection = connection;
    this.#platform = platform;
    this.#meetingId = meetingId;
    this.#clientId = clientId;
  }

  /**
   * Sends the change as first sent, again and again with the same bytes, until
   * it is answered: by HTTP where there has been no socket for three seconds, or
   * topics are asked for by HTTP already. The answer may come later than frames
   * that followed it: what it says has its place by its version. Rejects with the server's refusal, or the signal's reason.
   */
  async send({ baseVersion, clientSeq, ops, places }: InFlight, signal: AbortSignal): Promise<Ack> {
    const change = { baseVersion, clientId: this.#clientId, clientSeq, ops, ...(places && { places }) };
    const frame = this.#connection.frame("edit", { meetingId: this.#meetingId, ...change });
    for (let attempt = 0; ; attempt++) {
      try {
        if (this.#connection.isOpen || (!this.#connection.byHttp && (await this.#opens(fallbackMs, signal)))) {
          const { fields } = await this.#connection.send(frame, signal);
          return parseAck(fields["version"], fields["ops"]);
        }
        this.#connection.hurry();
        const idempotencyKey = `${this.#clientId}.${clientSeq}`;
        const answer = await this.#api.notes.change(this.#meetingId, change, { signal, idempotencyKey });
        return parseAck(answer.version, answer.ops);
      } catch (error) {
        signal.throwIfAborted();
        if (!(error instanceof RapportError) || !isPassing(error)) throw error;
        if (this.#connection.isOpen) continue;
        await this.#opens(backoff(attempt, retryBaseMs, retryCapMs, this.#platform.random), signal);
      }
    }
  }

  /**
   * Waits for a socket; false when there is none after `ms`. While the
   * connection is closed on purpose, no time ends the wait.
   */
  #opens(ms: number, signal: AbortSignal): Promise<boolean> {
    this.#connection.hurry();
    return new Promise((resolve, reject) => {
      const done = () => {
        cancel();
        stop();
        signal.removeEventListener("abort", aborted);
      };
      const aborted = () => {
        done();
        reject(signal.reason);
      };
      const settle = (open: boolean) => {
        done();
        resolve(open);
      };
      const timeout = () => {
        if (this.#connection.state.kind !== "closed") settle(false);
        else cancel = this.#platform.clock.after(Math.max(ms, fallbackMs), timeout);
      };
      let cancel = this.#platform.clock.after(ms, timeout);
      const stop = this.#connection.onOpen(() => settle(true));
      signal.addEventListener("abort", aborted, { once: true });
    });
  }
}

function parseAck(version: unknown, ops: unknown): Ack {
  const count = asCount(version);
  if (count === undefined) throw new RapportError({ code: "PROTOCOL", detail: "the answer to a change has no version" });
  return { version: count, ops: parseOps(ops) };
}

/** Whether the change may still be accepted later; all else is a refusal. */
export function isPassing(error: RapportError): boolean {
  switch (error.code) {
    case "NETWORK":
    case "TIMEOUT":
    case "DISCONNECTED":
    case "RATE_LIMITED":
    case "INTERNAL":
    case "PROVIDER_ERROR":
    case "UNAUTHORIZED": // The session's matter, not the change's.
      return true;
    case "PROTOCOL":
      // Over HTTP, something in between answered in the server's place.
      return error.status !== 0;
    default:
      return false;
  }
}

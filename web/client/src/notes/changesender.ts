import type { Api } from "../api/api.ts";
import { parseOps } from "../api/changes.ts";
import { closedError, RapportError } from "../errors.ts";
import type { SocketConnection } from "../net/connection.ts";
import { fallbackMs } from "../net/reconnect.ts";
import type { Change } from "../ot/change.ts";
import type { InFlight } from "../ot/pending.ts";
import { backoff } from "../runtime/backoff.ts";
import { asCount } from "../runtime/json.ts";
import type { Platform } from "../runtime/platform.ts";

/** The answer to a change; `ops` is absent where the frame had no room for it. */
export interface Ack {
  readonly version: number;
  readonly ops: Change | undefined;
}

/** An answer by HTTP says for this long that the next call will arrive. */
const reachableMs = 200;
const retryBaseMs = 1_000;
const retryCapMs = 30_000;

/** Brings changes of one session to the server, whatever the network does. */
export class ChangeSender {
  readonly #api: Api;
  readonly #connection: SocketConnection;
  readonly #platform: Platform;
  readonly #meetingId: string;
  readonly #clientId: string;
  /** When HTTP answered last. */
  #reachableAt = -Infinity;
  /** HTTP has answered since there was a socket: the next change does not wait for one. */
  #byHttp = false;

  constructor(api: Api, connection: SocketConnection, platform: Platform, meetingId: string, clientId: string) {
    this.#api = api;
    this.#connection = connection;
    this.#platform = platform;
    this.#meetingId = meetingId;
    this.#clientId = clientId;
  }

  /**
   * Whether a change that is sent now is likely to arrive. Once it was handed to
   * a socket or a request it must be repeated exactly, so none is begun before:
   * what is written until then becomes one change.
   */
  get ready(): boolean {
    return this.#connection.isHealthy || this.#platform.clock.elapsed() - this.#reachableAt < reachableMs;
  }

  /**
   * Waits until a change can be sent: by a socket, or by HTTP where that answers
   * a question that changes nothing. Rejects with the signal's reason.
   */
  async whenReady(version: number, signal: AbortSignal): Promise<void> {
    for (let attempt = 0; ; attempt++) {
      const wait = attempt > 0 ? backoff(attempt, retryBaseMs, retryCapMs, this.#platform.random) : this.#overHttp ? 0 : fallbackMs;
      if (this.ready || (await this.#waitForSocket(wait, signal))) return;
      if (await this.#probe(version, signal)) return;
    }
  }

  /** Whether HTTP, where that was the way to send, still is: the change took long to be stored. */
  async stillReady(version: number, signal: AbortSignal): Promise<boolean> {
    return this.ready || (this.#overHttp && (await this.#probe(version, signal)));
  }

  /** Whether HTTP answers a question that changes nothing, or a socket comes first. */
  async #probe(version: number, signal: AbortSignal): Promise<boolean> {
    const asking = new AbortController();
    const stopAsking = () => asking.abort(closedError("the question"));
    const stop = this.#connection.onOpen(stopAsking);
    signal.addEventListener("abort", stopAsking, { once: true });
    try {
      await this.#api.notes.changes(this.#meetingId, { from: version, limit: 1 }, { signal: asking.signal });
      this.#markReachable();
      return true;
    } catch (error) {
      signal.throwIfAborted();
      if (!(error instanceof RapportError)) throw error;
      if (asking.signal.aborted) return this.#connection.isHealthy;
      // A refusal is an answer: the change will hear the same, or more.
      if (!isTransient(error)) this.#markReachable();
      return !isTransient(error);
    } finally {
      stop();
      signal.removeEventListener("abort", stopAsking);
    }
  }

  /**
   * Sends the change as first sent, again and again with the same bytes, until
   * it is answered: by HTTP where there has been no socket for three seconds, or
   * HTTP has answered since. The answer may come later than frames that followed
   * it: what it says has its place by its version. Rejects with the server's
   * refusal, or the signal's reason. Where this is ready the change is handed
   * over before the call returns. `epoch` is what its base belongs to.
   */
  async send({ baseVersion, clientSeq, ops, places }: InFlight, epoch: string | undefined, signal: AbortSignal): Promise<Ack> {
    const change = { baseVersion, ...(epoch !== undefined && { epoch }), clientId: this.#clientId, clientSeq, ops, ...(places && { places }) };
    const frame = this.#connection.frame("edit", { meetingId: this.#meetingId, ...change });
    for (let attempt = 0; ; attempt++) {
      try {
        if (this.#connection.isHealthy || (!this.ready && (await this.#waitForSocket(this.#overHttp ? 0 : fallbackMs, signal)))) {
          this.#byHttp = false;
          const { fields } = await this.#connection.send(frame, signal);
          return parseAck(fields["version"], fields["ops"]);
        }
        this.#connection.retrySoon();
        const idempotencyKey = `${this.#clientId}.${clientSeq}`;
        const answer = await this.#api.notes.change(this.#meetingId, change, { signal, idempotencyKey });
        this.#markReachable();
        return parseAck(answer.version, answer.ops);
      } catch (error) {
        signal.throwIfAborted();
        if (!(error instanceof RapportError) || !isTransient(error)) throw error;
        if (this.#connection.isHealthy) continue;
        await this.#waitForSocket(backoff(attempt, retryBaseMs, retryCapMs, this.#platform.random), signal);
      }
    }
  }

  /** Whether HTTP is the way to send: it answers here, or topics are asked for by it. */
  get #overHttp(): boolean {
    return this.#byHttp || this.#connection.byHttp;
  }

  #markReachable(): void {
    this.#reachableAt = this.#platform.clock.elapsed();
    this.#byHttp = true;
  }

  /**
   * Waits for a socket; false when there is none after `ms`. While the
   * connection is closed on purpose, no time ends the wait.
   */
  #waitForSocket(ms: number, signal: AbortSignal): Promise<boolean> {
    if (this.#connection.isHealthy) return Promise.resolve(true);
    this.#connection.retrySoon();
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
        if (open) this.#byHttp = false;
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
export function isTransient(error: RapportError): boolean {
  switch (error.code) {
    case "UNAUTHORIZED": // The session's matter, not the change's.
      return true;
    case "PROTOCOL":
      // Over HTTP, something in between answered in the server's place.
      return error.status !== 0;
    default:
      return error.retryable;
  }
}

import type { Api } from "../api/api.ts";
import type { SocketConnection } from "../net/connection.ts";
import type { Platform } from "../runtime/platform.ts";
import type { Presence, PresenceReport } from "./types.ts";

const minGapMs = 1_000;
/** Who is silent for 45 s has left. */
const repeatMs = 20_000;
/** With nothing heard for so long, a repetition asks for an answer, which a dead socket doesn't give. */
const silentMs = 60_000;

/**
 * Numbers presence: of one client's frames the highest counts, also after
 * another session of the same client. So the numbers begin with the time of day,
 * which a program that is started again finds further on, and only grow,
 * wherever that time is set.
 */
export class PresenceSequence {
  readonly #platform: Platform;
  #last = 0;

  constructor(platform: Platform) {
    this.#platform = platform;
  }

  next(): number {
    this.#last = this.#last === 0 ? Math.max(1, Math.floor(this.#platform.clock.now())) : this.#last + 1;
    return this.#last;
  }
}

export interface PresenceDependencies {
  readonly api: Pick<Api, "presence">;
  readonly connection: SocketConnection;
  readonly platform: Platform;
  readonly sequence: PresenceSequence;
}

/**
 * Sends to the others of a meeting that this window is there: the latest state
 * wins, at most one frame a second, the last one always sent, repeated every 20
 * seconds. `seq` goes on over every socket, so that an old frame changes nothing.
 * Without a socket, what is due goes with the rounds that ask by HTTP.
 */
export class PresenceSender {
  readonly #from: PresenceDependencies;
  readonly #meetingId: string;
  #clientId: string;
  #presence: Presence | undefined;
  /** Whether the others were notified of the client under its present name. */
  #announced = false;
  #sentAt = -Infinity;
  #dirty = false;
  #subscribed = false;
  #cancel: (() => void) | undefined;

  constructor(from: PresenceDependencies, meetingId: string, clientId: string) {
    this.#from = from;
    this.#meetingId = meetingId;
    this.#clientId = clientId;
  }

  /** Another name for this window; presence under the name before ends by itself. */
  setClientId(clientId: string): void {
    if (clientId === this.#clientId) return;
    this.#clientId = clientId;
    this.#announced = false;
    if (this.#presence !== undefined) this.sendSoon();
  }

  /** What is sent from now on. With `now` false a change waits for the next repetition. */
  set(presence: Presence, now = true): void {
    if (JSON.stringify(presence) === JSON.stringify(this.#presence)) return;
    this.#presence = presence;
    if (now) this.sendSoon();
  }

  /** Sends the present state, as soon as a frame may be sent. */
  sendSoon(): void {
    this.#dirty = true;
    this.#schedule();
    this.#from.connection.noteActivity();
  }

  /** Whether the topic is subscribed on the present socket; each time that it becomes so, presence is sent. */
  setSubscribed(subscribed: boolean): void {
    this.#subscribed = subscribed;
    if (subscribed) this.sendSoon();
    else this.#stop();
  }

  /** What is to be sent by HTTP now; undefined for nothing. */
  takeDue(): PresenceReport | undefined {
    const silent = this.#from.platform.clock.elapsed() - this.#sentAt;
    return this.#dirty || silent >= repeatMs ? this.#next() : undefined;
  }

  /** What was due did not arrive: it is due again. */
  markUnsent(): void {
    this.#dirty = true;
  }

  /**
   * Sends that this window has left, where they know of it, and
   * nothing after that. Before the topic is left: its unsubscribe then waits for
   * the answer. By HTTP the call outlives the page.
   */
  leave(): void {
    this.setSubscribed(false);
    this.#presence = undefined;
    if (!this.#announced) return;
    this.#announced = false;
    const { api, connection, sequence } = this.#from;
    const report = { clientId: this.#clientId, seq: sequence.next(), status: "gone" as const };
    if (connection.isOpen) connection.sendFinal(`meetings/${this.#meetingId}`, "presence", report);
    // Others who can't be reached find it out by the silence.
    else if (connection.byHttp) api.presence.tell(this.#meetingId, report, { keepalive: true }).catch(() => {});
  }

  #stop(): void {
    this.#cancel?.();
    this.#cancel = undefined;
  }

  #schedule(): void {
    this.#stop();
    if (!this.#subscribed || this.#presence === undefined) return;
    const { clock } = this.#from.platform;
    const left = this.#sentAt + (this.#dirty ? minGapMs : repeatMs) - clock.elapsed();
    if (left > 0) this.#cancel = clock.after(left, () => this.#send());
    else this.#send();
  }

  #send(): void {
    const { connection } = this.#from;
    const fields = { topic: `meetings/${this.#meetingId}`, ...this.#next() };
    if (connection.silentFor < silentMs) connection.post("presence", fields);
    else {
      connection.send(connection.frame("presence", fields)).catch(() => {
        // Lost with its socket, or refused: the next one sends everything again.
      });
    }
    this.#schedule();
  }

  #next(): PresenceReport | undefined {
    if (this.#presence === undefined) return undefined;
    this.#announced = true;
    this.#sentAt = this.#from.platform.clock.elapsed();
    this.#dirty = false;
    return { clientId: this.#clientId, seq: this.#from.sequence.next(), ...this.#presence };
  }
}

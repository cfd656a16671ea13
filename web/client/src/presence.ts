import type { SocketConnection } from "./connection.ts";
import type { Presence } from "./meetingapi.ts";
import type { Platform } from "./platform.ts";

const minGapMs = 1_000;
/** Who is silent for 45 s has left. */
const repeatMs = 20_000;
/** With nothing heard for so long, a repetition asks for an answer, which a dead socket doesn't give. */
const quietMs = 60_000;

/**
 * Tells the others of a meeting that this window is there: the latest state
 * wins, at most one frame a second, the last one always sent, repeated every 20
 * seconds. `seq` goes on over every socket, so that an old frame changes nothing.
 */
export class PresenceSender {
  readonly #connection: SocketConnection;
  readonly #platform: Platform;
  readonly #topic: string;
  #clientId: string;
  #seq = 0;
  #presence: Presence | undefined;
  #sentAt = -Infinity;
  #dirty = false;
  #subscribed = false;
  #cancel: (() => void) | undefined;

  constructor(connection: SocketConnection, platform: Platform, topic: string, clientId: string) {
    this.#connection = connection;
    this.#platform = platform;
    this.#topic = topic;
    this.#clientId = clientId;
  }

  /** Another name for this window; what was told under the one before ends by itself. */
  identify(clientId: string): void {
    if (clientId === this.#clientId) return;
    this.#clientId = clientId;
    if (this.#presence !== undefined) this.hurry();
  }

  /** What is told from now on. With `now` false a change waits for the next repetition. */
  set(presence: Presence, now = true): void {
    if (JSON.stringify(presence) === JSON.stringify(this.#presence)) return;
    this.#presence = presence;
    if (now) this.hurry();
  }

  /** Tells what there is, as soon as a frame may be sent. */
  hurry(): void {
    this.#dirty = true;
    this.#schedule();
  }

  /** Whether the topic is subscribed on the present socket; each time that it becomes so, presence is told. */
  subscribed(subscribed: boolean): void {
    this.#subscribed = subscribed;
    if (subscribed) this.hurry();
    else this.stop();
  }

  stop(): void {
    this.#cancel?.();
    this.#cancel = undefined;
  }

  #schedule(): void {
    this.stop();
    if (!this.#subscribed || this.#presence === undefined) return;
    const now = this.#platform.clock.now();
    const at = this.#sentAt + (this.#dirty ? minGapMs : repeatMs);
    if (at > now) this.#cancel = this.#platform.clock.after(at - now, () => this.#send());
    else this.#send();
  }

  #send(): void {
    const fields = { topic: this.#topic, clientId: this.#clientId, seq: ++this.#seq, ...this.#presence };
    if (this.#connection.quietFor < quietMs) this.#connection.post("presence", fields);
    else {
      this.#connection.send(this.#connection.frame("presence", fields)).catch(() => {
        // Lost with its socket, or refused: the next one tells it all again.
      });
    }
    this.#sentAt = this.#platform.clock.now();
    this.#dirty = false;
    this.#schedule();
  }
}

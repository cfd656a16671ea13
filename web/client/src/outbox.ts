import { closedError, RapportError } from "./errors.ts";
import type { Draft } from "./draft.ts";
import { Pacer } from "./pacer.ts";
import type { Clock } from "./platform.ts";
import type { InFlight } from "./saved.ts";
import type { Ack, ChangeSender } from "./sender.ts";

/** While somebody types fast, a change goes every 250 ms, or with 10 edits. */
const windowMs = 250;
const maxEdits = 10;

export interface OutboxEvents {
  /**
   * The change in flight is to be stored before it is sent, so that whoever
   * takes up these edits after a crash knows of it. Undefined: nothing to wait for.
   */
  readonly keep: () => Promise<void> | undefined;
  readonly onAck: (ack: Ack, flight: InFlight) => void;
  /** The server refused the change in flight. */
  readonly onRefused: (error: RapportError, flight: InFlight) => void;
}

/** Sends what a draft holds: one change at a time, at the pace of `Pacer`. */
export class Outbox {
  readonly #draft: Draft;
  readonly #sender: ChangeSender;
  readonly #events: OutboxEvents;
  readonly #pacer: Pacer;
  /** Set while the change in flight is being sent, until its event has come. */
  #sending: AbortController | undefined;
  /** Whether changes may be begun; the one in flight is sent in any case. */
  #open = false;

  constructor(draft: Draft, sender: ChangeSender, clock: Clock, events: OutboxEvents) {
    this.#draft = draft;
    this.#sender = sender;
    this.#events = events;
    this.#pacer = new Pacer(clock, windowMs, maxEdits, () => this.flush(this.#open));
  }

  /**
   * Sends what is to be sent now. With `mayBegin` false, only what is in flight
   * already. Says whether it began to send something, which it then keeps, too.
   */
  flush(mayBegin: boolean): boolean {
    this.#open = mayBegin;
    if (this.#sending !== undefined) return false;
    const flight = this.#draft.inFlight ?? this.#next();
    if (flight === undefined) return false;
    const sending = new AbortController();
    this.#sending = sending;
    this.#send(flight, sending.signal).then(
      (ack) => {
        if (this.#sending === sending) this.#events.onAck(ack, flight);
      },
      (error: unknown) => {
        if (this.#sending !== sending) return;
        if (!(error instanceof RapportError)) throw error;
        this.#events.onRefused(error, flight);
      },
    );
    return true;
  }

  async #send(flight: InFlight, signal: AbortSignal): Promise<Ack> {
    const kept = this.#events.keep();
    if (kept !== undefined) await kept;
    signal.throwIfAborted();
    return await this.#sender.send(flight, signal);
  }

  /** As flush, without a wait for more edits. */
  rush(): void {
    this.#pacer.rush();
    this.flush(this.#open);
  }

  /** What became of the change in flight is known: its answer says nothing new. */
  settle(): void {
    this.#sending?.abort(closedError("the change in flight"));
    this.#sending = undefined;
  }

  /** Sends nothing more until the next flush. */
  stop(): void {
    this.settle();
    this.#pacer.stop();
    this.#open = false;
  }

  #next(): InFlight | undefined {
    const { waiting, cut } = this.#draft;
    if (!this.#open || waiting === 0) return undefined;
    if (!cut && !this.#pacer.due(waiting)) return undefined;
    const flight = this.#draft.send();
    if (flight !== undefined) this.#pacer.sent();
    return flight;
  }
}

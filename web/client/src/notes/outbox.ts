import { closedError, RapportError } from "../errors.ts";
import type { Draft } from "../ot/draft.ts";
import { Pacer } from "../runtime/pacer.ts";
import type { Clock } from "../runtime/platform.ts";
import type { InFlight } from "../ot/pending.ts";
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

/**
 * Sends what a draft holds: one change at a time, at the pace of `Pacer`. A
 * change is begun when it can be handed over; should that no longer be so once
 * it is kept, it is taken back, and what is written meanwhile becomes part of it.
 */
export class Outbox {
  readonly #draft: Draft;
  readonly #sender: ChangeSender;
  readonly #events: OutboxEvents;
  readonly #pacer: Pacer;
  /** Set while the change in flight is being sent, until its event has come. */
  #sending: AbortController | undefined;
  /** Whether the change in flight may have left: one of an earlier window may. */
  #handed = true;
  /** Set while the first route to the server is waited for. */
  #waiting: AbortController | undefined;
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
        if (this.#sending !== sending) return;
        if (ack === undefined) this.#recall();
        else this.#events.onAck(ack, flight);
      },
      (error: unknown) => {
        if (this.#sending !== sending) return;
        if (!(error instanceof RapportError)) throw error;
        this.#events.onRefused(error, flight);
      },
    );
    return true;
  }

  /** Undefined where it could not be handed over. */
  async #send(flight: InFlight, signal: AbortSignal): Promise<Ack | undefined> {
    const kept = this.#events.keep();
    if (kept !== undefined) await kept;
    if (!this.#handed && !this.#sender.ready && !(await this.#sender.stillReady(flight.baseVersion, signal))) return undefined;
    signal.throwIfAborted();
    this.#handed = true;
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

  /** Sends nothing more until the next flush. What was not handed over is in the draft's buffer again. */
  stop(): void {
    this.#waiting?.abort(closedError("the outbox"));
    this.settle();
    this.#pacer.stop();
    this.#open = false;
    if (!this.#handed) this.#draft.recall();
    this.#handed = true;
  }

  /** The change in flight did not leave: it waits for a route to the server, with what comes meanwhile. */
  #recall(): void {
    const open = this.#open;
    this.settle();
    this.#draft.recall();
    this.#handed = true;
    if (!this.flush(open)) this.#events.keep();
  }

  #next(): InFlight | undefined {
    const { waiting, cut } = this.#draft;
    if (!this.#open || waiting === 0) return undefined;
    if (!this.#sender.ready) {
      this.#awaitRoute();
      return undefined;
    }
    if (!cut && !this.#pacer.due(waiting)) return undefined;
    const flight = this.#draft.begin();
    if (flight === undefined) return undefined;
    this.#handed = false;
    this.#pacer.sent();
    return flight;
  }

  #awaitRoute(): void {
    if (this.#waiting !== undefined) return;
    const waiting = new AbortController();
    this.#waiting = waiting;
    const done = () => {
      if (this.#waiting === waiting) this.#waiting = undefined;
    };
    this.#sender.whenReady(this.#draft.version, waiting.signal).then(
      () => {
        done();
        if (waiting.signal.aborted) return;
        // What waited until now is no stretch of typing.
        this.#pacer.rush();
        this.flush(this.#open);
      },
      (error: unknown) => {
        done();
        if (!waiting.signal.aborted) throw error;
      },
    );
  }
}

import { closedError, RapportError } from "../errors.ts";
import type { InFlight } from "../ot/pending.ts";
import type { Replica } from "../ot/replica.ts";
import type { Clock } from "../runtime/platform.ts";
import { Throttle } from "../runtime/throttle.ts";
import type { Ack, ChangeSender } from "./changesender.ts";

/** While somebody types fast, a change goes every 250 ms, or with 10 edits. */
const windowMs = 250;
const maxEdits = 10;

export interface OutboxEvents {
  /**
   * The change in flight is to be stored before it is sent, so that whoever
   * takes up these edits after a crash knows of it. Undefined: nothing to wait for.
   */
  readonly persist: () => Promise<void> | undefined;
  readonly onAck: (ack: Ack, flight: InFlight) => void;
  /** The server refused the change in flight. */
  readonly onRefused: (error: RapportError, flight: InFlight) => void;
}

/**
 * Sends what a replica holds: one change at a time, at the pace of `Throttle`. A
 * change is begun when it can be handed over; should that no longer be so once
 * it is kept, it is taken back, and what is written meanwhile becomes part of it.
 */
export class Outbox {
  readonly #replica: Replica;
  readonly #sender: ChangeSender;
  readonly #events: OutboxEvents;
  readonly #throttle: Throttle;
  /** Set while the change in flight is being sent, until its event has come. */
  #sending: AbortController | undefined;
  /** Whether the change in flight may have left: one of an earlier window may. */
  #mayHaveLeft = true;
  /** Set while the first route to the server is waited for. */
  #waiting: AbortController | undefined;
  /** Whether changes may be begun; the one in flight is sent in any case. */
  #mayBegin = false;

  constructor(replica: Replica, sender: ChangeSender, clock: Clock, events: OutboxEvents) {
    this.#replica = replica;
    this.#sender = sender;
    this.#events = events;
    this.#throttle = new Throttle(clock, windowMs, maxEdits, () => this.pump(this.#mayBegin));
  }

  /**
   * Sends what is to be sent now. With `mayBegin` false, only what is in flight
   * already. Says whether it began to send something, which it then keeps, too.
   */
  pump(mayBegin: boolean): boolean {
    this.#mayBegin = mayBegin;
    if (this.#sending !== undefined) return false;
    const flight = this.#replica.inFlight ?? this.#next();
    if (flight === undefined) return false;
    const sending = new AbortController();
    this.#sending = sending;
    this.#send(flight, sending.signal).then(
      (ack) => {
        if (this.#sending !== sending) return;
        if (ack === undefined) this.#withdraw();
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
    const kept = this.#events.persist();
    if (kept !== undefined) await kept;
    if (!this.#mayHaveLeft && !this.#sender.ready && !(await this.#sender.stillReady(flight.baseVersion, signal))) return undefined;
    signal.throwIfAborted();
    this.#mayHaveLeft = true;
    return await this.#sender.send(flight, this.#replica.epoch, signal);
  }

  /** As pump, without a wait for more edits. */
  flush(): void {
    this.#throttle.bypass();
    this.pump(this.#mayBegin);
  }

  /** What became of the change in flight is known: its answer says nothing new. */
  settle(): void {
    this.#sending?.abort(closedError("the change in flight"));
    this.#sending = undefined;
  }

  /** Sends nothing more until the next pump. What was not handed over is in the replica's buffer again. */
  stop(): void {
    this.#waiting?.abort(closedError("the outbox"));
    this.settle();
    this.#throttle.stop();
    this.#mayBegin = false;
    if (!this.#mayHaveLeft) this.#replica.withdraw();
    this.#mayHaveLeft = true;
  }

  /** The change in flight did not leave: it waits for a route to the server, with what comes meanwhile. */
  #withdraw(): void {
    const mayBegin = this.#mayBegin;
    this.settle();
    this.#replica.withdraw();
    this.#mayHaveLeft = true;
    if (!this.pump(mayBegin)) this.#events.persist();
  }

  #next(): InFlight | undefined {
    const { waiting, split } = this.#replica;
    if (!this.#mayBegin || waiting === 0) return undefined;
    if (!this.#sender.ready) {
      this.#waitUntilReady();
      return undefined;
    }
    if (!split && !this.#throttle.allows(waiting)) return undefined;
    const flight = this.#replica.begin();
    if (flight === undefined) return undefined;
    this.#mayHaveLeft = false;
    this.#throttle.record();
    return flight;
  }

  #waitUntilReady(): void {
    if (this.#waiting !== undefined) return;
    const waiting = new AbortController();
    this.#waiting = waiting;
    const done = () => {
      if (this.#waiting === waiting) this.#waiting = undefined;
    };
    this.#sender.whenReady(this.#replica.version, waiting.signal).then(
      () => {
        done();
        if (waiting.signal.aborted) return;
        // What waited until now is no stretch of typing.
        this.#throttle.bypass();
        this.pump(this.#mayBegin);
      },
      (error: unknown) => {
        done();
        if (!waiting.signal.aborted) throw error;
      },
    );
  }
}

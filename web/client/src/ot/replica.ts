import { RapportError } from "../errors.ts";
import type { Change } from "./change.ts";
import { countCodePoints } from "./codepoints.ts";
import { maxDocumentCodePoints, splitChange } from "./limits.ts";
import { apply, compose, diff, growth, transform, validate } from "./operations.ts";
import { begun, edited, nothingPending, othersCommitted, ownCommitted, withdrawn, withBuffer } from "./pending.ts";
import type { InFlight, PendingEdits, Step } from "./pending.ts";

/** Everything that a replica must know to go on where it was. */
export interface ReplicaState extends PendingEdits {
  /** The confirmed text at `version`. */
  readonly confirmed: string;
  /** What `version` belongs to; undefined where no server has said it. */
  readonly epoch: string | undefined;
}

/** What became of the change in flight while the history was not followed. */
export type FlightOutcome =
  | { readonly kind: "committed" }
  /** Not committed yet: so it stands on the new text. */
  | { readonly kind: "open"; readonly change: Change }
  /** It can't be committed any more: its edits are sent anew. */
  | { readonly kind: "lost" };

/**
 * The text of one editor and what of it the server knows. No I/O.
 *
 * `text` is always the confirmed text with the change in flight and then the
 * buffer applied. At most one change is in flight; all later edits are composed
 * into the buffer.
 */
export class Replica {
  #confirmed: string;
  #epoch: string | undefined;
  #pending: PendingEdits;
  #text: string;
  #length: number;
  #split = false;
  #onStep: (step: Step | undefined) => void = () => {};

  constructor(version: number, text: string, epoch?: string) {
    this.#pending = nothingPending(version);
    this.#epoch = epoch;
    this.#confirmed = text;
    this.#text = text;
    this.#length = countCodePoints(text);
  }

  /** The replica that `save` was called on. */
  static restore({ confirmed, epoch, ...pending }: ReplicaState): Replica {
    const replica = new Replica(pending.version, confirmed, epoch);
    replica.#pending = pending;
    replica.#setText(apply(replica.#afterFlight, pending.buffer));
    return replica;
  }

  /** All that is needed to go on from here later. */
  save(): ReplicaState {
    return { confirmed: this.#confirmed, epoch: this.#epoch, ...this.#pending };
  }

  /**
   * From now on each step is told, after it was done; undefined for what no
   * step can say: only the whole, saved anew, then does.
   */
  observe(onStep: (step: Step | undefined) => void): void {
    this.#onStep = onStep;
  }

  get version(): number {
    return this.#pending.version;
  }

  /** What the version belongs to; undefined where no server has said it. */
  get epoch(): string | undefined {
    return this.#epoch;
  }

  /** The server has said what the version belongs to. */
  setEpoch(epoch: string): void {
    this.#epoch = epoch;
    this.#onStep(undefined);
  }

  get confirmed(): string {
    return this.#confirmed;
  }

  get text(): string {
    return this.#text;
  }

  get inFlight(): InFlight | undefined {
    return this.#pending.inFlight;
  }

  get pending(): boolean {
    return this.inFlight !== undefined || this.#pending.buffer.length > 0;
  }

  /** Everything that is not confirmed, as one change on the confirmed text. */
  get unconfirmed(): Change {
    return compose(this.inFlight?.change ?? [], this.#pending.buffer);
  }

  /** How many local edits are not confirmed. */
  get edits(): number {
    return (this.inFlight?.edits ?? 0) + this.waiting;
  }

  /** How many of them were not sent yet. */
  get waiting(): number {
    return this.#pending.waiting;
  }

  /** Whether the buffer is what one change had no room for. */
  get split(): boolean {
    return this.#split;
  }

  /** Applies a local change. Throws and changes nothing when it does not fit or makes the document too long. */
  edit(change: Change): void {
    validate(change, this.#length);
    const length = this.#length + growth(change);
    if (length > maxDocumentCodePoints && length > this.#length) {
      throw new RapportError({
        code: "PAYLOAD_TOO_LARGE",
        detail: `the notes can hold ${maxDocumentCodePoints} characters, and with this they would have ${length}: `
          + `take out ${length - maxDocumentCodePoints}, or insert that much less`,
      });
    }
    this.#text = apply(this.#text, change);
    this.#length = length;
    this.#transition(edited(this.#pending, change), { kind: "edit", change });
  }

  /** Puts what is next of the buffer in flight. Undefined when something is in flight or nothing is left. */
  begin(): InFlight | undefined {
    if (this.inFlight !== undefined || this.#pending.buffer.length === 0) return undefined;
    const { first, rest } = splitChange(this.#pending.buffer);
    this.#split = rest.length > 0;
    // What is restored from steps is the same also where a later version of this package would cut elsewhere.
    this.#transition(begun(this.#pending, first, rest), this.#split ? undefined : { kind: "begin" });
    return this.inFlight;
  }

  /** Takes the change in flight back, which was never handed over: later edits are composed into it again. */
  withdraw(): void {
    if (this.inFlight === undefined) return;
    this.#split = false;
    this.#transition(withdrawn(this.#pending), { kind: "recall" });
  }

  /**
   * The change in flight was committed as `ops`, as the version after the
   * confirmed one. False when the server's form of it does something else than
   * ours: then the texts differ, and only a rebase mends that.
   */
  commitOwn(ops: Change): boolean {
    const confirmed = apply(this.#confirmed, ops);
    const ours = this.inFlight?.change ?? [];
    const same = sameOps(ours, ops) || apply(this.#confirmed, ours) === confirmed;
    this.#confirmed = confirmed;
    this.#transition(ownCommitted(this.#pending), same ? { kind: "own", ops } : undefined);
    return same;
  }

  /** Another's change is the version after the confirmed one. Returns it as it stands on the local text. */
  commitRemote(ops: Change): Change {
    const confirmed = apply(this.#confirmed, ops);
    const { pending, local } = othersCommitted(this.#pending, ops);
    const text = apply(this.#text, local);
    this.#confirmed = confirmed;
    this.#setText(text);
    this.#transition(pending, { kind: "others", ops });
    return local;
  }

  /** Drops everything that is not confirmed; returns it as one change on the confirmed text. */
  rollBack(): Change {
    const lost = this.unconfirmed;
    this.#setText(this.#confirmed);
    this.#transition(withBuffer({ ...this.#pending, inFlight: undefined }, [], 0), undefined);
    return lost;
  }

  /** As rollBack, where the change in flight was committed after all: returns what is left, and its base. */
  detach(flightCommitted: boolean): { readonly base: string; readonly change: Change } {
    const base = flightCommitted ? this.#afterFlight : this.#confirmed;
    const change = flightCommitted ? this.#pending.buffer : this.unconfirmed;
    this.rollBack();
    return { base, change };
  }

  /**
   * Puts another confirmed text in place of the present one and keeps the local
   * edits: what lies between the two texts counts as a change by others. `epoch`
   * is what the version belongs to.
   */
  rebase(version: number, confirmed: string, outcome: FlightOutcome, epoch = this.#epoch): void {
    const flight = this.inFlight;
    let before = this.#confirmed;
    let after = confirmed;
    let { buffer, waiting } = this.#pending;
    let inFlight: InFlight | undefined;
    if (flight !== undefined && outcome.kind === "lost") {
      buffer = compose(flight.change, buffer);
      waiting += flight.edits;
    } else if (flight !== undefined) {
      before = apply(before, flight.change);
      if (outcome.kind === "open") {
        after = apply(after, outcome.change);
        inFlight = { ...flight, change: outcome.change };
      }
    }
    this.#confirmed = confirmed;
    this.#epoch = epoch;
    buffer = transform(diff(before, after), buffer);
    this.#setText(apply(after, buffer));
    this.#transition(withBuffer({ ...this.#pending, version, inFlight, places: [] }, buffer, waiting), undefined);
  }

  get #afterFlight(): string {
    return this.inFlight === undefined ? this.#confirmed : apply(this.#confirmed, this.inFlight.change);
  }

  #transition(pending: PendingEdits, step: Step | undefined): void {
    this.#pending = pending;
    if (pending.buffer.length === 0) this.#split = false;
    this.#onStep(step);
  }

  #setText(text: string): void {
    this.#text = text;
    this.#length = countCodePoints(text);
  }
}

function sameOps(a: Change, b: Change): boolean {
  return a.length === b.length && JSON.stringify(a) === JSON.stringify(b);
}

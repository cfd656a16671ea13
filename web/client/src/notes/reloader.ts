import { RapportError } from "../errors.ts";
import type { Change } from "../ot/change.ts";
import { apply, compose, diff } from "../ot/operations.ts";
import type { Replica } from "../ot/replica.ts";
import type { Commit } from "../ot/tombstones.ts";
import { backoff, sleep } from "../runtime/backoff.ts";
import { isTransient } from "./changesender.ts";
import { resolveInFlight } from "./recovery.ts";
import type { ClientIdentity } from "./recovery.ts";
import type { NotesDependencies } from "./types.ts";

const pauseBaseMs = 1_000;
const pauseCapMs = 60_000;

/** What was there before the server's text came. */
export interface ReloadResult {
  readonly version: number;
  /** The local text. */
  readonly text: string;
  /** Whether that version is of another epoch than the server's: an earlier state was restored. */
  readonly restored: boolean;
  /** Pending edits that were taken out, and the text that they stand on. */
  readonly detached: { readonly base: string; readonly change: Change } | undefined;
  /** What has made the server's text of the confirmed one; undefined where that is not all that lies between the local texts. */
  readonly commit: Commit | undefined;
}

/** Takes the server's text in place of a replica's, as often as it takes. */
export class Reloader {
  readonly #from: NotesDependencies;
  readonly #meetingId: string;
  readonly #replica: Replica;
  readonly #client: ClientIdentity;
  /** Reloads in a row without a text that was found right since. */
  #reloads = 0;

  constructor(from: NotesDependencies, meetingId: string, replica: Replica, client: ClientIdentity) {
    this.#from = from;
    this.#meetingId = meetingId;
    this.#replica = replica;
    this.#client = client;
  }

  /** The text was compared with the server's and is right. */
  found(): void {
    this.#reloads = 0;
  }

  /**
   * Reads the text, and what became of the change in flight, until both are
   * known; then puts the pending edits on top, or takes them out: with `gone`,
   * and where an earlier state was restored, for nothing says what became of theirs.
   * Rejects with the refusal of a server that does not let the caller read, or
   * the signal's reason.
   */
  async reload(signal: AbortSignal, gone: boolean): Promise<ReloadResult> {
    const { api, platform } = this.#from;
    const replica = this.#replica;
    for (;;) {
      try {
        const pause = this.#reloads++ === 0 ? 0 : backoff(this.#reloads, pauseBaseMs, pauseCapMs, platform.random);
        await sleep(platform.clock, pause, signal);
        const notes = await api.notes.get(this.#meetingId, { signal });
        const flight = replica.inFlight;
        const restored = replica.epoch !== undefined && notes.epoch !== undefined && notes.epoch !== replica.epoch;
        const { outcome, history } = flight === undefined
          ? ({ outcome: { kind: "committed" }, history: [] } as const)
          : await resolveInFlight(api, this.#meetingId, flight, this.#client, notes.version, restored, signal);
        signal.throwIfAborted();
        const { text, version, confirmed, unconfirmed } = replica;
        // What is known to stand on the new text needs nobody's review.
        const detached = (gone || restored) && replica.pending && outcome.kind !== "open" ? replica.detach(outcome.kind === "committed") : undefined;
        replica.rebase(notes.version, notes.content, outcome, notes.epoch);
        const moved = restored || detached !== undefined || (flight !== undefined && outcome.kind === "committed");
        const known = history.filter((event) => event.version > version).reduce<Change>((all, { ops }) => compose(all, ops), []);
        const ops = makes(confirmed, known, notes.content) ? known : diff(confirmed, notes.content);
        return { text, version, restored, detached, commit: moved ? undefined : { version: 0, ops, places: [], unconfirmed } };
      } catch (error) {
        signal.throwIfAborted();
        if (!(error instanceof RapportError)) throw error;
        if (!isTransient(error) && error.code !== "HISTORY_GONE") throw error;
      }
    }
  }
}

/** Whether the change makes the one text of the other; where the texts had come apart, it may not even fit. */
function makes(before: string, change: Change, after: string): boolean {
  try {
    return apply(before, change) === after;
  } catch (error) {
    if (!(error instanceof RapportError)) throw error;
    return false;
  }
}

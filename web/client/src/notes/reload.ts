import { backoff, sleep } from "../runtime/backoff.ts";
import type { Draft } from "../ot/draft.ts";
import { RapportError } from "../errors.ts";
import type { NotesDependencies } from "./notesapi.ts";
import { apply, compose, diff } from "../ot/ot.ts";
import type { Change } from "../ot/ot.ts";
import { fateOf } from "./recovery.ts";
import type { Sender } from "./recovery.ts";
import { isPassing } from "./sender.ts";
import type { Commit } from "../ot/tombstones.ts";

const pauseBaseMs = 1_000;
const pauseCapMs = 60_000;

/** What was there before the server's text came. */
export interface Before {
  readonly version: number;
  /** The local text. */
  readonly text: string;
  /** Pending edits that were taken out, and the text that they stand on. */
  readonly aside: { readonly base: string; readonly change: Change } | undefined;
  /** What has made the server's text of the confirmed one; undefined where that is not all that lies between the local texts. */
  readonly commit: Commit | undefined;
}

/** Takes the server's text in place of a draft's, as often as it takes. */
export class Reloader {
  readonly #from: NotesDependencies;
  readonly #meetingId: string;
  readonly #draft: Draft;
  readonly #sender: Sender;
  /** Reloads in a row without a text that was found right since. */
  #reloads = 0;

  constructor(from: NotesDependencies, meetingId: string, draft: Draft, sender: Sender) {
    this.#from = from;
    this.#meetingId = meetingId;
    this.#draft = draft;
    this.#sender = sender;
  }

  /** The text was compared with the server's and is right. */
  found(): void {
    this.#reloads = 0;
  }

  /**
   * Reads the text, and what became of the change in flight, until both are
   * known; then puts the pending edits on top, or with `gone` takes them out.
   * Rejects with the refusal of a server that does not let the caller read, or
   * the signal's reason.
   */
  async reload(signal: AbortSignal, gone: boolean): Promise<Before> {
    const { api, platform } = this.#from;
    const draft = this.#draft;
    for (;;) {
      try {
        const pause = this.#reloads++ === 0 ? 0 : backoff(this.#reloads, pauseBaseMs, pauseCapMs, platform.random);
        await sleep(platform.clock, pause, signal);
        const notes = await api.notes.get(this.#meetingId, { signal });
        const flight = draft.inFlight;
        const { fate, history } = flight === undefined
          ? ({ fate: { kind: "committed" }, history: [] } as const)
          : await fateOf(api, this.#meetingId, flight, this.#sender, notes.version, signal);
        signal.throwIfAborted();
        const { text, version, confirmed, unconfirmed } = draft;
        // What is known to stand on the new text needs nobody's review.
        const aside = gone && draft.pending && fate.kind !== "open" ? draft.setAside(fate.kind === "committed") : undefined;
        draft.rebase(notes.version, notes.content, fate);
        const moved = aside !== undefined || (flight !== undefined && fate.kind === "committed");
        const known = history.filter((event) => event.version > version).reduce<Change>((all, { ops }) => compose(all, ops), []);
        const ops = makes(confirmed, known, notes.content) ? known : diff(confirmed, notes.content);
        return { text, version, aside, commit: moved ? undefined : { version: 0, ops, places: [], unconfirmed } };
      } catch (error) {
        signal.throwIfAborted();
        if (!(error instanceof RapportError)) throw error;
        if (!isPassing(error) && error.code !== "HISTORY_GONE") throw error;
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

import { backoff, sleep } from "./backoff.ts";
import type { Draft } from "./draft.ts";
import { RapportError } from "./errors.ts";
import type { NotesDependencies } from "./notesapi.ts";
import { fateOf } from "./recovery.ts";
import type { Sender } from "./recovery.ts";
import { isPassing } from "./sender.ts";

const pauseBaseMs = 1_000;
const pauseCapMs = 60_000;

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
   * known; then puts the pending edits on top. Resolves with
   * the local text that was there before. Rejects with the refusal of a
   * server that does not let the caller read, or the signal's reason.
   */
  async reload(signal: AbortSignal): Promise<string> {
    const { api, platform } = this.#from;
    for (;;) {
      try {
        const pause = this.#reloads++ === 0 ? 0 : backoff(this.#reloads, pauseBaseMs, pauseCapMs, platform.random);
        await sleep(platform.clock, pause, signal);
        const notes = await api.notes.get(this.#meetingId, { signal });
        const flight = this.#draft.inFlight;
        const fate = flight === undefined
          ? ({ kind: "committed" } as const)
          : await fateOf(api, this.#meetingId, flight, this.#sender, notes.version, signal);
        signal.throwIfAborted();
        const before = this.#draft.text;
        this.#draft.rebase(notes.version, notes.content, fate);
        return before;
      } catch (error) {
        signal.throwIfAborted();
        if (!(error instanceof RapportError)) throw error;
        if (!isPassing(error) && error.code !== "HISTORY_GONE") throw error;
      }
    }
  }
}

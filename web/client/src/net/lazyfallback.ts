import type { RapportError } from "../errors.ts";
import type { Platform } from "../runtime/platform.ts";
import type { Fallback, FallbackEvents, SocketProblem } from "./fallback.ts";
import type { Pollable } from "./poller.ts";

/** A Fallback whose code is loaded when an attempt first fails: most pages never need it. */
export class LazyFallback {
  readonly #load: () => Promise<typeof Fallback>;
  readonly #make: (Loaded: typeof Fallback) => Fallback;
  readonly #onChange: () => void;
  /** Undefined before an attempt has failed, and it was loaded. */
  #fallback: Fallback | undefined;
  /** The last attempt that failed, while nothing better has come. */
  #lastFailure: { readonly error: RapportError; readonly hadTicket: boolean } | undefined;

  /** `load` is called when it is first needed, and again with the next failure where it rejects. */
  constructor(platform: Platform, load: () => Promise<typeof Fallback>, pollables: () => readonly Pollable[], events: FallbackEvents) {
    this.#load = load;
    this.#make = (Loaded) => new Loaded(platform, pollables, events);
    this.#onChange = events.onChange;
  }

  /** Whether topics are asked for by HTTP, with answers. */
  get byHttp(): boolean {
    return this.#fallback?.byHttp === true;
  }

  /** Why the last attempt failed; undefined before one has. */
  get problem(): SocketProblem | undefined {
    return this.#fallback?.problem;
  }

  /** An attempt has failed, or takes too long: before a ticket came, or with it. */
  start(error: RapportError, hadTicket: boolean): void {
    this.#lastFailure = { error, hadTicket };
    if (this.#fallback !== undefined) this.#fallback.failed(error, hadTicket);
    // Without a network it can't be loaded: the next failure tries again.
    else this.#load().then((Loaded) => this.#loaded(Loaded), () => {});
  }

  #loaded(Loaded: typeof Fallback): void {
    this.#fallback ??= this.#make(Loaded);
    if (this.#lastFailure === undefined) return;
    this.#fallback.failed(this.#lastFailure.error, this.#lastFailure.hadTicket);
    this.#onChange();
  }

  /** A socket works. */
  stop(): void {
    this.#lastFailure = undefined;
    this.#fallback?.stop();
  }

  noteActivity(): void {
    this.#fallback?.noteActivity();
  }

  pollNow(): void {
    this.#fallback?.pollNow();
  }
}

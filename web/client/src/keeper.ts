import type { Platform } from "./platform.ts";
import type { EditStorage } from "./storage.ts";

/** kept: pending edits outlive the tab. tab: they are kept only while the tab is open. */
export type StorageState = "kept" | "tab";

/** How long what is no longer needed may stay: so a stretch of typing isn't stored and removed with each key. */
const tidyMs = 1_000;

/**
 * Keeps one value in the storage, always the newest, one write at a time. When
 * a write fails it removes the older value, which would be wrong by then.
 */
export class Keeper {
  readonly #storage: EditStorage | undefined;
  readonly #platform: Platform;
  readonly #key: string;
  /** The value as it is now; undefined where there is none to keep. */
  readonly #value: () => unknown;
  readonly #onState: (state: StorageState) => void;
  #state: StorageState;
  #writing: Promise<void> | undefined;
  #next: Promise<void> | undefined;
  #stored = false;
  #cancelTidy = () => {};

  constructor(storage: EditStorage | undefined, platform: Platform, key: string, value: () => unknown, onState: (state: StorageState) => void) {
    this.#storage = storage;
    this.#platform = platform;
    this.#key = key;
    this.#value = value;
    this.#onState = onState;
    this.#state = storage === undefined ? "tab" : "kept";
  }

  get state(): StorageState {
    return this.#state;
  }

  /** Something is in the storage already. */
  found(): void {
    this.#stored = true;
  }

  /**
   * Stores the value as it is now. Resolves when that is done or has failed,
   * never rejects. Undefined where there is nothing to wait for.
   */
  save(): Promise<void> | undefined {
    if (this.#storage === undefined) return undefined;
    this.#cancelTidy();
    // A write that runs may have taken an older value.
    if (this.#writing === undefined) return this.#write(this.#storage);
    const storage = this.#storage;
    this.#next ??= this.#writing.then(() => {
      this.#next = undefined;
      return this.#write(storage);
    });
    return this.#next;
  }

  /** Stores, or removes what is no longer needed, when it was quiet for a while. */
  tidy(): void {
    if (!this.#stored) return;
    this.#cancelTidy();
    this.#cancelTidy = this.#platform.clock.after(tidyMs, () => void this.save());
  }

  #write(storage: EditStorage): Promise<void> {
    const done = this.#store(storage).then(() => this.#become("kept"), () => this.#become("tab"));
    const writing = done.finally(() => {
      if (this.#writing === writing) this.#writing = undefined;
    });
    this.#writing = writing;
    return writing;
  }

  async #store(storage: EditStorage): Promise<void> {
    const value = this.#value();
    if (value === undefined) {
      if (this.#stored) await storage.delete(this.#key);
      this.#stored = false;
      return;
    }
    // A write that fails, or takes too long, may have been done all the same.
    this.#stored = true;
    try {
      await storage.put(this.#key, value);
    } catch (error) {
      await storage.delete(this.#key);
      this.#stored = false;
      throw error;
    }
  }

  #become(state: StorageState): void {
    if (this.#state === state) return;
    this.#state = state;
    this.#onState(state);
  }
}

import type { Step } from "../ot/pending.ts";
import type { Replica } from "../ot/replica.ts";
import type { Platform } from "../runtime/platform.ts";
import { Journal } from "./journal.ts";
import { segmentKey, segmentNumber } from "./leases.ts";
import type { BaseRecord } from "./records.ts";
import type { EditStorage } from "./storage.ts";

/** kept: pending edits outlive the tab. tab: they are kept only while the tab is open. */
export type StorageState = "kept" | "tab";

/** How long what is no longer needed may stay: so a text isn't stored and removed with each key. */
const cleanUpMs = 2_000;

/**
 * Keeps a replica in the storage as it is now, one write at a time: its text once,
 * and then what happens to it. When a write fails it removes what was stored
 * before, which would be wrong by then.
 */
export class JournalWriter {
  readonly #storage: EditStorage | undefined;
  readonly #platform: Platform;
  readonly #key: string;
  readonly #replica: Replica;
  readonly #onState: (state: StorageState) => void;
  readonly #journal = new Journal();
  /** Everything that may be in the storage. */
  readonly #keys = new Set<string>();
  /** What is being written. */
  readonly #unconfirmed = new Map<string, unknown>();
  #state: StorageState;
  #writing: Promise<void> | undefined;
  #next: Promise<void> | undefined;
  /** Local edits so far, how many of them a write has taken, and how many are known to be stored. */
  #edits = 0;
  #taken = 0;
  #stored = 0;
  #failures = 0;
  #cancelCleanUp: (() => void) | undefined;

  constructor(storage: EditStorage | undefined, platform: Platform, key: string, replica: Replica, onState: (state: StorageState) => void) {
    this.#storage = storage;
    this.#platform = platform;
    this.#key = key;
    this.#replica = replica;
    this.#onState = onState;
    this.#state = storage === undefined ? "tab" : "kept";
    replica.observe((step) => this.#record(step));
  }

  get state(): StorageState {
    return this.#state;
  }

  /** Whether a pending edit would be gone if the tab ended now. */
  get unsafe(): boolean {
    return this.#replica.pending && (this.#state === "tab" || this.#stored < this.#edits);
  }

  /** These keys are in the storage already. */
  adopt(keys: readonly string[]): void {
    for (const key of keys) {
      this.#keys.add(key);
      this.#journal.skip(segmentNumber(key) ?? 0);
    }
  }

  /**
   * Stores the replica as it is now. Resolves when that is done or has failed,
   * never rejects. Undefined where there is nothing to wait for.
   */
  save(): Promise<void> | undefined {
    if (this.#storage === undefined) return undefined;
    this.#cancelCleanUp?.();
    this.#cancelCleanUp = undefined;
    // A write that runs may have taken an older state.
    if (this.#writing === undefined) return this.#write(this.#storage);
    const storage = this.#storage;
    this.#next ??= this.#writing.then(() => {
      this.#next = undefined;
      return this.#write(storage);
    });
    return this.#next;
  }

  /** As save, but begins at once also while a write runs, and is rescued: the page may have no later moment. */
  flush(): void {
    if (this.#storage === undefined || !this.#replica.pending) return;
    if (this.#taken < this.#edits) void this.#write(this.#storage);
    for (const [key, value] of this.#unconfirmed) this.#storage.rescue?.(key, value);
  }

  /** Removes what is no longer needed, some time after it was last needed. */
  cleanUpLater(): void {
    if (this.#keys.size === 0) return;
    this.#cancelCleanUp ??= this.#platform.clock.after(cleanUpMs, () => void this.save());
  }

  #record(step: Step | undefined): void {
    this.#journal.add(step);
    if (step?.kind === "edit") this.#edits++;
  }

  #write(storage: EditStorage): Promise<void> {
    const edits = this.#edits;
    const failures = this.#failures;
    this.#taken = edits;
    const stored = () => {
      // What another write, that failed meanwhile, has removed is not stored.
      if (failures !== this.#failures) return;
      this.#stored = edits;
      this.#setState("kept");
    };
    const failed = () => {
      this.#failures++;
      this.#setState("tab");
    };
    const done = this.#store(storage).then(stored, failed);
    const writing = done.finally(() => {
      if (this.#writing === writing) this.#writing = undefined;
    });
    this.#writing = writing;
    return writing;
  }

  async #store(storage: EditStorage): Promise<void> {
    if (!this.#replica.pending) {
      await this.#clear(storage);
      return;
    }
    try {
      if (this.#journal.follows) await this.#storeSegment(storage);
      else await this.#storeBase(storage);
    } catch (error) {
      await this.#clear(storage);
      throw error;
    }
  }

  async #storeBase(storage: EditStorage): Promise<void> {
    const before = [...this.#keys].filter((key) => key !== this.#key);
    const base: BaseRecord = { format: 2, segment: this.#journal.begin(), ...this.#replica.save() };
    await this.#put(storage, this.#key, base);
    for (const key of before) {
      // Read by nobody any more; what can't be removed now is removed with the rest.
      storage.delete(key).then(() => this.#keys.delete(key), () => {});
    }
  }

  async #storeSegment(storage: EditStorage): Promise<void> {
    const taken = this.#journal.take();
    if (taken !== undefined) await this.#put(storage, segmentKey(this.#key, taken.number), taken.record);
  }

  async #put(storage: EditStorage, key: string, value: unknown): Promise<void> {
    // A write that fails, or takes too long, may have been done all the same.
    this.#keys.add(key);
    this.#unconfirmed.set(key, value);
    try {
      await storage.put(key, value);
    } finally {
      if (this.#unconfirmed.get(key) === value) this.#unconfirmed.delete(key);
    }
  }

  /** Removes everything; the base first, because segments say nothing without it. */
  async #clear(storage: EditStorage): Promise<void> {
    this.#journal.end();
    for (const key of [this.#key, ...this.#keys]) {
      if (!this.#keys.has(key)) continue;
      await storage.delete(key);
      this.#keys.delete(key);
    }
  }

  #setState(state: StorageState): void {
    if (this.#state === state) return;
    this.#state = state;
    this.#onState(state);
  }
}

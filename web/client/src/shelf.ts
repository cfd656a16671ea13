import { acquire, keysOf } from "./claims.ts";
import { Emitter } from "./emitter.ts";
import { parseDraft } from "./saved.ts";
import type { NotesDraft } from "./saved.ts";
import type { Offline } from "./storage.ts";

/** The drafts of one user for one meeting, in every window that uses the same storage. */
export class DraftShelf {
  readonly #offline: Offline | undefined;
  readonly #prefix: string;
  readonly #emitter = new Emitter<{ change(drafts: readonly NotesDraft[]): void }>();
  #drafts: readonly NotesDraft[] = [];
  /** Those that could not be stored: only this window has them. */
  readonly #unstored = new Set<string>();

  constructor(offline: Offline | undefined, userId: string, meetingId: string) {
    this.#offline = offline;
    this.#prefix = keysOf(userId, meetingId).drafts;
  }

  /** Oldest first. */
  get list(): readonly NotesDraft[] {
    return this.#drafts;
  }

  onChange(callback: (drafts: readonly NotesDraft[]) => void): () => void {
    return this.#emitter.on("change", callback);
  }

  find(id: string): NotesDraft | undefined {
    return this.#drafts.find((draft) => draft.id === id);
  }

  /** Reads what other windows have added or removed. A storage that fails leaves the list as it is. */
  async refresh(): Promise<void> {
    if (this.#offline === undefined) return;
    const { storage } = this.#offline;
    try {
      const found: NotesDraft[] = [];
      for (const key of await storage.keys(this.#prefix)) {
        const draft = parseDraft(await storage.get(key));
        if (draft !== undefined) found.push(draft);
      }
      this.#become([...found, ...this.#drafts.filter(({ id }) => this.#unstored.has(id) && !found.some((f) => f.id === id))]);
    } catch {
      // The next refresh tries again.
    }
  }

  /** Takes the draft at once, and resolves when it is stored, or can't be. */
  async add(draft: NotesDraft): Promise<void> {
    this.#unstored.add(draft.id);
    this.#become([...this.#drafts, draft]);
    try {
      await this.#offline?.storage.put(this.#prefix + draft.id, draft);
      if (this.#offline !== undefined) this.#unstored.delete(draft.id);
    } catch {
      // It stays in this window; the storage's state is told where edits are kept.
    }
  }

  /**
   * Takes the draft away for good; before that, `use` gets it, if no other
   * window has taken it. Says whether it was there. What `use` throws leaves it.
   */
  async take(id: string, use: (draft: NotesDraft) => Promise<void> | void): Promise<boolean> {
    const key = this.#prefix + id;
    const shared = this.#offline !== undefined && !this.#unstored.has(id) ? this.#offline : undefined;
    const release = shared && (await acquire(shared.locks, key));
    if (shared !== undefined && release === undefined) return false;
    try {
      const draft = shared === undefined ? this.find(id) : parseDraft(await shared.storage.get(key));
      if (draft !== undefined) {
        await use(draft);
        await shared?.storage.delete(key);
      }
      this.#unstored.delete(id);
      this.#become(this.#drafts.filter((other) => other.id !== id));
      return draft !== undefined;
    } finally {
      release?.();
    }
  }

  #become(drafts: readonly NotesDraft[]): void {
    const sorted = [...drafts].sort((a, b) => a.createdAt - b.createdAt || (a.id < b.id ? -1 : 1));
    if (sorted.length === this.#drafts.length && sorted.every(({ id }, i) => id === this.#drafts[i]?.id)) return;
    this.#drafts = sorted;
    this.#emitter.emit("change", sorted);
  }
}

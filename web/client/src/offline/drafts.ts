import { Emitter } from "../runtime/emitter.ts";
import { parseDraft } from "./conflicts.ts";
import type { NotesDraft } from "./conflicts.ts";
import { acquire, keysOf } from "./leases.ts";
import type { Offline } from "./storage.ts";

/** The drafts of one user for one meeting, in every window that uses the same storage. */
export class DraftRepository {
  readonly #offline: Offline | undefined;
  readonly #prefix: string;
  readonly #emitter = new Emitter<{ change(drafts: readonly NotesDraft[]): void }>();
  #drafts: readonly NotesDraft[] = [];
  /** Those that are not in the storage: only this window has them. */
  readonly #unstored = new Set<string>();
  /** Those of them that the storage refused. */
  readonly #refused = new Set<string>();

  constructor(offline: Offline | undefined, userId: string, meetingId: string) {
    this.#offline = offline;
    this.#prefix = keysOf(userId, meetingId).drafts;
  }

  /** Oldest first. */
  get list(): readonly NotesDraft[] {
    return this.#drafts;
  }

  /** Whether the storage has all that it was given. */
  get allStored(): boolean {
    return this.#refused.size === 0;
  }

  onChange(callback: (drafts: readonly NotesDraft[]) => void): () => void {
    return this.#emitter.on("change", callback);
  }

  find(id: string): NotesDraft | undefined {
    return this.#drafts.find((draft) => draft.id === id);
  }

  /**
   * Reads what other windows have added or removed, and stores what could not be
   * stored before. A storage that fails leaves the list as it is.
   */
  async refresh(): Promise<void> {
    if (this.#offline === undefined) return;
    const { storage } = this.#offline;
    try {
      for (const draft of this.#drafts.filter(({ id }) => this.#refused.has(id))) await this.#store(draft);
      const found: NotesDraft[] = [];
      for (const key of await storage.keys(this.#prefix)) {
        const draft = parseDraft(await storage.get(key));
        if (draft !== undefined) found.push(draft);
      }
      this.#replace([...found, ...this.#drafts.filter(({ id }) => this.#unstored.has(id) && !found.some((f) => f.id === id))]);
    } catch {
      // The next refresh tries again.
    }
  }

  /** Takes the draft at once, and resolves when it is stored, or can't be. */
  async add(draft: NotesDraft): Promise<void> {
    this.#unstored.add(draft.id);
    this.#replace([...this.#drafts, draft]);
    await this.#store(draft);
  }

  /** As add, for edits that are stored in another form. False where the storage refuses: then nothing has changed. */
  async move(draft: NotesDraft): Promise<boolean> {
    try {
      await this.#offline?.storage.put(this.#prefix + draft.id, draft);
    } catch {
      return false;
    }
    this.#replace([...this.#drafts, draft]);
    return true;
  }

  async #store(draft: NotesDraft): Promise<void> {
    if (this.#offline === undefined) return;
    const { storage } = this.#offline;
    const before = this.allStored;
    try {
      await storage.put(this.#prefix + draft.id, draft);
      this.#unstored.delete(draft.id);
      this.#refused.delete(draft.id);
      // Somebody has decided about it meanwhile.
      if (this.find(draft.id) === undefined) await storage.delete(this.#prefix + draft.id);
    } catch {
      if (this.find(draft.id) !== undefined) this.#refused.add(draft.id);
    }
    if (this.allStored !== before) this.#emitter.emit("change", this.#drafts);
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
      this.#refused.delete(id);
      this.#replace(this.#drafts.filter((other) => other.id !== id));
      return draft !== undefined;
    } finally {
      release?.();
    }
  }

  #replace(drafts: readonly NotesDraft[]): void {
    const sorted = [...drafts].sort((a, b) => a.createdAt - b.createdAt || (a.id < b.id ? -1 : 1));
    if (sorted.length === this.#drafts.length && sorted.every(({ id }, i) => id === this.#drafts[i]?.id)) return;
    this.#drafts = sorted;
    this.#emitter.emit("change", sorted);
  }
}

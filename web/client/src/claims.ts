/** Which window owns which pending edits. */
import { parseSaved } from "./saved.ts";
import type { SavedEdits } from "./saved.ts";
import type { EditStorage, Locks, Offline } from "./storage.ts";

/** Edits of one client id that this window owns: nobody else sends or changes them until `release`. */
export interface Claim {
  readonly clientId: string;
  readonly key: string;
  /** What an earlier window left. */
  readonly saved: SavedEdits | undefined;
  /** Undefined where nothing can be kept safely. */
  readonly storage: EditStorage | undefined;
  readonly release: () => void;
}

/** The keys of what one user keeps of one meeting. */
export function keysOf(userId: string, meetingId: string): { readonly edits: string; readonly drafts: string } {
  const rest = `/${encodeURIComponent(userId)}/${encodeURIComponent(meetingId)}/`;
  return { edits: `edits${rest}`, drafts: `drafts${rest}` };
}

/** Removes everything that is kept of a user. Edits of windows that are open are kept again with their next change. */
export async function forget(storage: EditStorage, userId: string): Promise<void> {
  for (const kind of ["edits", "drafts"]) {
    for (const key of await storage.keys(`${kind}/${encodeURIComponent(userId)}/`)) await storage.delete(key);
  }
}

/**
 * Each window keeps its own edits under its own client id, and holds that name's
 * lock as long as it lives. So edits whose lock is free belong to a window that
 * is gone, and one of the others takes them over, under the same client id: what
 * it had in flight is repeated exactly, and the server knows it again.
 */
export class Claims {
  readonly #offline: Offline | undefined;
  readonly #prefix: string;
  readonly #newId: () => string;

  constructor(offline: Offline | undefined, userId: string, meetingId: string, newId: () => string) {
    this.#offline = offline;
    this.#prefix = keysOf(userId, meetingId).edits;
    this.#newId = newId;
  }

  /** New edits. */
  async fresh(): Promise<Claim> {
    const clientId = `c-${this.#newId()}`;
    const key = this.#prefix + clientId;
    const release = this.#offline && (await acquire(this.#offline.locks, key));
    // Without the lock another window would take these edits for left behind.
    if (release === undefined) return { clientId, key, saved: undefined, storage: undefined, release: () => {} };
    return { clientId, key, saved: undefined, storage: this.#offline?.storage, release };
  }

  /** Takes over all edits that a window left behind. What can't be read is left for later. */
  async orphans(): Promise<Claim[]> {
    if (this.#offline === undefined) return [];
    const { storage, locks } = this.#offline;
    const keys = await storage.keys(this.#prefix).catch(() => []); // A storage that fails says so when it is written to.
    const claims: Claim[] = [];
    for (const key of keys) {
      const release = await acquire(locks, key);
      if (release === undefined) continue;
      // Only now: its owner may have written until it let go.
      const saved = parseSaved(await storage.get(key).catch(() => undefined));
      if (saved === undefined) release();
      else claims.push({ clientId: key.slice(this.#prefix.length), key, saved, storage, release });
    }
    return claims;
  }
}

/** Undefined also where the locks don't work. */
export async function acquire(locks: Locks, name: string): Promise<(() => void) | undefined> {
  try {
    return await locks.acquire(name);
  } catch {
    return undefined; // Not to own it is the safe answer.
  }
}

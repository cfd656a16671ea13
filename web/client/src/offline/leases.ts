/** Which window owns which pending edits. */
import { RapportError } from "../errors.ts";
import type { Step } from "../ot/pending.ts";
import type { ReplicaState } from "../ot/replica.ts";
import { parseBase, parseSegment, replay } from "./records.ts";
import type { EditStorage, Locks, Offline } from "./storage.ts";

/** Edits of one client id that this window owns: nobody else sends or changes them until `release`. */
export interface Lease {
  readonly clientId: string;
  /** Of the base; the keys of segments begin with it. */
  readonly key: string;
  /** What an earlier window left. */
  readonly saved: ReplicaState | undefined;
  /** The keys that it is stored under. */
  readonly storedKeys: readonly string[];
  /** Undefined where nothing can be kept safely. */
  readonly storage: EditStorage | undefined;
  readonly release: () => void;
}

/** The keys of what one user keeps of one meeting. */
export function keysOf(userId: string, meetingId: string): { readonly edits: string; readonly drafts: string } {
  const rest = `/${encodeURIComponent(userId)}/${encodeURIComponent(meetingId)}/`;
  return { edits: `edits${rest}`, drafts: `drafts${rest}` };
}

/** Where a segment of the journal is kept. */
export function segmentKey(base: string, number: number): string {
  return `${base}/${number}`;
}

/** The number of the segment with that key; undefined for a base. */
export function segmentNumber(key: string): number | undefined {
  const [, digits] = /^edits\/[^/]*\/[^/]*\/[^/]*\/(\d+)$/.exec(key) ?? [];
  return digits === undefined ? undefined : Number(digits);
}

/** Removes what an earlier window left; the base first, because segments say nothing without it. Rejects as the storage does. */
export async function discard({ key, storedKeys, storage }: Lease): Promise<void> {
  await storage?.delete(key);
  for (const each of storedKeys) await storage?.delete(each);
}

/** Removes everything that is kept of a user. Edits of windows that are open are kept again with their next change. */
export async function forgetEdits(storage: EditStorage, userId: string): Promise<void> {
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
export class Leases {
  readonly #offline: Offline | undefined;
  readonly #prefix: string;
  readonly #newId: () => string;

  constructor(offline: Offline | undefined, userId: string, meetingId: string, newId: () => string) {
    this.#offline = offline;
    this.#prefix = keysOf(userId, meetingId).edits;
    this.#newId = newId;
  }

  /** New edits. */
  async create(): Promise<Lease> {
    const clientId = `c-${this.#newId()}`;
    const key = this.#prefix + clientId;
    const release = this.#offline && (await acquire(this.#offline.locks, key));
    // Without the lock another window would take these edits for left behind.
    if (release === undefined) return { clientId, key, saved: undefined, storedKeys: [], storage: undefined, release: () => {} };
    return { clientId, key, saved: undefined, storedKeys: [], storage: this.#offline?.storage, release };
  }

  /** Takes over all edits that a window left behind. What can't be read is left for later. */
  async takeOver(): Promise<Lease[]> {
    if (this.#offline === undefined) return [];
    const { storage, locks } = this.#offline;
    const keys = await storage.keys(this.#prefix).catch(() => []); // A storage that fails says so when it is written to.
    const owned = new Set(keys.map((key) => key.slice(this.#prefix.length).split("/", 1)[0] ?? ""));
    const leases: Lease[] = [];
    for (const clientId of owned) {
      const key = this.#prefix + clientId;
      const release = await acquire(locks, key);
      if (release === undefined) continue;
      // Only now: its owner may have written until it let go.
      const left = await readAbandoned(storage, key).catch(() => undefined); // The same.
      const lease = left && { clientId, key, ...left, storage, release };
      if (lease !== undefined && isPending(lease.saved)) {
        leases.push(lease);
        continue;
      }
      // All of it was committed, or it is what remained of a removal.
      if (lease !== undefined) await discard(lease).catch(() => {}); // The next window tries again.
      release();
    }
    return leases;
  }
}

/**
 * What is stored under the key: the base with the segments that follow it, up
 * to the first that is missing. Undefined for what another version stored.
 */
async function readAbandoned(storage: EditStorage, key: string): Promise<{ readonly saved: ReplicaState | undefined; readonly storedKeys: readonly string[] } | undefined> {
  const segments = (await storage.keys(`${key}/`)).filter((each) => segmentNumber(each) !== undefined);
  const value = await storage.get(key);
  if (value === undefined) return { saved: undefined, storedKeys: segments };
  const base = parseBase(value);
  if (base === undefined) return undefined;
  const steps: Step[] = [];
  const known = new Set(segments);
  for (let number = base.segment; known.has(segmentKey(key, number)); number++) {
    const segment = parseSegment(await storage.get(segmentKey(key, number)));
    if (segment === undefined) return undefined;
    steps.push(...segment);
  }
  try {
    return { saved: replay(base.saved, steps), storedKeys: [key, ...segments] };
  } catch (error) {
    if (!(error instanceof RapportError)) throw error;
    return undefined;
  }
}

function isPending(saved: ReplicaState | undefined): boolean {
  return saved !== undefined && (saved.inFlight !== undefined || saved.buffer.length > 0);
}

/** Undefined also where the locks don't work. */
export async function acquire(locks: Locks, name: string): Promise<(() => void) | undefined> {
  try {
    return await locks.acquire(name);
  } catch {
    return undefined; // Not to own it is the safe answer.
  }
}

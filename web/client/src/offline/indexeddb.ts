/** The browser's storage and locks. */
import type { EditStorage, Locks, Offline } from "./storage.ts";

const storeName = "edits";

/** The page's IndexedDB and Web Locks; undefined where one is missing (Node, pages without TLS). */
export function browserOffline(): Offline | undefined {
  if (typeof indexedDB === "undefined" || typeof navigator === "undefined") return undefined;
  const manager: LockManager | undefined = navigator.locks;
  return manager && { storage: indexedDbStorage("rapport"), locks: webLocks(manager) };
}

/**
 * One database with one store of key and value; opened with the first use. What
 * is rescued is in localStorage until IndexedDB has the key's next value: a
 * browser drops transactions of a page that ends before their turn.
 */
export function indexedDbStorage(name: string): EditStorage {
  const rescued = new Rescued(`${name}/`);
  let opening: Promise<IDBDatabase> | undefined;
  const open = () => {
    opening ??= openDatabase(name, () => {
      opening = undefined;
    }).catch((error: unknown) => {
      opening = undefined; // The next use tries again.
      throw error;
    });
    return opening;
  };
  async function run<T>(mode: IDBTransactionMode, act: (store: IDBObjectStore) => IDBRequest<T>): Promise<T> {
    const database = await open();
    return await new Promise((resolve, reject) => {
      // Relaxed: what the browser has survives the page and the browser itself, and waits for no disk.
      const transaction = database.transaction(storeName, mode, { durability: "relaxed" });
      const request = act(transaction.objectStore(storeName));
      // Without it the page must live until the request is answered, or the browser drops the write.
      if (mode === "readwrite") transaction.commit();
      transaction.oncomplete = () => resolve(request.result);
      transaction.onabort = () => reject(transaction.error);
      transaction.onerror = () => reject(transaction.error);
    });
  }
  return {
    keys: async (prefix) => {
      const keys = await run("readonly", (store) => store.getAllKeys(IDBKeyRange.bound(prefix, `${prefix}\uffff`)));
      return [...new Set([...keys.map(String), ...rescued.keys(prefix)])];
    },
    get: async (key) => rescued.get(key) ?? (await run("readonly", (store) => store.get(key) as IDBRequest<unknown>)),
    put: async (key, value) => {
      const forgetOlder = rescued.mark(key);
      await run("readwrite", (store) => store.put(value, key));
      forgetOlder();
    },
    delete: async (key) => {
      const forgetOlder = rescued.mark(key);
      await run("readwrite", (store) => store.delete(key));
      forgetOlder();
    },
    rescue: (key, value) => rescued.set(key, value),
  };
}

/** Values in localStorage, which is written before a call returns. Where that is denied or full, there are none. */
class Rescued {
  readonly #prefix: string;
  /** How often each key was rescued by this page. */
  readonly #times = new Map<string, number>();

  constructor(prefix: string) {
    this.#prefix = prefix;
  }

  set(key: string, value: unknown): void {
    this.#times.set(key, (this.#times.get(key) ?? 0) + 1);
    this.#try((storage) => storage.setItem(this.#prefix + key, JSON.stringify(value)));
  }

  get(key: string): unknown {
    return this.#try((storage) => {
      const text = storage.getItem(this.#prefix + key);
      return text === null ? undefined : (JSON.parse(text) as unknown);
    });
  }

  keys(prefix: string): string[] {
    const keys = this.#try((storage) => Object.keys(storage)) ?? [];
    return keys.filter((key) => key.startsWith(this.#prefix + prefix)).map((key) => key.slice(this.#prefix.length));
  }

  /** Returns what removes the key's value, unless a newer one was rescued meanwhile. */
  mark(key: string): () => void {
    const times = this.#times.get(key);
    return () => {
      if (this.#times.get(key) === times) this.#try((storage) => storage.removeItem(this.#prefix + key));
    };
  }

  #try<T>(act: (storage: Storage) => T): T | undefined {
    try {
      return act(localStorage);
    } catch {
      return undefined; // It is a second place: without it, the first one counts alone.
    }
  }
}

function openDatabase(name: string, onGone: () => void): Promise<IDBDatabase> {
  return new Promise((resolve, reject) => {
    const request = indexedDB.open(name, 1);
    request.onupgradeneeded = () => request.result.createObjectStore(storeName);
    request.onerror = () => reject(request.error);
    request.onblocked = () => reject(new Error("another tab keeps the database of an earlier version open"));
    request.onsuccess = () => {
      const database = request.result;
      database.onclose = onGone;
      // Another tab wants a newer version: do not stand in its way.
      database.onversionchange = () => {
        database.close();
        onGone();
      };
      resolve(database);
    };
  });
}

function webLocks(manager: LockManager): Locks {
  return {
    acquire: (name) => new Promise((resolve, reject) => {
      manager.request(name, { ifAvailable: true }, (lock) => {
        if (lock === null) {
          resolve(undefined);
          return undefined;
        }
        return new Promise<void>((release) => resolve(release));
      }).catch(reject);
    }),
  };
}

/** The browser's storage and locks. */
import type { EditStorage, Locks, Offline } from "./storage.ts";

const storeName = "edits";

/** The page's IndexedDB and Web Locks; undefined where one is missing (Node, pages without TLS). */
export function browserOffline(): Offline | undefined {
  if (typeof indexedDB === "undefined" || typeof navigator === "undefined") return undefined;
  const manager: LockManager | undefined = navigator.locks;
  return manager && { storage: indexedDbStorage("rapport"), locks: webLocks(manager) };
}

/** One database with one store of key and value; opened with the first use. */
export function indexedDbStorage(name: string): EditStorage {
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
    keys: async (prefix) => (await run("readonly", (store) => store.getAllKeys(IDBKeyRange.bound(prefix, `${prefix}\uffff`)))).map(String),
    get: (key) => run("readonly", (store) => store.get(key) as IDBRequest<unknown>),
    put: async (key, value) => {
      await run("readwrite", (store) => store.put(value, key));
    },
    delete: async (key) => {
      await run("readwrite", (store) => store.delete(key));
    },
  };
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

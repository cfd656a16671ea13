/**
 * Where edits are kept that the server has not confirmed, so that they outlive
 * the tab. Values are plain data, as structured clone takes them. Writes take
 * effect in the order of their calls. Every method may reject; the client then
 * goes on, and says that edits are kept only while the tab is open.
 */
export interface EditStorage {
  /** Every key that begins with `prefix`. */
  keys(prefix: string): Promise<readonly string[]>;
  /** Undefined where there is none. */
  get(key: string): Promise<unknown>;
  /** Resolves when the value would survive the end of the tab. */
  put(key: string, value: unknown): Promise<void>;
  /** Does nothing where there is none. */
  delete(key: string): Promise<void>;
  /**
   * Stores the value before the call returns, as well as it can, for a page that
   * may have no later moment; `get` and `keys` know of it from then on, until
   * the key is put or deleted. Beside a `put` of the same, where the platform
   * drops a write whose turn comes after the page's end. Never throws.
   */
  rescue?(key: string, value: unknown): void;
}

/** Names that one window at a time may hold. A window that ends lets go of its names. */
export interface Locks {
  /** The function that lets go of the name; undefined when another holds it. */
  acquire(name: string): Promise<(() => void) | undefined>;
}

/** Where edits are kept. Both belong together: several windows that use the same storage must share the locks. */
export interface Offline {
  readonly storage: EditStorage;
  readonly locks: Locks;
}

/** Keeps everything in memory: for tests, and for programs that close a session and open it again. */
export function memoryStorage(): EditStorage {
  const values = new Map<string, string>();
  return {
    keys: (prefix) => Promise.resolve([...values.keys()].filter((key) => key.startsWith(prefix))),
    get: (key) => {
      const text = values.get(key);
      return Promise.resolve(text === undefined ? undefined : (JSON.parse(text) as unknown));
    },
    put: (key, value) => {
      values.set(key, JSON.stringify(value));
      return Promise.resolve();
    },
    delete: (key) => {
      values.delete(key);
      return Promise.resolve();
    },
  };
}

/** Locks among the clients of one process. */
export function memoryLocks(): Locks {
  const held = new Set<string>();
  return {
    acquire: (name) => {
      if (held.has(name)) return Promise.resolve(undefined);
      held.add(name);
      return Promise.resolve(() => {
        held.delete(name);
      });
    },
  };
}

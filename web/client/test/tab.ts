import { Rapport } from "../src/index.ts";
import type { Platform } from "../src/runtime/platform.ts";
import { memoryLocks, memoryStorage } from "../src/offline/storage.ts";
import type { EditStorage, Locks, Offline } from "../src/offline/storage.ts";
import type { FakeSocket } from "./network.ts";
import { loaded } from "./harness.ts";
import type { Harness } from "./harness.ts";

/** A machine with a storage that its windows share, which may be slow, full or broken. */
export class Machine {
  readonly harness: Harness;
  readonly storage = memoryStorage();
  readonly locks = memoryLocks();
  /** Throws, where the storage doesn't do what is asked of it. */
  check: (action: "keys" | "get" | "put" | "delete") => void = () => {};
  /** How long the storage takes, in ms. */
  latency = 2;

  constructor(harness: Harness) {
    this.harness = harness;
  }

  open(userId: string): Tab {
    return new Tab(this, userId);
  }
}

/** One window, which may be closed by its person, or end at any moment without a word. */
export class Tab {
  readonly rapport: Rapport;
  readonly userId: string;
  readonly #machine: Machine;
  readonly #releases: (() => void)[] = [];
  readonly #sockets: FakeSocket[] = [];
  #alive = true;
  /** Without a network: no request is answered, no socket opens. */
  #online = true;
  readonly #onlineAgain: (() => void)[] = [];
  readonly #onHide: (() => void)[] = [];

  constructor(machine: Machine, userId: string) {
    this.#machine = machine;
    this.userId = userId;
    this.rapport = new Rapport({
      baseUrl: "http://fake", userId, token: () => Promise.resolve(userId), offline: this.#offline(), platform: this.#platform(machine.harness.platform()),
    }, loaded);
  }

  /** The process ends: nothing more is sent, stored or heard, and its locks are free. */
  kill(): void {
    this.#alive = false;
    for (const socket of this.#sockets) socket.close();
    for (const release of this.#releases) release();
  }

  offline(): void {
    this.#online = false;
    for (const socket of this.#sockets) socket.close();
  }

  /** The page is left, or no longer looked at. */
  hide(): void {
    for (const callback of this.#onHide) callback();
  }

  online(): void {
    this.#online = true;
    for (const callback of this.#onlineAgain) callback();
  }

  #platform(whole: Platform): Platform {
    const { clock } = this.#machine.harness;
    const blocked = () => !this.#alive || !this.#online;
    const sockets = this.#sockets;
    return {
      ...whole,
      fetch: (input, init) => (blocked()
        ? new Promise((_, reject) => clock.after(1, () => reject(new TypeError("no network"))))
        : whole.fetch(input, init)),
      webSocket: class {
        constructor(url: string) {
          const socket = new whole.webSocket(url);
          sockets.push(socket as FakeSocket);
          if (blocked()) socket.close();
          return socket;
        }
      } as unknown as Platform["webSocket"],
      onNetwork: (callback) => {
        this.#onlineAgain.push(() => callback(true));
        return () => {};
      },
      onHide: (callback) => {
        this.#onHide.push(callback);
        return () => {};
      },
    };
  }

  #offline(): Offline {
    const { storage, locks, harness } = this.#machine;
    const act = <T>(action: "keys" | "get" | "put" | "delete", run: () => Promise<T>): Promise<T> =>
      new Promise((resolve, reject) => {
        // What was begun before the end may still be done, or not.
        harness.clock.after(this.#machine.latency, () => {
          if (!this.#alive) return;
          try {
            this.#machine.check(action);
            run().then(resolve, reject);
          } catch (error) {
            reject(error);
          }
        });
      });
    const slow: EditStorage = {
      keys: (prefix) => act("keys", () => storage.keys(prefix)),
      get: (key) => act("get", () => storage.get(key)),
      put: (key, value) => act("put", () => storage.put(key, value)),
      delete: (key) => act("delete", () => storage.delete(key)),
      rescue: (key, value) => void storage.put(key, value),
    };
    const own: Locks = {
      acquire: async (name) => {
        const release = this.#alive ? await locks.acquire(name) : undefined;
        if (release !== undefined) this.#releases.push(release);
        return release;
      },
    };
    return { storage: slow, locks: own };
  }
}

import type { Clock } from "../runtime/platform.ts";
import type { EditStorage } from "./storage.ts";

/** A storage that takes longer is taken for broken. */
const timeoutMs = 2_000;
/** How long a storage that was found broken is left alone, unless it answers after all. */
const cooldownMs = 30_000;

/** The storage, with an end to every wait: what takes too long rejects, and what follows rejects at once for a while. */
export function withTimeouts(storage: EditStorage, clock: Clock): EditStorage {
  let brokenUntil = -Infinity;
  function within<T>(act: () => Promise<T>): Promise<T> {
    if (clock.elapsed() < brokenUntil) return Promise.reject(new Error("the storage does not answer"));
    return new Promise((resolve, reject) => {
      const cancel = clock.after(timeoutMs, () => {
        brokenUntil = clock.elapsed() + cooldownMs;
        reject(new Error(`the storage did not answer in ${timeoutMs} ms`));
      });
      act().then(resolve, reject).finally(() => {
        cancel();
        brokenUntil = -Infinity;
      });
    });
  }
  return {
    keys: (prefix) => within(() => storage.keys(prefix)),
    get: (key) => within(() => storage.get(key)),
    put: (key, value) => within(() => storage.put(key, value)),
    delete: (key) => within(() => storage.delete(key)),
    rescue: (key, value) => storage.rescue?.(key, value),
  };
}

/** Calls back; what the callback throws the platform reports as uncaught, because the caller's state must not depend on it. */
export function notify(callback: () => void): void {
  try {
    callback();
  } catch (error) {
    queueMicrotask(() => {
      throw error;
    });
  }
}

/** Callbacks, by the name of what they are called for. One that throws does not keep it from the others. */
export class Emitter<Handlers extends { readonly [K in keyof Handlers]: (...args: never) => void }> {
  readonly #handlers = new Set<{ readonly event: keyof Handlers; readonly call: (...args: never) => void }>();

  /** Returns the function that removes the callback. */
  on<K extends keyof Handlers>(event: K, call: Handlers[K]): () => void {
    const entry = { event, call };
    this.#handlers.add(entry);
    return () => {
      this.#handlers.delete(entry);
    };
  }

  emit<K extends keyof Handlers>(event: K, ...args: Parameters<Handlers[K]>): void {
    for (const entry of [...this.#handlers]) {
      if (entry.event === event) notify(() => entry.call(...(args as never)));
    }
  }
}

/** Callbacks of one kind of news. One that throws does not keep it from the others. */
export class Emitter<Args extends unknown[]> {
  readonly #callbacks = new Set<{ readonly call: (...args: Args) => void }>();

  /** Returns the function that removes the callback. */
  add(call: (...args: Args) => void): () => void {
    const entry = { call };
    this.#callbacks.add(entry);
    return () => {
      this.#callbacks.delete(entry);
    };
  }

  emit(...args: Args): void {
    for (const { call } of [...this.#callbacks]) {
      try {
        call(...args);
      } catch (error) {
        // The platform reports it as uncaught; the sender's state must not depend on it.
        queueMicrotask(() => {
          throw error;
        });
      }
    }
  }
}

/** Whether somebody is at this window, and whether they type. */
import type { PresenceStatus } from "@rapport/client";

/** Typing is over when nothing was typed for so long. */
const typingMs = 2_500;
/** Nobody is at a window where nothing was touched for so long. */
const idleMs = 120_000;
const touches = ["pointerdown", "pointermove", "keydown"] as const;

export class Activity {
  readonly #page: Document;
  readonly #onStatus = new Set<() => void>();
  #status: PresenceStatus;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(page: Document = document) {
    this.#page = page;
    this.#status = page.hidden ? "idle" : "active";
    page.addEventListener("visibilitychange", this.#looked);
    for (const event of touches) page.addEventListener(event, this.#touched, { passive: true });
    this.#become(this.#status);
  }

  get status(): PresenceStatus {
    return this.#status;
  }

  typed(): void {
    this.#become("typing");
  }

  /** Returns the function that removes the callback. */
  onStatus(callback: () => void): () => void {
    this.#onStatus.add(callback);
    return () => this.#onStatus.delete(callback);
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#onStatus.clear();
    this.#page.removeEventListener("visibilitychange", this.#looked);
    for (const event of touches) this.#page.removeEventListener(event, this.#touched);
  }

  readonly #looked = (): void => this.#become(this.#page.hidden ? "idle" : "active");

  readonly #touched = (): void => {
    if (this.#status !== "typing" && !this.#page.hidden) this.#become("active");
  };

  #become(status: PresenceStatus): void {
    clearTimeout(this.#timer);
    if (status === "typing") this.#timer = setTimeout(() => this.#become("active"), typingMs);
    else if (status === "active") this.#timer = setTimeout(() => this.#become("idle"), idleMs);
    if (status === this.#status) return;
    this.#status = status;
    for (const callback of this.#onStatus) callback();
  }
}

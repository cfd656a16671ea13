import type { PresenceFrame } from "./frames.ts";
import type { Present } from "./meetingapi.ts";

/**
 * Who is there, from frames that tell changes, and everybody after each
 * subscription. Somebody who left while this client was away is in no frame any
 * more: so the first frame after a subscription replaces all. Should a change
 * have overtaken that frame, it comes right after and brings the others back.
 */
export class Here {
  readonly #present = new Map<string, Present>();
  #fresh = false;

  get list(): readonly Present[] {
    return [...this.#present.values()];
  }

  /** The topic is subscribed anew: the next frame says who is there. */
  begin(): void {
    this.#fresh = true;
  }

  /** Where `begin` brought no frame, nobody is there. Says whether that changed something. */
  expire(): boolean {
    if (!this.#fresh) return false;
    this.#fresh = false;
    const had = this.#present.size > 0;
    this.#present.clear();
    return had;
  }

  /** Takes a frame in. Says whether it changed something. */
  take({ here, left }: PresenceFrame): boolean {
    const before = JSON.stringify(this.list);
    if (this.#fresh) this.#present.clear();
    this.#fresh = false;
    for (const present of here) this.#present.set(present.clientKey, present);
    for (const clientKey of left) this.#present.delete(clientKey);
    return JSON.stringify(this.list) !== before;
  }
}

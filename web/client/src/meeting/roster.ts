import type { PresenceUpdate, SeenPresence } from "./presenceupdate.ts";
import type { Present } from "./types.ts";

/**
 * Who is there, from frames that bring changes, and everybody after each
 * subscription. Somebody who left while this client was away is in no frame any
 * more: so the first frame after a subscription replaces all. Should a change
 * have overtaken that frame, it comes right after and brings the others back.
 * Frames of several senders have no order: of one client, the latest counts.
 */
export class Roster {
  readonly #present = new Map<string, SeenPresence>();
  /** When those were last heard who left since the last subscription: what was said of them before comes too late. */
  readonly #left = new Map<string, number>();
  #expectsSnapshot = false;

  get list(): readonly Present[] {
    return [...this.#present.values()].map(({ present }) => present);
  }

  /** The topic is subscribed anew: the next frame says who is there. */
  expectSnapshot(): void {
    this.#expectsSnapshot = true;
    this.#left.clear();
  }

  /** Where `expectSnapshot` brought no frame, nobody is there. Says whether that changed something. */
  expireSnapshot(): boolean {
    if (!this.#expectsSnapshot) return false;
    this.#expectsSnapshot = false;
    const had = this.#present.size > 0;
    this.#present.clear();
    return had;
  }

  /** Takes a frame in. Says whether it changed something. */
  apply({ here, left }: PresenceUpdate): boolean {
    const before = JSON.stringify(this.list);
    if (this.#expectsSnapshot) this.#present.clear();
    this.#expectsSnapshot = false;
    for (const sighting of here) {
      const { clientKey } = sighting.present;
      if (sighting.at >= (this.#present.get(clientKey)?.at ?? this.#left.get(clientKey) ?? 0)) this.#present.set(clientKey, sighting);
    }
    for (const { clientKey, at } of left) {
      if (at < (this.#present.get(clientKey)?.at ?? 0)) continue;
      this.#present.delete(clientKey);
      if (at !== Infinity) this.#left.set(clientKey, at);
    }
    return JSON.stringify(this.list) !== before;
  }
}

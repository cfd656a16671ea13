import { invert, transform } from "../src/index.ts";
import type { Change, NotesEvent } from "../src/index.ts";
import { Replica } from "../src/ot/replica.ts";
import type { InFlight } from "../src/ot/pending.ts";
import { UndoHistory } from "../src/ot/undo.ts";
import { placesOf } from "./places.ts";

/** Commits changes one after the other, as the server does, with no network between. */
export class Hub {
  readonly text: string;
  readonly log: NotesEvent[] = [];

  constructor(text: string) {
    this.text = text;
  }

  commit(authorId: string, { clientSeq, baseVersion, ops, places: sent = [] }: InFlight): void {
    const since = this.log.slice(baseVersion);
    const places = [...sent, ...placesOf(ops, since)].slice(0, 32);
    const committed = since.reduce<Change>((ours, event) => transform(event.ops, ours), ops);
    this.log.push({
      version: this.log.length + 1, authorId, clientId: authorId, clientSeq, ops: committed, createdAt: "", ...(places.length > 0 && { places }),
    });
  }
}

/** An editor that sends and hears when it's told to, so that a test decides what comes before what. */
export class Peer {
  readonly name: string;
  readonly history = new UndoHistory();
  readonly #hub: Hub;
  readonly #draft: Replica;
  #sent = 0;

  constructor(hub: Hub, name: string) {
    this.#hub = hub;
    this.name = name;
    this.#draft = new Replica(0, hub.text);
  }

  get text(): string {
    return this.#draft.text;
  }

  get pending(): boolean {
    return this.#draft.pending;
  }

  get behind(): number {
    return this.#hub.log.length - this.#draft.version;
  }

  edit(change: Change, now: number): void {
    this.history.edited(change, this.#apply(change), now);
  }

  undo(): Change | undefined {
    return this.history.undo((change) => this.#apply(change));
  }

  redo(): Change | undefined {
    return this.history.redo((change) => this.#apply(change));
  }

  /** Puts what waits in flight, where nothing is. */
  begin(): void {
    this.#draft.begin();
  }

  /** What is in flight reaches the hub. */
  send(): void {
    this.begin();
    const flight = this.#draft.inFlight;
    if (flight === undefined || flight.clientSeq === this.#sent) return;
    this.#sent = flight.clientSeq;
    this.#hub.commit(this.name, flight);
  }

  /** Hears of the next version. */
  hear(): void {
    const event = this.#hub.log[this.#draft.version];
    if (event === undefined) return;
    const { version, ops, places = [] } = event;
    const commit = { version, ops, places, unconfirmed: this.#draft.unconfirmed };
    if (event.authorId === this.name) {
      if (!this.#draft.commitOwn(ops)) throw new Error(`version ${version} differs`);
      this.history.commitOwn(commit);
    } else {
      this.history.applyRemote(this.#draft.commitRemote(ops), commit);
    }
    if (!this.pending) this.history.allCommitted();
  }

  #apply(change: Change): Change {
    const before = this.text;
    this.#draft.edit(change);
    return invert(before, change);
  }
}

/** Everything is sent and heard. */
export function settle(peers: readonly Peer[]): void {
  while (peers.some((peer) => peer.pending || peer.behind > 0)) {
    for (const peer of peers) {
      peer.send();
      while (peer.behind > 0) peer.hear();
    }
  }
}

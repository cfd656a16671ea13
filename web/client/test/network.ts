import type { FakeClock } from "./clock.ts";
import type { Random } from "./random.ts";

/** How bad the network is; chances from 0 to 1. */
export interface Faults {
  /** Longest time that a frame, request or answer takes, in ms: with it they overtake each other. */
  delay: number;
  drop: number;
  duplicate: number;
  /** A frame ends its socket. */
  cut: number;
}

export const noFaults: Faults = { delay: 0, drop: 0, duplicate: 0, cut: 0 };

type Listener = (event: { data?: unknown }) => void;

/** One WebSocket between a client and the fake server. */
export class FakeSocket {
  readonly sent: string[] = [];
  /** The server's side of the open socket. */
  onFrame: (text: string) => void = () => {};
  onGone: () => void = () => {};
  /** A dead network: nothing passes, and nobody is told. */
  dead = false;
  state: "opening" | "open" | "closed" = "opening";
  /** As the standard numbers them. */
  get readyState(): number {
    return { opening: 0, open: 1, closed: 3 }[this.state];
  }

  readonly #listeners = new Map<string, Listener[]>();
  readonly #network: Network;
  /** What has arrived and is handed over together with what follows soon. */
  #packet: (() => void)[] = [];

  constructor(network: Network) {
    this.#network = network;
  }

  addEventListener(type: string, listener: Listener): void {
    this.#listeners.set(type, [...(this.#listeners.get(type) ?? []), listener]);
  }

  send(text: string): void {
    this.sent.push(text);
    this.#network.pass(this, () => this.onFrame(text));
  }

  /** The client closes, or the network does. */
  close(): void {
    if (this.state === "closed") return;
    this.state = "closed";
    this.onGone();
    this.#network.clock.after(0, () => this.#fire("close", {}));
  }

  open(): void {
    if (this.state !== "opening") return;
    this.state = "open";
    this.#fire("open", {});
  }

  /** A frame from the server. */
  deliver(frame: unknown): void {
    const text = JSON.stringify(frame);
    this.#network.pass(this, () => this.#arrived(() => this.#fire("message", { data: text })));
  }

  /** Hands a frame over, or where the network gathers them, with all others of a packet in one turn. */
  #arrived(handOver: () => void): void {
    const { gatherMs, clock } = this.#network;
    if (gatherMs === undefined) {
      handOver();
      return;
    }
    if (this.#packet.push(handOver) > 1) return;
    clock.after(gatherMs, () => {
      const packet = this.#packet;
      this.#packet = [];
      for (const each of packet) if (this.state === "open" && !this.dead) each();
    });
  }

  #fire(type: string, event: { data?: unknown }): void {
    for (const listener of this.#listeners.get(type) ?? []) listener(event);
  }
}

/** Carries frames, requests and answers, as badly as `faults` says. */
export class Network {
  faults: Faults = { ...noFaults };
  readonly clock: FakeClock;
  readonly random: Random;
  /**
   * How long frames are gathered that a socket then hands over in one turn,
   * before any promise goes on, as Node does with those of a packet. Undefined:
   * each has a turn of its own.
   */
  gatherMs: number | undefined = process.env["RAPPORT_CLOCK"] === "unsteady" ? 2 : undefined;

  constructor(clock: FakeClock, random: Random) {
    this.clock = clock;
    this.random = random;
  }

  pass(socket: FakeSocket, arrive: () => void): void {
    const { drop, duplicate, cut } = this.faults;
    if (this.random.chance(cut)) {
      socket.close();
      return;
    }
    const copies = this.random.chance(drop) ? 0 : this.random.chance(duplicate) ? 2 : 1;
    for (let i = 0; i < copies; i++) {
      this.clock.after(this.latency(), () => {
        if (socket.state === "open" && !socket.dead) arrive();
      });
    }
  }

  latency(): number {
    return this.faults.delay === 0 ? 1 : 1 + this.random.below(this.faults.delay);
  }
}

import type { WebSocketConstructor } from "./websocket.ts";

/** Time, by two clocks: one for what people read, one for durations. */
export interface Clock {
  /** Milliseconds since the epoch, as the machine's clock is set: for what people read and for dates of the server. */
  now(): number;
  /** Milliseconds since some moment, by a clock that nobody sets and that never goes back: for durations. */
  elapsed(): number;
  /** Runs `run` once after `ms`; returns the function that prevents it. */
  after(ms: number, run: () => void): () => void;
}

/** Everything that the client takes from the machine it runs on; tests give their own. */
export interface Platform {
  readonly clock: Clock;
  /** From 0 up to 1, without 1. */
  readonly random: () => number;
  /** Never the same twice. */
  readonly newId: () => string;
  readonly fetch: typeof globalThis.fetch;
  readonly webSocket: WebSocketConstructor;
  /**
   * Lower-case hex SHA-256 of the UTF-8 text. Undefined where the platform has
   * none (a browser page without TLS that is not on localhost); then texts are
   * not compared with the server's hash.
   */
  readonly sha256: ((text: string) => Promise<string>) | undefined;
  /** Calls back when the machine says that its network is there again, or gone; and with true when the page is looked at again. */
  readonly onNetwork: (callback: (there: boolean) => void) => () => void;
  /** Calls back when the page may end without another word: it is left, or no longer looked at. Undefined: by the page's own events. */
  readonly onHide: ((callback: () => void) => () => void) | undefined;
  /** Whether nobody looks at the page. */
  readonly hidden: () => boolean;
}

/** Some of it; what is left out is the machine's own, also of the clock. */
export type PartialPlatform = Partial<Omit<Platform, "clock">> & { readonly clock?: Partial<Clock> };

const systemClock: Clock = {
  now: () => Date.now(),
  elapsed: () => performance.now(),
  after(ms, run) {
    const timer = setTimeout(run, ms);
    return () => clearTimeout(timer);
  },
};

/** The machine's own, with `given` in place of some. */
export function platform(given: PartialPlatform = {}): Platform {
  return {
    random: Math.random,
    newId: randomId,
    fetch: (input, init) => globalThis.fetch(input, init),
    webSocket: defaultWebSocket(),
    sha256: defaultSha256(),
    onNetwork,
    onHide: undefined,
    hidden: () => typeof document !== "undefined" && document.visibilityState === "hidden",
    ...given,
    clock: clockWith(given.clock),
  };
}

function clockWith(given: Partial<Clock> | undefined): Clock {
  if (given === undefined) return systemClock;
  return {
    now: given.now?.bind(given) ?? systemClock.now,
    elapsed: given.elapsed?.bind(given) ?? systemClock.elapsed,
    after: given.after?.bind(given) ?? systemClock.after,
  };
}

// randomUUID is missing on pages without TLS, getRandomValues is not.
function randomId(): string {
  return hex(crypto.getRandomValues(new Uint8Array(16)));
}

function defaultWebSocket(): WebSocketConstructor {
  if (typeof WebSocket !== "undefined") return WebSocket;
  return class {
    constructor() {
      throw new Error("this platform has no WebSocket: give one as the option webSocket");
    }
    send(): void {}
    close(): void {}
    addEventListener(): void {}
  };
}

function defaultSha256(): ((text: string) => Promise<string>) | undefined {
  const subtle: SubtleCrypto | undefined = globalThis.crypto.subtle;
  if (subtle === undefined) return undefined;
  return async (text) => hex(new Uint8Array(await subtle.digest("SHA-256", new TextEncoder().encode(text))));
}

function hex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

function onNetwork(callback: (there: boolean) => void): () => void {
  if (typeof globalThis.addEventListener !== "function") return () => {};
  const online = () => callback(true);
  const offline = () => callback(false);
  const shown = () => {
    if (document.visibilityState === "visible") callback(true);
  };
  const page = typeof document === "undefined" ? undefined : document;
  globalThis.addEventListener("online", online);
  globalThis.addEventListener("offline", offline);
  page?.addEventListener("visibilitychange", shown);
  return () => {
    globalThis.removeEventListener("online", online);
    globalThis.removeEventListener("offline", offline);
    page?.removeEventListener("visibilitychange", shown);
  };
}

import { Rapport } from "../src/index.ts";
import type { WebSocketConstructor } from "../src/index.ts";
import type { TokenProvider } from "../src/net/http.ts";
import type { Platform } from "../src/runtime/platform.ts";
import * as lazy from "../src/lazy.ts";
import { FakeClock, unsteady } from "./clock.ts";
import { FakeSocket, Network } from "./network.ts";
import { Random } from "./random.ts";
import { FakeServer, Refusal, sha256 } from "./server.ts";

export interface Request {
  readonly method: string;
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | undefined;
}

/** What a fake server's HTTP side answers. */
export interface Answer {
  readonly status: number;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

/** What is loaded takes its own time, beside the fake clock's: so it is there already. */
export const loaded = () => Promise.resolve(lazy);

/** One fake server, its network and clock, and the clients on them. */
export class Harness {
  readonly clock = new FakeClock();
  readonly random: Random;
  readonly network: Network;
  readonly server: FakeServer;
  readonly sockets: FakeSocket[] = [];
  readonly requests: Request[] = [];
  /** Answers in the server's place while it returns something; `"lost"` is no answer, `"hanging"` none for ever. */
  intercept: (request: Request) => Answer | "lost" | "hanging" | undefined = () => undefined;
  /**
   * Whether new sockets can be opened. hanging: they neither open nor end. mute:
   * they open, and nothing passes. cut: they open, and end soon. throwing: they can't be made.
   */
  socketsBlocked: boolean | "hanging" | "mute" | "cut" | "throwing" = false;
  /** Whether nobody looks at the page. */
  hidden = false;
  tellNetwork: (there: boolean) => void = () => {};
  #ids = 0;

  constructor(seed: number) {
    this.random = new Random(seed);
    this.network = new Network(this.clock, this.random);
    this.server = new FakeServer(this.clock, this.network);
  }

  /** A client of that user; the token is the user's id. */
  client(userId: string, token: TokenProvider = () => Promise.resolve(userId)): Rapport {
    return new Rapport({ baseUrl: "http://fake", token, offline: null, platform: this.platform() }, loaded);
  }

  platform(): Platform {
    return {
      clock: process.env["RAPPORT_CLOCK"] === "unsteady" ? unsteady(this.clock) : this.clock,
      random: this.random.next,
      newId: () => `id${++this.#ids}`,
      fetch: (input, init) => this.#fetch(String(input), init ?? {}),
      webSocket: this.#webSocket(),
      sha256: (text) => Promise.resolve(sha256(text)),
      onNetwork: (callback) => {
        this.tellNetwork = callback;
        return () => {};
      },
      onHide: () => () => {},
      hidden: () => this.hidden,
    };
  }

  #webSocket(): WebSocketConstructor {
    const connect = (socket: FakeSocket, url: string) => {
      this.sockets.push(socket);
      if (this.socketsBlocked === "hanging") return;
      if (this.socketsBlocked === "throwing") throw new Error("WebSockets are switched off");
      if (this.socketsBlocked === "mute" || this.socketsBlocked === "cut") {
        socket.dead = true;
        this.clock.after(1, () => socket.open());
        if (this.socketsBlocked === "cut") this.clock.after(500, () => socket.close());
      } else if (this.socketsBlocked) this.clock.after(1, () => socket.close());
      else this.server.connect(socket, url);
    };
    const { network } = this;
    return class extends FakeSocket {
      constructor(url: string) {
        super(network);
        connect(this, url);
      }
    };
  }

  #fetch(url: string, init: RequestInit): Promise<Response> {
    const request: Request = {
      method: init.method ?? "GET",
      url: new URL(url),
      headers: init.headers as Record<string, string>,
      body: init.body as string | undefined,
    };
    this.requests.push(request);
    const { drop } = this.network.faults;
    return new Promise((resolve, reject) => {
      init.signal?.addEventListener("abort", () => reject(init.signal?.reason));
      const lost = () => this.clock.after(1, () => reject(new TypeError("fetch failed")));
      if (this.random.chance(drop)) {
        lost();
        return;
      }
      this.clock.after(this.network.latency(), () => {
        const answer = this.intercept(request) ?? this.#serve(request);
        if (answer === "hanging") return;
        if (answer === "lost" || this.random.chance(drop)) lost();
        else this.clock.after(this.network.latency(), () => resolve(response(answer)));
      });
    });
  }

  #serve({ method, url, headers, body }: Request): Answer {
    const userId = (headers["authorization"] ?? "").replace("Bearer ", "");
    try {
      const parsed: unknown = body === undefined ? undefined : JSON.parse(body);
      return { status: 200, body: this.server.handle(method, url.pathname, url.searchParams, userId, parsed, headers["idempotency-key"]) };
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      const { code, status, oldest, epoch } = error;
      return { status, body: { code, status, detail: code, oldest, epoch } };
    }
  }
}

/** As much of a Response as the client reads; a real one settles outside the fake clock. */
function response({ status, body, headers }: Answer): Response {
  const text = body === undefined ? "" : typeof body === "string" ? body : JSON.stringify(body);
  const partial: Pick<Response, "ok" | "status" | "headers" | "text"> = {
    ok: status >= 200 && status < 300,
    status,
    headers: new Headers(headers),
    text: () => Promise.resolve(text),
  };
  return partial as Response;
}

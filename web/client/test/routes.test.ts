/** Methods that are made of routes: a new domain has them without a line of the client. */
import { describe, expect, test } from "vitest";
import { createApi } from "../src/api/api.ts";
import { bindRoutes } from "../src/api/routes.ts";
import type { CallOptions } from "../src/api/routes.ts";
import { routes } from "../src/generated/api.gen.ts";
import { Http } from "../src/net/http.ts";
import { platform } from "../src/runtime/platform.ts";

interface Sent {
  readonly method: string | undefined;
  readonly url: string;
  readonly body: unknown;
  readonly key: string | undefined;
  readonly keepalive: boolean;
}

/** Calls that are answered with `answer`, and what was sent. */
function recorded(answer: unknown = {}): { readonly http: Http; readonly sent: Sent[] } {
  const sent: Sent[] = [];
  const machine = platform({
    fetch: (input, init) => {
      const headers = new Headers(init?.headers);
      sent.push({
        method: init?.method, url: String(input), body: init?.body ?? undefined,
        key: headers.get("idempotency-key") ?? undefined, keepalive: init?.keepalive ?? false,
      });
      return Promise.resolve(new Response(JSON.stringify(answer), { status: 200 }));
    },
  });
  return { http: new Http("http://api", () => Promise.resolve("token"), machine), sent };
}

const table = {
  ping: "GET /v1/ping",
  flags: {
    list: "GET /v1/flags query",
    set: "PATCH /v1/flags/{flagId}/rules/{ruleId} body",
    kill: "POST /v1/flags/{flagId}/kill",
  },
} as const;

interface TableMethods {
  ping(options?: CallOptions): Promise<unknown>;
  readonly flags: {
    list(query?: { readonly limit?: number }, options?: CallOptions): Promise<unknown>;
    set(flagId: string, ruleId: string, body: { readonly on: boolean }, options?: CallOptions): Promise<unknown>;
    kill(flagId: string, options?: CallOptions): Promise<unknown>;
  };
}

describe("methods of a table of routes", () => {
  let ids = 0;
  const bound = (http: Http) => bindRoutes<TableMethods>(table, http, () => `key${++ids}`);

  test("put the arguments where the route says", async () => {
    const { http, sent } = recorded();
    const { ping, flags } = bound(http);
    await ping();
    await flags.list({ limit: 3 });
    await flags.list();
    await flags.set("a/b", "c d?", { on: true }, { idempotencyKey: "mine" });
    await flags.kill("$&");
    expect(sent.map(({ method, url, body }) => [method, url, body])).toEqual([
      ["GET", "http://api/v1/ping", undefined],
      ["GET", "http://api/v1/flags?limit=3", undefined],
      ["GET", "http://api/v1/flags", undefined],
      ["PATCH", "http://api/v1/flags/a%2Fb/rules/c%20d%3F", '{"on":true}'],
      ["POST", "http://api/v1/flags/%24%26/kill", undefined],
    ]);
    expect(sent.map(({ key }) => key)).toEqual([undefined, undefined, undefined, "mine", `key${ids}`]);
  });

  test("what is asked for once has no key, and what outlives the page says so", async () => {
    const { http, sent } = recorded();
    await bound(http).flags.kill("f", { once: true, keepalive: true });
    expect(sent).toEqual([{ method: "POST", url: "http://api/v1/flags/f/kill", body: undefined, key: undefined, keepalive: true }]);
  });

  test("an aborted signal keeps a call from being sent", async () => {
    const { http, sent } = recorded();
    const reason = new Error("no longer");
    await expect(bound(http).ping({ signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
    expect(sent).toEqual([]);
  });
});

test("the API has a method for every route of the declarations", () => {
  const api = createApi(recorded().http, () => "key");
  const namesOf = (value: object): string[] => Object.entries(value).flatMap(([name, each]: [string, unknown]) =>
    (typeof each === "object" && each !== null ? namesOf(each).map((inner) => `${name}.${inner}`) : [name]));
  expect(namesOf(api).sort()).toEqual(namesOf(routes).sort());
});

test("a ticket and presence are asked for once, and a role is given by its name", async () => {
  const { http, sent } = recorded({ url: "ws://x" });
  const api = createApi(http, () => "key");
  await api.tickets.create();
  await api.presence.tell("m", { clientId: "c", seq: 1, status: "gone" }, { keepalive: true });
  await api.participants.changeRole("m", "u", "observer");
  expect(sent.map(({ key, keepalive, body }) => ({ key, keepalive, body }))).toEqual([
    { key: undefined, keepalive: false, body: undefined },
    { key: undefined, keepalive: true, body: '{"clientId":"c","seq":1,"status":"gone"}' },
    { key: "key", keepalive: false, body: '{"role":"observer"}' },
  ]);
  const broken = createApi(recorded({ ok: true }).http, () => "key");
  await expect(broken.tickets.create()).rejects.toMatchObject({ code: "PROTOCOL" });
});

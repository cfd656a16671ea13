/** Methods made of a table of routes, as it is generated from the functions' declarations. */
import type { Http, HttpCall } from "../net/http.ts";

/** What every call of the API takes beside its input. */
export interface CallOptions {
  /** Aborts the call and its waits; the call then rejects with the signal's reason. */
  readonly signal?: AbortSignal;
  /** For mutations; made anew for each call when left out. Repeat it to repeat a call safely. */
  readonly idempotencyKey?: string;
  /** One attempt, and for a mutation no Idempotency-Key: for what is asked for again and again anyway. */
  readonly once?: boolean;
  /** The call goes on when the page is left. */
  readonly keepalive?: boolean;
}

/** `GET /v1/things/{id}`, with `query` or `body` behind it where the call takes one; or a group of those by name. */
export interface Routes {
  readonly [name: string]: string | Routes;
}

/** Takes the values of the path's parameters in their order, then the query or body, then CallOptions. */
type Call = (...args: readonly unknown[]) => Promise<unknown>;

/** A method for each route, in the same groups; `Methods` is their type, which is generated with the table. */
export function bindRoutes<Methods>(routes: Routes, http: Http, newId: () => string): Methods {
  return Object.fromEntries(Object.entries(routes).map(([name, route]) => [
    name, typeof route === "string" ? bindRoute(route, http, newId) : bindRoutes(route, http, newId),
  ])) as Methods;
}

function bindRoute(route: string, http: Http, newId: () => string): Call {
  const [method, template = "", input] = route.split(" ");
  return (...args) => {
    let next = 0;
    const path = template.replace(/\{\w+\}/g, () => encodeURIComponent(String(args[next++])));
    const given = input === undefined ? {} : { [input]: args[next++] };
    const { once = false, idempotencyKey, signal, keepalive } = (args[next] ?? {}) as CallOptions;
    const key = method === "GET" || once ? {} : { idempotencyKey: idempotencyKey ?? newId() };
    return http.call({ method, path, ...given, ...key, retry: !once, signal, keepalive } as HttpCall);
  };
}

import { RapportError } from "../errors.ts";
import type { ErrorCode } from "../errors.ts";
import { backoff, sleep } from "../runtime/backoff.ts";
import { asString, parseFields } from "../runtime/json.ts";
import type { Platform } from "../runtime/platform.ts";
import { readRefusal } from "./refusal.ts";

/** Gives the access token; with `refresh` the last one was refused. */
export type TokenProvider = (why: { readonly refresh: boolean }) => Promise<string>;

export interface HttpCall {
  readonly method: "GET" | "POST" | "PATCH" | "DELETE";
  /** Begins with `/v1`; its segments are encoded already. */
  readonly path: string;
  readonly query?: Readonly<Record<string, string | number | undefined>>;
  /** Sent as JSON. */
  readonly body?: unknown;
  readonly idempotencyKey?: string;
  /** Without it a failed call is not tried again. GET, or a call with an Idempotency-Key. */
  readonly retry: boolean;
  readonly signal?: AbortSignal | undefined;
  /** The call goes on when the page is left. */
  readonly keepalive?: boolean | undefined;
}

const maxAttempts = 5;
const attemptTimeoutMs = 30_000;
const backoffBaseMs = 300;
const backoffCapMs = 10_000;
/** A server that asks for a longer wait gets its error passed on. */
const maxRetryAfterMs = 30_000;

/**
 * Calls the API with a bearer token. A call that may be repeated is, with the
 * same bytes, after a network error and whatever else may pass, as the server or
 * the status says, at most five times in all. A 401 asks for the token again, once.
 */
export class Http {
  readonly #baseUrl: string;
  readonly #token: TokenProvider;
  readonly #platform: Platform;

  constructor(baseUrl: string, token: TokenProvider, platform: Platform) {
    this.#baseUrl = baseUrl.replace(/\/+$/, "");
    this.#token = token;
    this.#platform = platform;
  }

  /** The answer's JSON, undefined for 204. Rejects with RapportError, or the signal's reason. */
  async call(call: HttpCall): Promise<unknown> {
    const body = call.body === undefined ? undefined : JSON.stringify(call.body);
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.#authorised(call, body);
      } catch (error) {
        call.signal?.throwIfAborted();
        if (!(error instanceof RapportError) || !call.retry || attempt === maxAttempts) throw error;
        if (!error.retryable || (error.retryAfter ?? 0) > maxRetryAfterMs) throw error;
        const pause = backoff(attempt, backoffBaseMs, backoffCapMs, this.#platform.random);
        await sleep(this.#platform.clock, Math.max(pause, error.retryAfter ?? 0), call.signal);
      }
    }
  }

  async #authorised(call: HttpCall, body: string | undefined): Promise<unknown> {
    try {
      return await this.#attempt(call, body, await this.#askToken(false));
    } catch (error) {
      if (!(error instanceof RapportError) || error.status !== 401) throw error;
      call.signal?.throwIfAborted();
      return await this.#attempt(call, body, await this.#askToken(true));
    }
  }

  async #askToken(refresh: boolean): Promise<string> {
    try {
      return await this.#token({ refresh });
    } catch (cause) {
      if (cause instanceof RapportError) throw cause;
      throw new RapportError({ code: "NETWORK", detail: "the token provider failed", cause });
    }
  }

  async #attempt(call: HttpCall, body: string | undefined, token: string): Promise<unknown> {
    const abort = new AbortController();
    const onAbort = () => abort.abort(call.signal?.reason);
    call.signal?.throwIfAborted();
    call.signal?.addEventListener("abort", onAbort, { once: true });
    const timedOut = new RapportError({ code: "TIMEOUT", detail: `no answer in ${attemptTimeoutMs} ms` });
    const cancelTimeout = this.#platform.clock.after(attemptTimeoutMs, () => abort.abort(timedOut));
    try {
      const headers: Record<string, string> = { authorization: `Bearer ${token}` };
      if (body !== undefined) headers["content-type"] = "application/json";
      if (call.idempotencyKey !== undefined) headers["idempotency-key"] = call.idempotencyKey;
      const response = await this.#platform.fetch(this.#url(call), {
        method: call.method,
        headers,
        signal: abort.signal,
        cache: "no-store",
        credentials: "omit",
        ...(body === undefined ? {} : { body }),
        ...(call.keepalive === true ? { keepalive: true } : {}),
      });
      const text = await response.text();
      if (!response.ok) throw problem(response, text, this.#platform.clock.now());
      return parseAnswer(response.status, text);
    } catch (error) {
      call.signal?.throwIfAborted();
      if (error instanceof RapportError) throw error;
      if (abort.signal.aborted) throw timedOut;
      throw new RapportError({ code: "NETWORK", detail: `${call.method} ${call.path} failed`, cause: error });
    } finally {
      cancelTimeout();
      call.signal?.removeEventListener("abort", onAbort);
    }
  }

  #url(call: HttpCall): string {
    const query = new URLSearchParams();
    for (const [name, value] of Object.entries(call.query ?? {})) {
      if (value !== undefined) query.set(name, String(value));
    }
    const search = query.toString();
    return this.#baseUrl + call.path + (search === "" ? "" : `?${search}`);
  }
}

function parseAnswer(status: number, text: string): unknown {
  if (status === 204 || text === "") return undefined;
  try {
    return JSON.parse(text) as unknown;
  } catch (cause) {
    throw new RapportError({ code: "PROTOCOL", detail: "the answer is not JSON", status, cause });
  }
}

/** The error of a refused call: problem+json, or what API Gateway says itself. */
function problem(response: Response, text: string, now: number): RapportError {
  const fields = parseFields(text) ?? {};
  const { code, detail, ...rest } = readRefusal(fields);
  return new RapportError({
    code: code ?? codeOfStatus(response.status),
    detail: detail ?? asString(fields["message"]) ?? `HTTP ${response.status}`,
    status: response.status,
    requestId: asString(fields["requestId"]),
    retryAfter: parseRetryAfter(response, now),
    ...rest,
  });
}

const codes: Readonly<Record<number, ErrorCode>> = {
  400: "VALIDATION_ERROR",
  401: "UNAUTHORIZED",
  403: "FORBIDDEN",
  404: "NOT_FOUND",
  405: "METHOD_NOT_ALLOWED",
  409: "CONFLICT",
  410: "HISTORY_GONE",
  413: "PAYLOAD_TOO_LARGE",
  415: "UNSUPPORTED_MEDIA_TYPE",
  429: "RATE_LIMITED",
  500: "INTERNAL",
  502: "PROVIDER_ERROR",
};

function codeOfStatus(status: number): ErrorCode {
  return codes[status] ?? (status >= 500 ? "INTERNAL" : "PROTOCOL");
}

/** Seconds or a date, as milliseconds from now; a date counts from the answer's own, where that can be read. */
function parseRetryAfter({ headers }: Response, now: number): number | undefined {
  const header = headers.get("retry-after");
  if (header === null || header.trim() === "") return undefined;
  const seconds = Number(header);
  if (!Number.isNaN(seconds)) return Math.max(0, seconds * 1000);
  const answeredAt = Date.parse(headers.get("date") ?? "");
  const ms = Date.parse(header) - (Number.isNaN(answeredAt) ? now : answeredAt);
  return Number.isNaN(ms) ? undefined : Math.max(0, ms);
}

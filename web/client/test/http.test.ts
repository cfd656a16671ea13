import { describe, expect, test } from "vitest";
import { RapportError } from "../src/index.ts";
import { Http } from "../src/net/http.ts";
import type { Answer } from "./harness.ts";
import { Harness } from "./harness.ts";

/** Answers these in order, then lets the server answer. */
function script(harness: Harness, ...answers: readonly (Answer | "lost")[]): void {
  const left = [...answers];
  harness.intercept = () => left.shift();
}

async function outcome<T>(harness: Harness, promise: Promise<T>, ms = 120_000): Promise<T | RapportError> {
  let result: T | RapportError | undefined;
  promise.then(
    (value) => {
      result = value;
    },
    (error: unknown) => {
      result = error as RapportError;
    },
  );
  await harness.clock.until(() => result !== undefined, ms);
  return result as T | RapportError;
}

const created: Answer = { status: 201, body: { meetingId: "m2", title: "Plan" } };
const unavailable: Answer = { status: 503 };

describe("a mutation", () => {
  test.each<[string, readonly (Answer | "lost")[]]>([
    ["a lost answer", ["lost", created]],
    ["502, 503 and 504", [{ status: 502 }, unavailable, { status: 504 }, created]],
    ["CONFLICT with its own first attempt under way", ["lost", { status: 409, body: { code: "CONFLICT", retryable: true } }, created]],
  ])("is repeated after %s with the same key and body", async (_name, answers) => {
    const harness = new Harness(1);
    script(harness, ...answers);
    const made = await outcome(harness, harness.client("ada").meetings.create({ title: "Plan" }));
    expect(made).toMatchObject({ meetingId: "m2" });
    expect(harness.requests).toHaveLength(answers.length);
    expect(new Set(harness.requests.map((r) => r.headers["idempotency-key"])).size).toBe(1);
    expect(harness.requests[0]?.headers["idempotency-key"]).toBeTruthy();
    expect(new Set(harness.requests.map((r) => r.body))).toEqual(new Set(['{"title":"Plan"}']));
  });

  test("waits as long as Retry-After says", async () => {
    const harness = new Harness(1);
    script(harness, { status: 429, headers: { "retry-after": "7" }, body: { code: "RATE_LIMITED" } }, created);
    const start = harness.clock.now();
    await outcome(harness, harness.client("ada").meetings.create({ title: "Plan" }));
    expect(harness.clock.now() - start).toBeGreaterThanOrEqual(7_000);
  });

  test("gives up after five attempts, and at once when asked to wait for long", async () => {
    const harness = new Harness(1);
    harness.intercept = () => unavailable;
    expect(await outcome(harness, harness.client("ada").meetings.create({ title: "Plan" }))).toMatchObject({ status: 503 });
    expect(harness.requests).toHaveLength(5);
    harness.intercept = () => ({ status: 429, headers: { "retry-after": "3600" } });
    expect(await outcome(harness, harness.client("ada").meetings.start("m1"))).toMatchObject({
      code: "RATE_LIMITED", retryAfter: 3_600_000,
    });
    expect(harness.requests).toHaveLength(6);
  });

  test.each([400, 403, 404, 409, 410, 413])("is not repeated after %i", async (status) => {
    const harness = new Harness(1);
    script(harness, { status });
    expect(await outcome(harness, harness.client("ada").meetings.start("m1"))).toBeInstanceOf(RapportError);
    expect(harness.requests).toHaveLength(1);
  });
});

test("a problem becomes a typed error", async () => {
  const harness = new Harness(1);
  const errors = [{ location: "body.title", detail: "is empty" }];
  script(harness, {
    status: 400,
    body: { type: "about:blank", title: "Bad Request", status: 400, detail: "see errors", code: "VALIDATION_ERROR", requestId: "r1", errors },
  });
  const error = await outcome(harness, harness.client("ada").meetings.create({ title: "" }));
  expect(error).toBeInstanceOf(RapportError);
  expect(error).toMatchObject({ code: "VALIDATION_ERROR", status: 400, detail: "see errors", requestId: "r1", errors });
});

test("API Gateway's own refusal has a code too", async () => {
  const harness = new Harness(1);
  script(harness, { status: 413, body: { message: "Request Too Long" } });
  expect(await outcome(harness, harness.client("ada").me())).toMatchObject({ code: "PAYLOAD_TOO_LARGE", detail: "Request Too Long" });
});

test("an answer that is not JSON is PROTOCOL", async () => {
  const harness = new Harness(1);
  script(harness, { status: 200, body: "<html>" });
  expect(await outcome(harness, harness.client("ada").me())).toMatchObject({ code: "PROTOCOL", status: 200 });
});

test("a refused token is asked for again, once", async () => {
  const harness = new Harness(1);
  const asked: boolean[] = [];
  const client = harness.client("ada", ({ refresh }) => {
    asked.push(refresh);
    return Promise.resolve(refresh ? "ada" : "old");
  });
  harness.server.refusedTokens.add("old");
  expect(await outcome(harness, client.me())).toMatchObject({ userId: "ada" });
  expect(asked).toEqual([false, true]);
  harness.server.refusedTokens.add("ada");
  expect(await outcome(harness, client.me())).toMatchObject({ code: "UNAUTHORIZED", status: 401 });
  expect(asked).toEqual([false, true, false, true]);
});

test("an abort rejects with its reason, also in a wait between attempts", async () => {
  const harness = new Harness(1);
  harness.intercept = () => ({ status: 429, headers: { "retry-after": "20" } });
  const abort = new AbortController();
  const reason = new Error("left the page");
  const call = outcome(harness, harness.client("ada").me({ signal: abort.signal }));
  await harness.clock.run(1_000);
  abort.abort(reason);
  expect(await call).toBe(reason);
  expect(harness.requests).toHaveLength(1);
});

test("an attempt without an answer ends after 30 s and is made again", async () => {
  const harness = new Harness(1);
  let first = true;
  const platform = harness.platform();
  const http = new Http("http://fake/", () => Promise.resolve("ada"), {
    ...platform,
    fetch: (input, init) => {
      if (!first) return platform.fetch(input, init);
      first = false;
      return new Promise((_, reject) => init?.signal?.addEventListener("abort", () => reject(init.signal?.reason)));
    },
  });
  const start = harness.clock.now();
  const user = await outcome(harness, http.call({ method: "GET", path: "/v1/me", retry: true }));
  expect(user).toMatchObject({ userId: "ada" });
  expect(harness.clock.now() - start).toBeGreaterThanOrEqual(30_000);
});

test("paths and queries are encoded", async () => {
  const harness = new Harness(1);
  harness.intercept = () => ({ status: 200, body: { items: [], nextCursor: null } });
  const rapport = harness.client("ada");
  await outcome(harness, rapport.participants.changeRole("a/b", "c d?", "observer"));
  await outcome(harness, rapport.meetings.list({ limit: 5, cursor: "x&y" }));
  expect(harness.requests.map((r) => `${r.method} ${r.url.pathname}${r.url.search}`)).toEqual([
    "PATCH /v1/meetings/a%2Fb/participants/c%20d%3F",
    "GET /v1/meetings?limit=5&cursor=x%26y",
  ]);
});

test.each([-3_600_000, 0, 3_600_000])("a date to wait until counts from the answer's own, on a machine that is %d ms off", async (ms) => {
  const harness = new Harness(1);
  const answered = harness.clock.now() + ms;
  const headers = { date: new Date(answered).toUTCString(), "retry-after": new Date(answered + 7_000).toUTCString() };
  script(harness, { status: 429, headers, body: { code: "RATE_LIMITED" } });
  const made = harness.client("ada").me();
  await harness.clock.run(6_900);
  expect(harness.requests).toHaveLength(1);
  await harness.clock.run(3_000);
  expect(await made).toMatchObject({ userId: "ada" });
});

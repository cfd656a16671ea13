import { describe, expect, test } from "vitest";
import { RapportError } from "../src/index.ts";
import { Http } from "../src/net/http.ts";
import type { Answer } from "./world.ts";
import { World } from "./world.ts";

/** Answers these in order, then lets the server answer. */
function script(world: World, ...answers: readonly (Answer | "lost")[]): void {
  const left = [...answers];
  world.intercept = () => left.shift();
}

async function outcome<T>(world: World, promise: Promise<T>, ms = 120_000): Promise<T | RapportError> {
  let result: T | RapportError | undefined;
  promise.then(
    (value) => {
      result = value;
    },
    (error: unknown) => {
      result = error as RapportError;
    },
  );
  await world.clock.until(() => result !== undefined, ms);
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
    const world = new World(1);
    script(world, ...answers);
    const made = await outcome(world, world.client("ada").meetings.create({ title: "Plan" }));
    expect(made).toMatchObject({ meetingId: "m2" });
    expect(world.requests).toHaveLength(answers.length);
    expect(new Set(world.requests.map((r) => r.headers["idempotency-key"])).size).toBe(1);
    expect(world.requests[0]?.headers["idempotency-key"]).toBeTruthy();
    expect(new Set(world.requests.map((r) => r.body))).toEqual(new Set(['{"title":"Plan"}']));
  });

  test("waits as long as Retry-After says", async () => {
    const world = new World(1);
    script(world, { status: 429, headers: { "retry-after": "7" }, body: { code: "RATE_LIMITED" } }, created);
    const start = world.clock.now();
    await outcome(world, world.client("ada").meetings.create({ title: "Plan" }));
    expect(world.clock.now() - start).toBeGreaterThanOrEqual(7_000);
  });

  test("gives up after five attempts, and at once when asked to wait for long", async () => {
    const world = new World(1);
    world.intercept = () => unavailable;
    expect(await outcome(world, world.client("ada").meetings.create({ title: "Plan" }))).toMatchObject({ status: 503 });
    expect(world.requests).toHaveLength(5);
    world.intercept = () => ({ status: 429, headers: { "retry-after": "3600" } });
    expect(await outcome(world, world.client("ada").meetings.start("m1"))).toMatchObject({
      code: "RATE_LIMITED", retryAfter: 3_600_000,
    });
    expect(world.requests).toHaveLength(6);
  });

  test.each([400, 403, 404, 409, 410, 413])("is not repeated after %i", async (status) => {
    const world = new World(1);
    script(world, { status });
    expect(await outcome(world, world.client("ada").meetings.start("m1"))).toBeInstanceOf(RapportError);
    expect(world.requests).toHaveLength(1);
  });
});

test("a problem becomes a typed error", async () => {
  const world = new World(1);
  const errors = [{ location: "body.title", detail: "is empty" }];
  script(world, {
    status: 400,
    body: { type: "about:blank", title: "Bad Request", status: 400, detail: "see errors", code: "VALIDATION_ERROR", requestId: "r1", errors },
  });
  const error = await outcome(world, world.client("ada").meetings.create({ title: "" }));
  expect(error).toBeInstanceOf(RapportError);
  expect(error).toMatchObject({ code: "VALIDATION_ERROR", status: 400, detail: "see errors", requestId: "r1", errors });
});

test("API Gateway's own refusal has a code too", async () => {
  const world = new World(1);
  script(world, { status: 413, body: { message: "Request Too Long" } });
  expect(await outcome(world, world.client("ada").me())).toMatchObject({ code: "PAYLOAD_TOO_LARGE", detail: "Request Too Long" });
});

test("an answer that is not JSON is PROTOCOL", async () => {
  const world = new World(1);
  script(world, { status: 200, body: "<html>" });
  expect(await outcome(world, world.client("ada").me())).toMatchObject({ code: "PROTOCOL", status: 200 });
});

test("a refused token is asked for again, once", async () => {
  const world = new World(1);
  const asked: boolean[] = [];
  const client = world.client("ada", ({ refresh }) => {
    asked.push(refresh);
    return Promise.resolve(refresh ? "ada" : "old");
  });
  world.server.refusedTokens.add("old");
  expect(await outcome(world, client.me())).toMatchObject({ userId: "ada" });
  expect(asked).toEqual([false, true]);
  world.server.refusedTokens.add("ada");
  expect(await outcome(world, client.me())).toMatchObject({ code: "UNAUTHORIZED", status: 401 });
  expect(asked).toEqual([false, true, false, true]);
});

test("an abort rejects with its reason, also in a wait between attempts", async () => {
  const world = new World(1);
  world.intercept = () => ({ status: 429, headers: { "retry-after": "20" } });
  const abort = new AbortController();
  const reason = new Error("left the page");
  const call = outcome(world, world.client("ada").me({ signal: abort.signal }));
  await world.clock.run(1_000);
  abort.abort(reason);
  expect(await call).toBe(reason);
  expect(world.requests).toHaveLength(1);
});

test("an attempt without an answer ends after 30 s and is made again", async () => {
  const world = new World(1);
  let first = true;
  const platform = world.platform();
  const http = new Http("http://fake/", () => Promise.resolve("ada"), {
    ...platform,
    fetch: (input, init) => {
      if (!first) return platform.fetch(input, init);
      first = false;
      return new Promise((_, reject) => init?.signal?.addEventListener("abort", () => reject(init.signal?.reason)));
    },
  });
  const start = world.clock.now();
  const user = await outcome(world, http.call({ method: "GET", path: "/v1/me", retry: true }));
  expect(user).toMatchObject({ userId: "ada" });
  expect(world.clock.now() - start).toBeGreaterThanOrEqual(30_000);
});

test("paths and queries are encoded", async () => {
  const world = new World(1);
  world.intercept = () => ({ status: 200, body: { items: [], nextCursor: null } });
  const rapport = world.client("ada");
  await outcome(world, rapport.participants.changeRole("a/b", "c d?", "observer"));
  await outcome(world, rapport.meetings.list({ limit: 5, cursor: "x&y" }));
  expect(world.requests.map((r) => `${r.method} ${r.url.pathname}${r.url.search}`)).toEqual([
    "PATCH /v1/meetings/a%2Fb/participants/c%20d%3F",
    "GET /v1/meetings?limit=5&cursor=x%26y",
  ]);
});

test.each([-3_600_000, 0, 3_600_000])("a date to wait until counts from the answer's own, on a machine that is %d ms off", async (ms) => {
  const world = new World(1);
  const answered = world.clock.now() + ms;
  const headers = { date: new Date(answered).toUTCString(), "retry-after": new Date(answered + 7_000).toUTCString() };
  script(world, { status: 429, headers, body: { code: "RATE_LIMITED" } });
  const made = world.client("ada").me();
  await world.clock.run(6_900);
  expect(world.requests).toHaveLength(1);
  await world.clock.run(3_000);
  expect(await made).toMatchObject({ userId: "ada" });
});

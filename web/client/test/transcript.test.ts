import { beforeEach, expect, test } from "vitest";
import type { Rapport, Speech, TranscriptChunk } from "../src/index.ts";
import { Harness } from "./harness.ts";

let harness: Harness;
let rapport: Rapport;

beforeEach(() => {
  harness = new Harness(5);
  harness.server.roles.set("ada", "participant");
  rapport = harness.client("ada");
});

function speech(text: string): Speech {
  return { text, confidence: 1, startMs: 0, endMs: 1, isFinal: true };
}

function posts(): { body: string | undefined; key: string | undefined }[] {
  return harness.requests
    .filter((r) => r.method === "POST" && r.url.pathname.endsWith("/transcript"))
    .map((r) => ({ body: r.body, key: r.headers["idempotency-key"] }));
}

test("chunks go together, at most twenty, in order, and each caller gets its position", async () => {
  const transcriber = rapport.openTranscriber("m1");
  const positions: number[] = [];
  for (let i = 0; i < 45; i++) void transcriber.add(speech(`${i}`)).then((position) => positions.push(position));
  await harness.clock.run(200);
  expect(posts().map(({ body }) => (JSON.parse(body ?? "") as { chunks: unknown[] }).chunks.length)).toEqual([1, 20, 20, 4]);
  expect(positions).toEqual(Array.from({ length: 45 }, (_, i) => i + 1));
  expect(harness.server.transcript.map((chunk) => chunk["text"])).toEqual(Array.from({ length: 45 }, (_, i) => String(i)));
});

test("a batch whose answer is lost is repeated with its key and body, and is there once", async () => {
  let lost = 0;
  const serve = harness.intercept;
  harness.intercept = (r) => {
    if (!r.url.pathname.endsWith("/transcript") || lost++ >= 2) return serve(r);
    // It arrives, the answer doesn't.
    harness.server.handle(r.method, r.url.pathname, r.url.searchParams, "ada", JSON.parse(r.body ?? ""), r.headers["idempotency-key"]);
    return "lost";
  };
  const transcriber = rapport.openTranscriber("m1");
  const position = transcriber.add(speech("once"));
  await harness.clock.run(20_000);
  expect(await position).toBe(1);
  expect(posts()).toHaveLength(3);
  expect(new Set(posts().map((post) => JSON.stringify(post))).size).toBe(1);
  expect(harness.server.transcript).toHaveLength(1);
});

test("a refusal comes to every caller of the batch, and to no other", async () => {
  let n = 0;
  harness.intercept = (r) =>
    r.url.pathname.endsWith("/transcript") && ++n === 2 ? { status: 409, body: { code: "MEETING_NOT_ACTIVE", status: 409 } } : undefined;
  const transcriber = rapport.openTranscriber("m1");
  const all = Promise.allSettled(Array.from({ length: 30 }, (_, i) => transcriber.add(speech(String(i)))));
  await harness.clock.run(1_000);
  const codes = (await all).map((r) => (r.status === "rejected" ? (r.reason as { code: string }).code : "ok"));
  expect(codes).toEqual([
    "ok", ...Array.from({ length: 20 }, () => "MEETING_NOT_ACTIVE"), ...Array.from({ length: 9 }, () => "ok"),
  ]);
});

test("long chunks share a request only as far as a body goes", async () => {
  const transcriber = rapport.openTranscriber("m1");
  for (let i = 0; i < 41; i++) void transcriber.add(speech("漢".repeat(4_000)));
  await harness.clock.run(1_000);
  for (const { body } of posts()) expect(Buffer.byteLength(body ?? "")).toBeLessThan(256 * 1024);
  expect(harness.server.transcript).toHaveLength(41);
});

test("a follower gets every chunk once, in order, across cuts and a bad network", async () => {
  const heard: TranscriptChunk[] = [];
  const watched = rapport.watchTranscript("m1", { onChunk: (chunk) => heard.push(chunk) });
  const transcriber = harness.client("ada").openTranscriber("m1");
  harness.network.faults = { delay: 300, drop: 0.05, duplicate: 0.1, cut: 0.01 };
  for (let i = 0; i < 300; i++) {
    void transcriber.add(speech(String(i))).catch(() => {});
    await harness.clock.run(50);
  }
  harness.network.faults = { delay: 0, drop: 0, duplicate: 0, cut: 0 };
  await harness.clock.run(60_000);
  void transcriber.add(speech("last"));
  await harness.clock.run(20_000);
  expect(heard.map(({ position }) => position)).toEqual(harness.server.transcript.map((_, i) => i + 1));
  expect(heard.map(({ text }) => text)).toEqual(harness.server.transcript.map((chunk) => chunk["text"]));
  watched.close();
});

test("a follower from an expired position goes on with the oldest that is kept", async () => {
  for (let i = 0; i < 10; i++) void rapport.transcript.append("m1", { chunks: [speech(String(i))] });
  await harness.clock.run(100);
  harness.server.expired = 6;
  const heard: string[] = [];
  rapport.watchTranscript("m1", { onChunk: ({ text }) => heard.push(text), onGap: (oldest) => heard.push(`gap ${oldest}`) });
  await harness.clock.run(1_000);
  expect(heard).toEqual(["gap 7", "6", "7", "8", "9"]);
});

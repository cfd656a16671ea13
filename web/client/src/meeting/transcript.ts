import type { Api } from "../api/api.ts";
import type { Speech, TranscriptChunk } from "../api/types.ts";
import { RapportError } from "../errors.ts";
import type { SocketConnection } from "../net/connection.ts";
import type { TopicEvent } from "../net/frames.ts";
import { LogTopic } from "../net/logtopic.ts";
import type { EndReason } from "../net/topic.ts";
import { asFields, asString } from "../runtime/json.ts";
import type { Platform } from "../runtime/platform.ts";
import type { Batcher } from "./batcher.ts";
import type { MeetingReader } from "./reader.ts";

const limits = {
  maxItems: 20,
  /** Bytes; a body may have 256 KB. */
  maxSize: 200_000,
  windowMs: 100,
  maxWaiting: 2_000,
};
const pageLength = 200;

/**
 * Adds what is said to a meeting's transcript: chunks go together, at most 20
 * or what came in 100 ms, one request at a time and so in order. A request
 * that fails is repeated with the same key and body, five times in all, and
 * then fails for each of its chunks.
 *
 * Made by `Rapport.openTranscriber`.
 */
export class Transcriber {
  readonly meetingId: string;
  readonly #api: Api;
  readonly #platform: Platform;
  readonly #loadBatcher: () => Promise<typeof Batcher>;
  /** Undefined before it was first needed; those who wait for it go on in their order. */
  #batcher: Promise<Batcher<Speech, number>> | undefined;

  constructor(api: Api, platform: Platform, loadBatcher: () => Promise<typeof Batcher>, meetingId: string) {
    this.#loadBatcher = loadBatcher;
    this.meetingId = meetingId;
    this.#api = api;
    this.#platform = platform;
  }

  /** Resolves with the chunk's position; rejects with RapportError. RATE_LIMITED when 2,000 chunks wait already. */
  async add(chunk: Speech): Promise<number> {
    return (await this.#loaded()).add(chunk);
  }

  /** Sends what waits at once; resolves when all of it is answered. */
  async flush(): Promise<void> {
    await (await this.#loaded()).flush();
  }

  /** As flush; chunks added later are CLOSED. */
  async close(): Promise<void> {
    await (await this.#loaded()).close();
  }

  #loaded(): Promise<Batcher<Speech, number>> {
    this.#batcher ??= this.#load().catch((error: unknown) => {
      this.#batcher = undefined; // The next use tries again.
      throw error;
    });
    return this.#batcher;
  }

  async #load(): Promise<Batcher<Speech, number>> {
    const Loaded = await this.#loadBatcher();
    return new Loaded(this.#platform.clock, limits, sizeOf, async (chunks) => {
      const answer = await this.#api.transcript.append(this.meetingId, { chunks }, { idempotencyKey: this.#platform.newId() });
      return chunks.map((_, i) => answer.firstPosition + i);
    });
  }
}

function sizeOf(chunk: Speech): number {
  return new TextEncoder().encode(JSON.stringify(chunk)).length;
}

/** What a follower of a transcript gets. */
export interface TranscriptWatchHandlers {
  /** Each chunk once, in order. */
  onChunk(chunk: TranscriptChunk): void;
  /** The chunks up to `oldest` have expired; the next is the oldest that is kept. */
  onGap?(oldest: number): void;
  /** An earlier state was restored: what came is void, and all that is kept follows anew. */
  onRestored?(): void;
  /** Once, after which nothing comes any more. */
  onEnd?(reason: EndReason, error?: RapportError): void;
}

export interface TranscriptDependencies {
  readonly api: Api;
  readonly connection: SocketConnection;
  readonly platform: Platform;
  readonly meetings: () => Promise<MeetingReader>;
}

/** Follows a meeting's transcript from a position on. */
export class TranscriptFollower {
  readonly #api: Api;
  readonly #connection: SocketConnection;
  readonly #platform: Platform;
  readonly #meetings: () => Promise<MeetingReader>;
  readonly #meetingId: string;
  readonly #handlers: TranscriptWatchHandlers;
  #topic: LogTopic;
  /** What the topic's positions belong to; undefined before the server has said it. */
  #epoch: string | undefined;

  constructor({ api, connection, platform, meetings }: TranscriptDependencies, meetingId: string, from: number, handlers: TranscriptWatchHandlers) {
    this.#api = api;
    this.#connection = connection;
    this.#platform = platform;
    this.#meetings = meetings;
    this.#meetingId = meetingId;
    this.#handlers = handlers;
    this.#topic = this.#open(from, undefined);
  }

  close(): void {
    this.#topic.close();
  }

  #open(from: number, epoch: string | undefined): LogTopic {
    this.#epoch = epoch;
    const topic = new LogTopic(this.#connection, this.#platform, `meetings/${this.#meetingId}/transcript`, from, epoch, {
      onEpoch: (known) => {
        this.#epoch = known;
      },
      onEvent: (event) => {
        const chunk = parseChunk(event);
        if (chunk !== undefined) this.#handlers.onChunk(chunk);
      },
      onHistoryGone: (error) => this.#historyGone(error),
      onEnd: (reason, error) => this.#handlers.onEnd?.(reason, error),
      read: async (after, signal) => {
        const page = await this.#api.transcript.list(this.#meetingId, {
          from: after, limit: pageLength, ...(this.#epoch !== undefined && { epoch: this.#epoch }),
        }, { signal, once: true });
        return page.items.map((chunk) => ({ position: chunk.position, data: chunk, omitted: false }));
      },
      access: async (signal) => (await this.#meetings()).access(this.#meetingId, undefined, signal),
    });
    topic.start();
    return topic;
  }

  #historyGone(error: RapportError): void {
    this.#topic.close();
    if (error.epoch !== undefined) {
      this.#handlers.onRestored?.();
      this.#topic = this.#open(0, error.epoch);
      return;
    }
    if (error.oldest === undefined) {
      this.#handlers.onEnd?.("refused", error);
      return;
    }
    this.#handlers.onGap?.(error.oldest);
    this.#topic = this.#open(error.oldest - 1, this.#epoch);
  }
}

/** Undefined for what is no chunk: a later contract's, or a server's mistake, that must not end the rest. */
function parseChunk(event: TopicEvent): TranscriptChunk | undefined {
  const fields = asFields(event.data);
  if (asString(fields?.["text"]) === undefined) return undefined;
  return { ...(fields as unknown as TranscriptChunk), position: event.position };
}

import { createHash } from "node:crypto";
import { apply, transform, validate } from "../src/index.ts";
import type { Change, NotesChange, NotesEvent, RapportError, Role } from "../src/index.ts";
import { countCodePoints } from "../src/ot/codepoints.ts";
import type { FakeClock } from "./clock.ts";
import type { FakeSocket, Network } from "./network.ts";
import { placesOf } from "./places.ts";

export class Refusal extends Error {
  readonly code: string;
  readonly status: number;
  readonly oldest: number | undefined;
  readonly epoch: string | undefined;

  constructor(code: string, status: number, oldest?: number, epoch?: string) {
    super(code);
    this.code = code;
    this.status = status;
    this.oldest = oldest;
    this.epoch = epoch;
  }
}

interface Link {
  readonly socket: FakeSocket;
  readonly userId: string;
  readonly topics: Set<string>;
}

type Fields = Record<string, unknown>;

export function sha256(text: string): string {
  return createHash("sha256").update(text, "utf8").digest("hex");
}

/**
 * The contract's notes and meeting topic of one meeting, in memory: transforms
 * and appends changes, replays, and tells the newest position with its hash.
 */
export class FakeServer {
  readonly meetingId = "m1";
  readonly notesTopic = "meetings/m1/notes";
  readonly transcriptTopic = "meetings/m1/transcript";
  readonly roles = new Map<string, Role>();
  state = "active";
  revision = 1;
  content = "";
  log: NotesEvent[] = [];
  /** What positions belong to. */
  epoch = "1";
  /** Changes up to this version are gone. */
  horizon = 0;
  /** Tokens are user ids; these are refused. */
  readonly refusedTokens = new Set<string>();
  /** Answers the next edits of sockets with these instead, in order. */
  readonly refuseEdits: Refusal[] = [];
  /** Every edit as it arrived, by identity. */
  readonly arrivals = new Map<string, Set<string>>();
  /** Events above this size are sent without data. */
  omitAbove = 32_000;
  /** Counts of what clients sent, by action. */
  readonly actions = new Map<string, number>();
  links: Link[] = [];
  /** Presence frames as they came, with their time. */
  readonly presence: { readonly at: number; readonly socket: FakeSocket | undefined; readonly fields: Fields }[] = [];
  /** Everybody who is told to be there beside those who say so themselves. */
  here: Fields[] = [];
  /** Those who say so, by user and client. */
  readonly #present = new Map<string, { readonly seq: number; readonly row: Fields | undefined }>();
  /** Whether those are told to the others; left out where a test tells by itself. */
  tellsPresence = false;
  /** Answers the next presence frames that ask for an answer with these codes, in order. */
  readonly refusePresence: string[] = [];
  /** The transcript's chunks, and the answers by Idempotency-Key. */
  readonly transcript: Fields[] = [];
  /** Chunks up to this position have expired. */
  expired = 0;
  readonly #probe = new Map<string, { readonly body: string; readonly answer: unknown }>();
  /** A socket whose frames get lost, both ways. */
  silent: Link | undefined;
  readonly #tickets = new Map<string, string>();
  readonly #clock: FakeClock;
  readonly #network: Network;
  #ticketCount = 0;
  #headDue = false;

  constructor(clock: FakeClock, network: Network) {
    this.#clock = clock;
    this.#network = network;
  }

  get version(): number {
    return this.log.length;
  }

  // HTTP.

  handle(method: string, path: string, query: URLSearchParams, userId: string, body: unknown, key = ""): unknown {
    if (this.refusedTokens.has(userId)) throw new Refusal("UNAUTHORIZED", 401);
    const route = `${method} ${path}`;
    const base = `/v1/meetings/${this.meetingId}`;
    if (route === "GET /v1/me") return { userId, email: `${userId}@example.com`, displayName: userId };
    if (route === "POST /v1/realtime/tickets") return this.#ticket(userId);
    if (!this.roles.has(userId)) throw new Refusal("FORBIDDEN", 403);
    switch (route) {
      case `GET ${base}`:
        return { ...this.#meeting(), epoch: this.epoch };
      case `GET ${base}/participants`:
        return { items: this.#participants(), nextCursor: null, epoch: this.epoch };
      case `GET ${base}/notes`:
        return { version: this.version, epoch: this.epoch, content: this.content, hash: sha256(this.content) };
      case `GET ${base}/notes/changes`:
        this.#checkEpoch(query.get("epoch"));
        return this.#changes(Number(query.get("from") ?? "0"), Number(query.get("limit") ?? "50"));
      case `POST ${base}/notes/changes`:
        return this.commit(userId, body as NotesChange, JSON.stringify(body));
      case `GET ${base}/presence`:
        return { items: this.everybody, nextCursor: null };
      case `POST ${base}/presence`:
        return this.#appeared(undefined, userId, body as Fields);
      case `POST ${base}/transcript`:
        return this.#once(key, body, () => this.#append((body as { chunks: Fields[] }).chunks));
      case `GET ${base}/transcript`:
        this.#checkEpoch(query.get("epoch"));
        return { epoch: this.epoch, items: this.#chunks(Number(query.get("from") ?? "0")).slice(0, Number(query.get("limit") ?? "50")), nextCursor: null };
      default:
        throw new Refusal("NOT_FOUND", 404);
    }
  }

  /** The first answer to a key again; CONFLICT for another body. */
  #once(key: string, body: unknown, act: () => unknown): unknown {
    const text = JSON.stringify(body);
    const first = this.#probe.get(key);
    if (first !== undefined && first.body !== text) throw new Refusal("CONFLICT", 409);
    const answer = first?.answer ?? act();
    this.#probe.set(key, { body: text, answer });
    return answer;
  }

  #append(chunks: readonly Fields[]): unknown {
    if (chunks.length > 20) throw new Refusal("VALIDATION_ERROR", 400);
    const firstPosition = this.transcript.length + 1;
    for (const chunk of chunks) this.transcript.push({ ...chunk, position: this.transcript.length + 1 });
    const added = this.transcript.slice(firstPosition - 1);
    for (const link of this.#subscribers(this.transcriptTopic)) this.#tell(link, added);
    return { firstPosition, lastPosition: this.transcript.length };
  }

  #chunks(from: number): Fields[] {
    if (from < this.expired) throw new Refusal("HISTORY_GONE", 410, this.expired + 1);
    return this.transcript.slice(from);
  }

  #tell(link: Link, chunks: readonly Fields[]): void {
    link.socket.deliver({
      type: "event", topic: this.transcriptTopic, epoch: this.epoch, events: chunks.map((data) => ({ position: data["position"], at: "", data })),
    });
  }

  #ticket(userId: string): unknown {
    const ticket = `t${++this.#ticketCount}`;
    this.#tickets.set(ticket, userId);
    return { ticket, url: `ws://fake/?ticket=${ticket}`, expiresAt: new Date(this.#clock.now() + 30_000).toISOString() };
  }

  get everybody(): Fields[] {
    return [...this.here, ...[...this.#present.values()].flatMap<Fields>(({ row }) => row ?? [])];
  }

  /** Somebody tells that they are there, or have gone: the highest number of a client wins. */
  #appeared(socket: FakeSocket | undefined, userId: string, fields: Fields): Fields {
    this.presence.push({ at: this.#clock.now(), socket, fields });
    const { clientId, seq, status, cursor } = fields;
    const key = `${userId}/${String(clientId)}`;
    if (Number(seq) <= (this.#present.get(key)?.seq ?? -1)) return {};
    const row = { userId, clientKey: key, displayName: userId, status, ...(cursor === undefined ? {} : { cursor }) };
    const gone = status === "gone";
    this.#present.set(key, { seq: Number(seq), row: gone ? undefined : row });
    if (this.tellsPresence) this.tellPresence(gone ? [] : [row], gone ? [{ userId, clientKey: key }] : []);
    return {};
  }

  #meeting(): Fields {
    return {
      meetingId: this.meetingId, title: "Test", state: this.state, hostId: "ada",
      participantCount: this.roles.size, revision: this.revision,
    };
  }

  #participants(): Fields[] {
    return [...this.roles].map(([userId, role]) => ({ userId, role }));
  }

  #changes(from: number, limit: number): unknown {
    this.#checkHorizon(from);
    const items = this.log.slice(from, from + limit);
    return { items, epoch: this.epoch, nextCursor: from + limit < this.version ? "more" : null };
  }

  #checkEpoch(known: unknown): void {
    if (typeof known === "string" && known !== this.epoch) throw new Refusal("HISTORY_GONE", 410, 1, this.epoch);
  }

  #checkHorizon(version: number): void {
    if (version < this.horizon) throw new Refusal("HISTORY_GONE", 410, this.horizon + 1);
  }

  // Changes.

  commit(userId: string, change: NotesChange, raw: string): { version: number; ops: Change } {
    const { baseVersion, clientId, clientSeq, ops } = change;
    const identity = `${userId}/${clientId}/${clientSeq}`;
    this.arrivals.set(identity, (this.arrivals.get(identity) ?? new Set()).add(JSON.stringify({ baseVersion, ops })));
    if (raw.length > 16_384) throw new Refusal("PAYLOAD_TOO_LARGE", 413);
    if (ops.length > 500) throw new Refusal("PAYLOAD_TOO_LARGE", 413);
    const role = this.roles.get(userId);
    if (role === undefined || role === "observer") throw new Refusal("FORBIDDEN", 403);
    this.#checkEpoch(change.epoch);
    this.#checkHorizon(baseVersion);
    const first = this.log.find((e) => e.authorId === userId && e.clientId === clientId && e.clientSeq === clientSeq);
    if (first !== undefined) return { version: first.version, ops: first.ops };
    if (this.state !== "active") throw new Refusal("MEETING_NOT_ACTIVE", 409);
    if (baseVersion > this.version) throw new Refusal("VALIDATION_ERROR", 400);
    const doc = this.log.slice(0, baseVersion).reduce((text, e) => apply(text, e.ops), "");
    try {
      validate(ops, countCodePoints(doc));
    } catch (error) {
      throw new Refusal((error as RapportError).code, 400);
    }
    const since = this.log.slice(baseVersion);
    const places = [...(change.places ?? []), ...placesOf(ops, since)].slice(0, 32);
    const committed = since.reduce<Change>((ours, e) => transform(e.ops, ours), ops);
    this.append({ authorId: userId, clientId, clientSeq, ops: committed, ...(places.length > 0 && { places }) });
    return { version: this.version, ops: committed };
  }

  /** An earlier state takes over, in an epoch of its own where one is given: the notes at a version, the meeting at a revision. */
  restore(version: number, epoch = this.epoch, revision = this.revision): void {
    this.log = this.log.slice(0, version);
    this.content = this.log.reduce((text, { ops }) => apply(text, ops), "");
    this.epoch = epoch;
    this.revision = revision;
  }

  /** Begins anew; the text is version 1. */
  begin(content: string): void {
    this.log = [];
    this.content = "";
    if (content !== "") this.append({ authorId: "nobody", clientId: "x", clientSeq: 1, ops: [{ type: "insert", position: 0, content }] });
  }

  append(change: Omit<NotesEvent, "version" | "createdAt">): void {
    const event = { ...change, version: this.version + 1, createdAt: "2030-01-01T00:00:00Z" };
    this.content = apply(this.content, event.ops);
    this.log.push(event);
    this.#post([event]);
    this.#scheduleHead();
  }

  #post(events: readonly NotesEvent[]): void {
    for (const link of this.#subscribers(this.notesTopic)) this.#postTo(link, events);
  }

  #postTo(link: Link, events: readonly NotesEvent[]): void {
    link.socket.deliver({
      type: "event",
      topic: this.notesTopic,
      epoch: this.epoch,
      events: events.map((data) => ({
        position: data.version, at: "",
        ...(JSON.stringify(data).length > this.omitAbove ? { omitted: true } : { data }),
      })),
    });
  }

  #subscribers(topic: string): Link[] {
    return this.links.filter((link) => link !== this.silent && link.topics.has(topic) && link.socket.state === "open");
  }

  #scheduleHead(): void {
    if (this.#headDue) return;
    this.#headDue = true;
    this.#clock.after(1000, () => {
      this.#headDue = false;
      this.head();
    });
  }

  /** Tells every follower the newest version and the hash there. */
  head(hash = sha256(this.content)): void {
    for (const { socket } of this.#subscribers(this.notesTopic)) {
      socket.deliver({ type: "head", topic: this.notesTopic, epoch: this.epoch, position: this.version, hash });
    }
  }

  // WebSocket.

  connect(socket: FakeSocket, url: string): void {
    const ticket = new URL(url).searchParams.get("ticket") ?? "";
    const userId = this.#tickets.get(ticket);
    this.#clock.after(this.#network.latency(), () => {
      if (userId === undefined || !this.#tickets.delete(ticket)) {
        socket.close();
        return;
      }
      const link: Link = { socket, userId, topics: new Set() };
      this.links.push(link);
      socket.onFrame = (text) => this.#frame(link, text);
      socket.onGone = () => {
        this.links = this.links.filter((other) => other !== link);
      };
      socket.open();
    });
  }

  #frame(link: Link, text: string): void {
    if (link === this.silent) return;
    const frame = JSON.parse(text) as Fields;
    const { id } = frame;
    const action = String(frame["action"]);
    this.actions.set(action, (this.actions.get(action) ?? 0) + 1);
    if (action === "presence") {
      const code = id === undefined ? undefined : this.refusePresence.shift();
      if (code !== undefined) {
        link.socket.deliver({ type: "error", id, code, detail: code });
        return;
      }
      this.#appeared(link.socket, link.userId, frame);
      if (id !== undefined) link.socket.deliver({ type: "ok", id });
      return;
    }
    try {
      link.socket.deliver(this.#answer(link, action, frame, text));
      if (action === "subscribe") this.#replay(link, String(frame["topic"]), frame["from"]);
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      link.socket.deliver({ type: "error", id, code: error.code, detail: error.code, oldest: error.oldest, epoch: error.epoch });
    }
  }

  #answer(link: Link, action: string, frame: Fields, text: string): unknown {
    const id = frame["id"];
    const topic = String(frame["topic"]);
    switch (action) {
      case "ping":
        return { type: "pong", id };
      case "unsubscribe":
        link.topics.delete(topic);
        return { type: "unsubscribed", id, topic };
      case "subscribe":
        if (frame["from"] !== undefined) this.#checkEpoch(frame["epoch"]);
        return { type: "subscribed", id, topic, epoch: this.epoch, position: this.#subscribe(link, topic, frame["from"]) };
      case "edit": {
        const refusal = this.refuseEdits.shift();
        if (refusal !== undefined) throw refusal;
        const { version, ops } = this.commit(link.userId, frame as unknown as NotesChange, text);
        const omit = JSON.stringify(ops).length > this.omitAbove;
        return { type: "ack", id, version, epoch: this.epoch, ...(omit ? {} : { ops }) };
      }
      default:
        throw new Refusal("VALIDATION_ERROR", 400);
    }
  }

  #subscribe(link: Link, topic: string, from: unknown): number {
    if (!this.roles.has(link.userId)) throw new Refusal("FORBIDDEN", 403);
    if (topic === this.transcriptTopic) {
      if (typeof from === "number") this.#chunks(from);
      link.topics.add(topic);
      return this.transcript.length;
    }
    if (topic !== this.notesTopic) {
      link.topics.add(topic);
      return this.revision;
    }
    if (this.state === "concluded") throw new Refusal("FORBIDDEN", 403);
    if (typeof from === "number") {
      this.#checkHorizon(from);
      if (from > this.version) throw new Refusal("VALIDATION_ERROR", 400);
    }
    link.topics.add(topic);
    return this.version;
  }

  #replay(link: Link, topic: string, from: unknown): void {
    if (topic === this.transcriptTopic) {
      if (typeof from === "number" && from < this.transcript.length) this.#tell(link, this.#chunks(from));
      return;
    }
    if (topic !== this.notesTopic) {
      link.socket.deliver({ type: "event", topic, epoch: this.epoch, events: [this.#view()] });
      const here = this.tellsPresence ? this.everybody : this.here;
      if (here.length > 0) link.socket.deliver({ type: "presence", topic, here, left: [] });
      return;
    }
    if (typeof from !== "number") return;
    const replayed = this.log.slice(from, from + 1000);
    for (let i = 0; i < replayed.length; i += 200) this.#postTo(link, replayed.slice(i, i + 200));
    if (from + replayed.length < this.version) {
      link.socket.deliver({ type: "head", topic, epoch: this.epoch, position: this.version });
    }
  }

  #view(): Fields {
    return { position: this.revision, at: "", data: { meeting: this.#meeting(), participants: this.#participants() } };
  }

  // The meeting.

  /** The meeting or a participant has changed. */
  touch(): void {
    this.revision++;
    for (const { socket } of this.#subscribers(`meetings/${this.meetingId}`)) {
      socket.deliver({ type: "event", topic: `meetings/${this.meetingId}`, epoch: this.epoch, events: [this.#view()] });
    }
  }

  /** Tells a change of who is there. */
  tellPresence(here: readonly Fields[], left: readonly Fields[] = []): void {
    for (const { socket } of this.#subscribers(`meetings/${this.meetingId}`)) {
      socket.deliver({ type: "presence", topic: `meetings/${this.meetingId}`, here, left });
    }
  }

  setRole(userId: string, role: Role | undefined): void {
    if (role === undefined) this.roles.delete(userId);
    else this.roles.set(userId, role);
    this.touch();
    this.#revoke((link) => link.userId === userId, role === undefined ? "removed" : "role_changed");
  }

  endMeeting(): void {
    this.state = "concluded";
    this.touch();
    this.#revoke((_link, topic) => topic === this.notesTopic, "meeting_ended");
  }

  endSession(userId: string): void {
    this.#revoke((link) => link.userId === userId, "session_ended");
  }

  #revoke(applies: (link: Link, topic: string) => boolean, reason: string): void {
    for (const link of this.links) {
      for (const topic of [...link.topics]) {
        if (!applies(link, topic)) continue;
        link.topics.delete(topic);
        link.socket.deliver({ type: "revoked", topic, reason });
      }
    }
  }

  askToReconnect(inMs: number): void {
    for (const { socket } of this.links) {
      socket.deliver({ type: "reconnect", before: new Date(this.#clock.now() + inMs).toISOString() });
    }
  }
}

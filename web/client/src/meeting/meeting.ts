import { Emitter } from "../runtime/emitter.ts";
import type { Api } from "../api/api.ts";
import type { SocketConnection } from "../net/connection.ts";
import { Here } from "./here.ts";
import type { Told } from "./here.ts";
import { RapportError } from "../errors.ts";
import { asArray, asFields, readShape } from "../runtime/json.ts";
import type { MeetingHandlers, Presence, PresenceStatus, Present } from "./meetingapi.ts";
import type { MeetingReader } from "./meetingreader.ts";
import type { Platform } from "../runtime/platform.ts";
import { PresenceSender } from "./presence.ts";
import type { PresenceNumbers } from "./presence.ts";
import { StateTopic } from "../net/statetopic.ts";
import type { Meeting, MeetingView, Participant } from "../api/types.ts";

/** How long the frame with everybody may take after a subscription. */
const hereMs = 5_000;

export interface MeetingDependencies {
  readonly api: Api;
  readonly connection: SocketConnection;
  readonly platform: Platform;
  readonly meetings: () => Promise<MeetingReader>;
  /** Of all sessions of one client. */
  readonly numbers: PresenceNumbers;
  /** The caller; where it is not known, nobody is taken for the caller. */
  readonly userId: string | undefined;
  /** Called once, when the session is closed or has ended. */
  readonly onClose: (session: MeetingSession) => void;
}

/**
 * One meeting as it is now: its state, its participants, and who is there.
 *
 * Made by `Rapport.openMeeting`.
 */
export class MeetingSession {
  readonly meetingId: string;
  readonly #meetings: MeetingDependencies["meetings"];
  readonly #connection: SocketConnection;
  readonly #platform: Platform;
  /** The caller; undefined where that is not known. */
  readonly userId: string | undefined;
  readonly #onClose: (session: MeetingSession) => void;
  readonly #topic: StateTopic;
  readonly #sender: PresenceSender;
  readonly #here = new Here();
  readonly #emitter = new Emitter<MeetingHandlers>();
  #view: MeetingView | undefined;
  #status: PresenceStatus | undefined;
  #closed = false;
  #cancelExpiry = () => {};

  constructor(from: MeetingDependencies, meetingId: string) {
    const { connection, platform, meetings, userId, onClose } = from;
    this.meetingId = meetingId;
    this.userId = userId;
    this.#onClose = onClose;
    this.#meetings = meetings;
    this.#connection = connection;
    this.#platform = platform;
    this.#sender = new PresenceSender(from, meetingId, `p-${platform.newId()}`);
    this.#topic = new StateTopic(connection, platform, `meetings/${meetingId}`, {
      onState: (data) => this.#state(data),
      onSubscribed: () => this.#subscribed(),
      onPresence: (frame) => this.#take(frame),
      onLive: (live) => {
        if (!live) this.#sender.subscribed(false);
        this.#emitter.emit("live", live);
      },
      onEnd: (reason, error) => {
        this.#end();
        // Who is there from now on nobody tells.
        this.#here.begin();
        if (this.#here.expire()) this.#emitter.emit("here", this.here);
        this.#emitter.emit("end", reason, error);
      },
      read: async (signal) => {
        const view = await (await meetings()).read(meetingId, signal);
        return { position: view.meeting.revision, data: view };
      },
      // Where the caller isn't known nobody asks who is there.
      ...(userId === undefined ? {} : { onPolled: (signal: AbortSignal) => this.#poll(signal) }),
    });
  }

  /** Begins to follow. */
  start(): void {
    this.#topic.start();
  }

  /** Undefined before the first has come. */
  get view(): MeetingView | undefined {
    return this.#view;
  }

  /** Everybody's windows, this one among them. Empty until the server has told, and after the end. */
  get here(): readonly Present[] {
    return this.#here.list;
  }

  get live(): boolean {
    return this.#topic.live;
  }

  /**
   * Tells the others about this window, from now until `close`: the latest wins,
   * at most once a second. Nothing is told before the first call.
   */
  setPresence(presence: Presence): void {
    if (this.#closed) return;
    // Nobody sees where the caret is while nobody else is there.
    const seen = presence.status !== this.#status || !this.#alone;
    this.#status = presence.status;
    this.#sender.set(presence, seen);
  }

  /** From now on this window is the client with that id, as in the changes that it makes to the notes. */
  presentAs(clientId: string): void {
    this.#sender.identify(clientId);
  }

  /** Returns the function that removes the handler. */
  on<K extends keyof MeetingHandlers>(event: K, handler: MeetingHandlers[K]): () => void {
    return this.#emitter.on(event, handler);
  }

  /**
   * Ends the session and tells the others that this window has left, if they
   * were told that it is there.
   */
  close(): void {
    if (!this.#closed) this.#sender.leave();
    this.#end();
  }

  #end(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#cancelExpiry();
    this.#sender.subscribed(false);
    this.#topic.close();
    this.#onClose(this);
  }

  /** Whether nobody but the caller's own windows is there. */
  get #alone(): boolean {
    return this.#here.list.every(({ userId }) => userId === this.userId);
  }

  #take(frame: Told): boolean {
    const alone = this.#alone;
    const changed = this.#here.take(frame);
    if (changed) this.#emitter.emit("here", this.here);
    // What moved while nobody looked is told to whom has come.
    if (alone && !this.#alone) this.#sender.hurry();
    return changed;
  }

  /** Without a socket: tells of this window and hears who is there. Says whether that changed. */
  async #poll(signal: AbortSignal): Promise<boolean> {
    const report = this.#sender.due();
    try {
      const here = await (await this.#meetings()).here(this.meetingId, report, signal);
      if (this.#closed || this.#connection.isOpen) return false;
      this.#here.begin();
      return this.#take({ here, left: [] });
    } catch (error) {
      if (!(error instanceof RapportError)) throw error;
      // The meeting itself, which is asked for in the same round, says what holds.
      if (report !== undefined) this.#sender.failed();
      return false;
    }
  }

  #subscribed(): void {
    this.#here.begin();
    this.#sender.subscribed(true);
    this.#cancelExpiry();
    this.#cancelExpiry = this.#platform.clock.after(hereMs, () => {
      if (this.#here.expire()) this.#emitter.emit("here", this.here);
    });
  }

  #state(data: unknown): void {
    const view = parseView(data);
    if (view === undefined) return;
    this.#view = view;
    this.#emitter.emit("view", view);
  }
}

function parseView(data: unknown): MeetingView | undefined {
  return readShape<MeetingView>(data, {
    meeting: (meeting) => asFields(meeting) as Meeting | undefined,
    participants: (participants) => asArray(participants) as readonly Participant[] | undefined,
  });
}

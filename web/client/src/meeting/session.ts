import type { Api } from "../api/api.ts";
import type { MeetingView } from "../api/types.ts";
import { RapportError } from "../errors.ts";
import type { SocketConnection } from "../net/connection.ts";
import type { StateTopic } from "../net/statetopic.ts";
import { Emitter } from "../runtime/emitter.ts";
import type { Platform } from "../runtime/platform.ts";
import { meetingTopic } from "./meetingtopic.ts";
import { PresenceSender } from "./presencesender.ts";
import type { PresenceSequence } from "./presencesender.ts";
import { readPresenceUpdate } from "./presenceupdate.ts";
import type { PresenceUpdate } from "./presenceupdate.ts";
import type { MeetingReader } from "./reader.ts";
import { Roster } from "./roster.ts";
import type { MeetingHandlers, Presence, PresenceStatus, Present } from "./types.ts";

/** How long the frame with everybody may take after a subscription. */
const snapshotMs = 5_000;

export interface MeetingDependencies {
  readonly api: Api;
  readonly connection: SocketConnection;
  readonly platform: Platform;
  readonly meetings: () => Promise<MeetingReader>;
  /** Of all sessions of one client. */
  readonly sequence: PresenceSequence;
  /** The caller. */
  readonly userId: string;
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
  /** The caller. */
  readonly userId: string;
  readonly #onClose: (session: MeetingSession) => void;
  readonly #topic: StateTopic;
  readonly #sender: PresenceSender;
  readonly #roster = new Roster();
  readonly #emitter = new Emitter<MeetingHandlers>();
  #view: MeetingView | undefined;
  #status: PresenceStatus | undefined;
  #closed = false;
  #cancelSnapshotTimeout = () => {};

  constructor(from: MeetingDependencies, meetingId: string) {
    const { connection, platform, meetings, userId, onClose } = from;
    this.meetingId = meetingId;
    this.userId = userId;
    this.#onClose = onClose;
    this.#meetings = meetings;
    this.#connection = connection;
    this.#platform = platform;
    this.#sender = new PresenceSender(from, meetingId, `p-${platform.newId()}`);
    this.#topic = meetingTopic(from, meetingId, {
      onView: (view) => {
        this.#view = view;
        this.#emitter.emit("view", view);
      },
      onSubscribed: () => this.#subscribed(),
      onPresence: (fields) => this.#applyPresence(readPresenceUpdate(fields)),
      onLive: (live) => {
        if (!live) this.#sender.setSubscribed(false);
        this.#emitter.emit("live", live);
      },
      onEnd: (reason, error) => {
        this.#end();
        // From now on no frame says who is there.
        this.#roster.expectSnapshot();
        if (this.#roster.expireSnapshot()) this.#emitter.emit("presence", this.here);
        this.#emitter.emit("end", reason, error);
      },
      onPolled: (signal) => this.#poll(signal),
    });
  }

  /**
   * Begins to follow; `Rapport.openMeeting` has done it.
   * @internal
   */
  start(): void {
    this.#topic.start();
  }

  /** The meeting and its participants; undefined before they have come. */
  get view(): MeetingView | undefined {
    return this.#view;
  }

  /** Everybody's windows, this one among them. Empty until the server has sent the list, and after the end. */
  get here(): readonly Present[] {
    return this.#roster.list;
  }

  /** Whether changes come: at once, or some seconds later by HTTP. */
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

  /**
   * From now on this window is the client with that id, as in the changes that it
   * makes to the notes; `NotesSession.carets` does it.
   * @internal
   */
  presentAs(clientId: string): void {
    this.#sender.setClientId(clientId);
  }

  /** Returns the function that removes the handler. */
  on<K extends keyof MeetingHandlers>(event: K, handler: MeetingHandlers[K]): () => void {
    return this.#emitter.on(event, handler);
  }

  /**
   * Ends the session and notifies the others that this window has left, if they
   * were told that it is there. Closing again does nothing.
   */
  close(): void {
    if (!this.#closed) this.#sender.leave();
    this.#end();
  }

  #end(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#cancelSnapshotTimeout();
    this.#sender.setSubscribed(false);
    this.#topic.close();
    this.#onClose(this);
  }

  /** Whether nobody but the caller's own windows is there. */
  get #alone(): boolean {
    return this.#roster.list.every(({ userId }) => userId === this.userId);
  }

  #applyPresence(update: PresenceUpdate): boolean {
    const alone = this.#alone;
    const changed = this.#roster.apply(update);
    if (changed) this.#emitter.emit("presence", this.here);
    // What moved while nobody looked is told to whom has come.
    if (alone && !this.#alone) this.#sender.sendSoon();
    return changed;
  }

  /** Without a socket: sends this window's presence and reads who is there. Resolves to whether that changed. */
  async #poll(signal: AbortSignal): Promise<boolean> {
    const report = this.#sender.takeDue();
    try {
      const here = await (await this.#meetings()).presence(this.meetingId, report, signal);
      if (this.#closed || this.#connection.isOpen) return false;
      this.#roster.expectSnapshot();
      return this.#applyPresence({ here, left: [] });
    } catch (error) {
      if (!(error instanceof RapportError)) throw error;
      // The meeting itself, which is asked for in the same round, says what holds.
      if (report !== undefined) this.#sender.markUnsent();
      return false;
    }
  }

  #subscribed(): void {
    this.#roster.expectSnapshot();
    this.#sender.setSubscribed(true);
    this.#cancelSnapshotTimeout();
    this.#cancelSnapshotTimeout = this.#platform.clock.after(snapshotMs, () => {
      if (this.#roster.expireSnapshot()) this.#emitter.emit("presence", this.here);
    });
  }
}

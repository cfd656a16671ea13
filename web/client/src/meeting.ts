import { Emitter } from "./emitter.ts";
import type { Api } from "./api.ts";
import type { SocketConnection } from "./connection.ts";
import { Here } from "./here.ts";
import { asArray, asFields, readShape } from "./json.ts";
import type { MeetingHandlers, Presence, PresenceStatus, Present } from "./meetingapi.ts";
import { participantsOf } from "./participants.ts";
import type { Platform } from "./platform.ts";
import { PresenceSender } from "./presence.ts";
import { StateTopic } from "./statetopic.ts";
import type { Meeting, MeetingView, Participant } from "./types.ts";

/** How long the frame with everybody may take after a subscription. */
const hereMs = 5_000;

export interface MeetingDependencies {
  readonly api: Api;
  readonly connection: SocketConnection;
  readonly platform: Platform;
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

  constructor({ api, connection, platform, userId, onClose }: MeetingDependencies, meetingId: string) {
    this.meetingId = meetingId;
    this.userId = userId;
    this.#onClose = onClose;
    this.#platform = platform;
    const topic = `meetings/${meetingId}`;
    this.#sender = new PresenceSender(connection, platform, topic, `p-${platform.newId()}`);
    this.#topic = new StateTopic(connection, platform, topic, {
      onState: (data) => this.#state(data),
      onSubscribed: () => this.#subscribed(),
      onPresence: (frame) => {
        const alone = this.#alone;
        if (this.#here.take(frame)) this.#emitter.emit("here", this.here);
        // What moved while nobody looked is told to whom has come.
        if (alone && !this.#alone) this.#sender.hurry();
      },
      onLive: (live) => {
        if (!live) this.#sender.subscribed(false);
        this.#emitter.emit("live", live);
      },
      onEnd: (reason, error) => {
        this.close();
        // Who is there from now on nobody tells.
        this.#here.begin();
        if (this.#here.expire()) this.#emitter.emit("here", this.here);
        this.#emitter.emit("end", reason, error);
      },
      read: async (signal) => {
        const view = await readView(api, meetingId, signal);
        return { position: view.meeting.revision, data: view };
      },
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

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#cancelExpiry();
    this.#sender.stop();
    this.#topic.close();
    this.#onClose(this);
  }

  /** Whether nobody but the caller's own windows is there. */
  get #alone(): boolean {
    return this.#here.list.every(({ userId }) => userId === this.userId);
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

async function readView(api: Api, meetingId: string, signal: AbortSignal): Promise<MeetingView> {
  const meeting = await api.meetings.get(meetingId, { signal });
  const participants: Participant[] = [];
  for await (const participant of participantsOf(api, meetingId, signal)) participants.push(participant);
  return { meeting, participants };
}

function parseView(data: unknown): MeetingView | undefined {
  return readShape<MeetingView>(data, {
    meeting: (meeting) => asFields(meeting) as Meeting | undefined,
    participants: (participants) => asArray(participants) as readonly Participant[] | undefined,
  });
}

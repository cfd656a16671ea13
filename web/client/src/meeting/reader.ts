import type { Api } from "../api/api.ts";
import type { MeetingView, MeetingWithRole, Participant, Role } from "../api/types.ts";
import { RapportError } from "../errors.ts";
import { participantsOf } from "./participants.ts";
import { readPresenceList } from "./presenceupdate.ts";
import type { SeenPresence } from "./presenceupdate.ts";
import type { PresenceReport } from "./types.ts";

/** What a topic's follower must know of the meeting where no frame says it. */
export interface MeetingAccess {
  /** The meeting is over. */
  readonly over: boolean;
  /** The caller's; undefined for one who is not known, or not in the list. */
  readonly role: Role | undefined;
}

/**
 * Reads meetings by HTTP, for the time without a socket. Those who ask in one
 * round, with one signal, share a read, and participants are read again only
 * when the meeting's revision is another, as with each change of one of them.
 */
export class MeetingReader {
  readonly #api: Api;
  readonly #reads = new Map<string, { readonly signal: AbortSignal; readonly view: Promise<MeetingView> }>();
  /** The last that was read. */
  #last: MeetingView | undefined;

  constructor(api: Api) {
    this.#api = api;
  }

  /** Rejects with RapportError, or the signal's reason; FORBIDDEN also for who was removed. */
  read(meetingId: string, signal: AbortSignal): Promise<MeetingView> {
    const shared = this.#reads.get(meetingId);
    if (shared?.signal === signal) return shared.view;
    const read = { signal, view: this.#read(meetingId, signal) };
    this.#reads.set(meetingId, read);
    const done = () => {
      if (this.#reads.get(meetingId) === read) this.#reads.delete(meetingId);
    };
    read.view.then(done, done);
    return read.view;
  }

  async access(meetingId: string, userId: string | undefined, signal: AbortSignal): Promise<MeetingAccess> {
    const { meeting, participants } = await this.read(meetingId, signal);
    return {
      over: meeting.state === "concluded" || meeting.state === "cancelled",
      role: participants.find((participant) => participant.userId === userId)?.role,
    };
  }

  /** Sends this window's presence where there is something to send, and reads who is there. Rejects with RapportError. */
  async presence(meetingId: string, report: PresenceReport | undefined, signal: AbortSignal): Promise<SeenPresence[]> {
    if (report !== undefined) await this.#api.presence.tell(meetingId, report, { signal });
    const here: SeenPresence[] = [];
    for (let cursor: string | null = ""; cursor !== null; ) {
      const page = await this.#api.presence.list(meetingId, { limit: 200, ...(cursor === "" ? {} : { cursor }) }, { signal, once: true });
      here.push(...readPresenceList(page.items));
      cursor = page.nextCursor;
    }
    return here;
  }

  async #read(meetingId: string, signal: AbortSignal): Promise<MeetingView> {
    const { epoch, ...meeting } = await this.#meeting(meetingId, signal);
    const last = this.#last;
    if (last?.meeting.meetingId === meetingId && last.meeting.revision === meeting.revision && last.epoch === epoch) return last;
    const participants: Participant[] = [];
    for await (const participant of participantsOf(this.#api, meetingId, signal)) participants.push(participant);
    this.#last = { meeting, participants, epoch };
    return this.#last;
  }

  async #meeting(meetingId: string, signal: AbortSignal): Promise<MeetingWithRole> {
    const meeting = await this.#api.meetings.get(meetingId, { signal, once: true });
    // What stands in between may answer anything.
    if (typeof meeting?.revision !== "number") throw new RapportError({ code: "PROTOCOL", detail: "the answer is no meeting", status: 200 });
    return meeting;
  }
}

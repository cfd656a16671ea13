/** What a session of a meeting reports and takes. */
import type { MeetingView } from "../api/types.ts";
import type { RapportError } from "../errors.ts";
import type { EndReason } from "../net/topic.ts";

/** What a window tells of its person. */
export type PresenceStatus = "active" | "typing" | "idle";

/** A selection in the notes at `version`, in code points; `head` is where the caret is. */
export interface Cursor {
  readonly anchor: number;
  readonly head: number;
  readonly version: number;
}

/** What this window tells of itself. */
export interface Presence {
  readonly status: PresenceStatus;
  readonly cursor?: Cursor;
}

/** Presence with the client that it is of; of one client's the highest `seq` counts. `gone` leaves at once. */
export interface PresenceReport {
  readonly clientId: string;
  readonly seq: number;
  readonly status: PresenceStatus | "gone";
  readonly cursor?: Cursor;
}

/** One window of somebody who is there. `clientKey` tells two windows of one person apart. */
export interface Present extends Presence {
  readonly userId: string;
  readonly clientKey: string;
  readonly displayName: string;
}

/** What a follower of a meeting hears. */
export interface MeetingWatchHandlers {
  /** The meeting and its participants, whole: first as they are, then after each change. */
  onView(view: MeetingView): void;
  /** Once, when the server ends the topic, after which nothing comes any more. */
  onEnd?(reason: EndReason, error?: RapportError): void;
}

/** The events of a meeting's session. */
export interface MeetingHandlers {
  /** The meeting and its participants, whole: first when the session has begun, then after each change. */
  view(view: MeetingView): void;
  /** Everybody's windows, this one among them: after each change of one. */
  presence(here: readonly Present[]): void;
  /** Whether changes come: at once, or some seconds later by HTTP. If not, what there is may be old. */
  live(live: boolean): void;
  /** Once, when the server ends the topic; nothing comes after it. */
  end(reason: EndReason, error?: RapportError): void;
}

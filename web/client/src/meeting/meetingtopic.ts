import type { Meeting, MeetingView, Participant } from "../api/types.ts";
import type { SocketConnection } from "../net/connection.ts";
import { StateTopic } from "../net/statetopic.ts";
import type { StateHandlers } from "../net/statetopic.ts";
import { asArray, asFields, readShape } from "../runtime/json.ts";
import type { Platform } from "../runtime/platform.ts";
import type { MeetingReader } from "./reader.ts";

export interface MeetingTopicDependencies {
  readonly connection: SocketConnection;
  readonly platform: Platform;
  readonly meetings: () => Promise<MeetingReader>;
}

export interface MeetingTopicHandlers extends Omit<StateHandlers, "onState" | "read"> {
  readonly onView: (view: MeetingView) => void;
}

/** The topic of a meeting and its participants; to be started. */
export function meetingTopic(from: MeetingTopicDependencies, meetingId: string, handlers: MeetingTopicHandlers): StateTopic {
  return new StateTopic(from.connection, from.platform, `meetings/${meetingId}`, {
    ...handlers,
    onState: (data, epoch) => {
      const view = parseView(data);
      if (view !== undefined) handlers.onView({ ...view, epoch });
    },
    read: async (signal) => {
      const view = await (await from.meetings()).read(meetingId, signal);
      return { position: view.meeting.revision, epoch: view.epoch, data: view };
    },
  });
}

function parseView(data: unknown): Omit<MeetingView, "epoch"> | undefined {
  return readShape<Omit<MeetingView, "epoch">>(data, {
    meeting: (meeting) => asFields(meeting) as Meeting | undefined,
    participants: (participants) => asArray(participants) as readonly Participant[] | undefined,
  });
}

import type { EndReason, Meeting, MeetingView } from "@rapport/client";
import type { JSX } from "preact";
import { useMemo, useState } from "preact/hooks";
import { describe } from "../problem.ts";
import { EditMeeting } from "../room/EditMeeting.tsx";
import { NotesPanel } from "../room/NotesPanel.tsx";
import { PeoplePanel } from "../room/PeoplePanel.tsx";
import { isOpen, mayRun } from "../room/permissions.ts";
import { PresenceAnnouncer, PresenceList } from "../room/presence/PresenceList.tsx";
import { presentPeople } from "../room/presence/people.ts";
import { Slower } from "../room/Slower.tsx";
import { isConnected } from "../room/status.ts";
import { useConnection } from "../room/useConnection.ts";
import { type OpenMeeting, useMeeting } from "../room/useMeeting.ts";
import { hrefOf } from "../route.ts";
import { useSession } from "../session.ts";
import { useNow } from "../time.ts";
import { assignColours, Colours } from "../ui/colours.ts";
import { Dialog } from "../ui/Dialog.tsx";
import { BackIcon, EditIcon, NotesIcon, PeopleIcon } from "../ui/icons.tsx";
import { usePage } from "../ui/page.ts";
import { StatePill } from "../ui/StatePill.tsx";
import { useToasts } from "../ui/toasts.tsx";
import { meetingWhen } from "./when.ts";

const endings: Readonly<Record<EndReason, string>> = {
  removed: "You were removed from this meeting. What you see below is how it was then.",
  meeting_ended: "This meeting has ended.",
  refused: "This meeting can't be followed any more.",
};

/** One meeting: what is written in it and who is there. */
export function Room({ meetingId }: { readonly meetingId: string }) {
  const { rapport, identity } = useSession();
  const toasts = useToasts();
  const open = useMeeting(rapport, meetingId, toasts.fail);
  const { view, end } = open;
  const colours = useColours(view);
  const people = useMemo(() => presentPeople(open.here), [open.here]);
  const connection = useConnection(rapport.connection);
  const heading = usePage(view?.meeting.title ?? "Meeting");

  if (end && !view) {
    return (
      <div class="page page-narrow">
        <h1 ref={heading} tabIndex={-1}>
          This meeting isn't open to you
        </h1>
        <p class="lead">{end.error && end.error.code !== "FORBIDDEN" ? describe(end.error) : "Ask its host to invite you, or check the address."}</p>
        <p>
          <a class="button" href={hrefOf({ page: "meetings" })}>
            Your meetings
          </a>
        </p>
      </div>
    );
  }
  return (
    <Colours.Provider value={colours}>
    <div class="room">
      <a class="back" href={hrefOf({ page: "meetings" })}>
        <BackIcon />
        Meetings
      </a>
      <div class="room-head">
        <h1 ref={heading} tabIndex={-1}>
          <bdi>{view?.meeting.title ?? "Meeting"}</bdi>
        </h1>
        {view && <Facts meeting={view.meeting} known={!end} />}
        <div class="room-actions">
          <PresenceList people={people} self={identity.userId} live={isConnected(connection)} />
          {view && !end && <Run view={view} />}
        </div>
      </div>
      <PresenceAnnouncer people={people} self={identity.userId} known={people.length > 0} />
      <Slower state={connection} over={end !== undefined} />
      {end && (
        <p class="banner" data-tone="warn" role="alert" data-end={end.reason}>
          {endings[end.reason]}
        </p>
      )}
      <Panels meetingId={meetingId} open={open} over={end ? endings[end.reason] : undefined} />
    </div>
    </Colours.Provider>
  );
}

/** Those who were there first keep their colours when others come. */
function useColours(view: MeetingView | undefined): ReadonlyMap<string, number> {
  const ids = [...(view?.participants ?? [])]
    .sort((a, b) => (a.invitedAt ?? "").localeCompare(b.invitedAt ?? "") || a.userId.localeCompare(b.userId))
    .map(({ userId }) => userId);
  return useMemo(() => assignColours(ids), [ids.join(" ")]);
}

/** What the meeting is; whether it runs only as long as this page learns of it. */
function Facts({ meeting, known }: { readonly meeting: Meeting; readonly known: boolean }) {
  const now = useNow(15_000);
  return (
    <>
      {known && (
        <p class="facts">
          <StatePill state={meeting.state} />
          <span>{meetingWhen(meeting, now)}</span>
        </p>
      )}
      {meeting.description && <p class="description" dir="auto">
          {meeting.description}
        </p>}
    </>
  );
}

interface PanelsProps {
  readonly meetingId: string;
  readonly open: OpenMeeting;
  readonly over: string | undefined;
}

/**
 * The room's panels: the notes, and the others beside them where there is room;
 * one at a time on a phone. A further panel is one more entry here.
 */
function Panels({ meetingId, open: { session, view, here }, over }: PanelsProps) {
  const panels: readonly { readonly name: string; readonly label: string; readonly icon: JSX.Element; readonly body: JSX.Element | null }[] = [
    { name: "notes", label: "Notes", icon: <NotesIcon />, body: <NotesPanel meetingId={meetingId} meeting={session} view={view} over={over} /> },
    { name: "people", label: view ? `People (${view.participants.length})` : "People", icon: <PeopleIcon />, body: view ? <PeoplePanel view={view} here={here} over={over !== undefined} /> : null },
  ];
  const [shown, setShown] = useState("notes");
  const [notes, ...beside] = panels.map(({ name, body }) => (
    <div key={name} class={`place place-${name}`} data-shown={shown === name}>
      {body}
    </div>
  ));
  return (
    <>
      <nav class="switch" aria-label="Parts of the meeting">
        {panels.map(({ name, label, icon }) => (
          <button key={name} type="button" aria-pressed={shown === name} onClick={() => setShown(name)}>
            {icon}
            {label}
          </button>
        ))}
      </nav>
      <div class="panels">
        {notes}
        <div class="beside">{beside}</div>
      </div>
    </>
  );
}

/** Edit, start and end, for who may. */
function Run({ view: { meeting, participants, epoch } }: { readonly view: MeetingView }) {
  const { rapport, identity } = useSession();
  const toasts = useToasts();
  const [busy, setBusy] = useState(false);
  const [ending, setEnding] = useState(false);
  const [editing, setEditing] = useState(false);
  const mine = participants.find(({ userId }) => userId === identity.userId)?.role;
  if (!mine || !mayRun(mine)) return null;

  const run = (action: (meetingId: string) => Promise<Meeting>): void => {
    setBusy(true);
    action(meeting.meetingId)
      .catch(toasts.fail)
      .finally(() => setBusy(false));
  };
  return (
    <div class="meeting-actions">
      {isOpen(meeting) && (
        <button type="button" class="quiet round" aria-label="Edit meeting" title="Edit meeting" onClick={() => setEditing(true)}>
          <EditIcon />
        </button>
      )}
      {editing && <EditMeeting meeting={{ ...meeting, epoch }} onClose={() => setEditing(false)} />}
      {meeting.state === "scheduled" && (
        <button type="button" class="primary" disabled={busy} onClick={() => run((id) => rapport.meetings.start(id))}>
          Start meeting
        </button>
      )}
      {meeting.state === "active" && (
        <button type="button" disabled={busy} onClick={() => setEnding(true)}>
          End meeting
        </button>
      )}
      {ending && (
        <Dialog title="End this meeting?" onClose={() => setEnding(false)}>
          <p>It ends for everyone. The notes stay to read, but nobody can change them any more.</p>
          <footer class="dialog-foot">
            <button type="button" onClick={() => setEnding(false)}>
              Keep going
            </button>
            <button
              type="button"
              class="danger"
              onClick={() => {
                setEnding(false);
                run((id) => rapport.meetings.end(id));
              }}
            >
              End meeting
            </button>
          </footer>
        </Dialog>
      )}
    </div>
  );
}

import type { MeetingSession, MeetingView, NotesProblem } from "@rapport/client";
import type { ComponentChildren } from "preact";
import { useCallback, useContext, useEffect, useRef, useState } from "preact/hooks";
import { useDirectory } from "../people.ts";
import { describe } from "../problem.ts";
import { useSession } from "../session.ts";
import { useNow } from "../time.ts";
import { Colours, colourOf } from "../ui/colours.ts";
import { HistoryIcon, RedoIcon, UndoIcon } from "../ui/icons.tsx";
import { lazy } from "../ui/lazy.tsx";
import { Status } from "../ui/Status.tsx";
import { useToasts } from "../ui/toasts.tsx";
import type { NotesEditor } from "./binding.ts";
import { Editor } from "./Editor.tsx";
import { mayWrite } from "./permissions.ts";
import { Activity } from "./presence/activity.ts";
import type { PresenceLink } from "./presence/link.ts";
import { connectionStatus, counted, draftReasons, isConnected, notesStatus, type Status as Shown, storageWarning } from "./status.ts";
import { useConnection } from "./useConnection.ts";
import { useNotes } from "./useNotes.ts";

const DraftReview = lazy(async () => (await import("./drafts/DraftReview.tsx")).DraftReview);
const History = lazy(async () => (await import("./history/History.tsx")).History);

/** "Saved" is said only when it has held this long, so that the words do not flicker while one types. */
const settleMs = 400;

interface Props {
  readonly meetingId: string;
  readonly meeting: MeetingSession | undefined;
  readonly view: MeetingView | undefined;
  /** Why the meeting is over for this person. */
  readonly over: string | undefined;
}

export function NotesPanel({ meetingId, meeting, view, over }: Props) {
  const { identity, rapport, notes } = useSession();
  const toasts = useToasts();
  const role = view?.participants.find(({ userId }) => userId === identity.userId)?.role;
  const allowed = over === undefined && view !== undefined && role !== undefined && mayWrite(role, view.meeting);

  const onProblem = useCallback(
    ({ error, lost }: NotesProblem) => {
      // What was lost is a draft, and the panel says so.
      const why = error.code === "FORBIDDEN" ? draftReasons.forbidden : describe(error);
      if (lost && lost.change.length > 0) toasts.show({ text: `What you wrote last is not in the notes. ${why} It is kept as a draft.` });
      // Who may no longer read the notes hears it from the room.
      else if (error.code !== "FORBIDDEN") toasts.fail(error);
    },
    [toasts],
  );
  const { session, status, writable, drafts, error } = useNotes(rapport, meetingId, notes, onProblem);
  const connection = useConnection(rapport.connection);
  useNow(1_000); // the seconds until the next try
  const editor = useRef<NotesEditor>(undefined);
  const link = useLink(meeting, session, identity.userId);
  const [wanted, setPast] = useState(false);
  /** Who is out of the meeting can't read its history. */
  const past = wanted && over === undefined;
  const [reviewing, setReviewing] = useState(false);
  const directory = useDirectory();
  const nameOf = (userId: string): string | undefined =>
    view?.participants.find((person) => person.userId === userId)?.displayName ?? directory.users.find((user) => user.userId === userId)?.displayName;
  const showPresent = (): void => {
    setPast(false);
    editor.current?.view.focus();
  };

  async function restore(text: string, version: number): Promise<void> {
    const { editsBetween } = await import("./history/textdiff.ts");
    if (!editor.current) return;
    editor.current.edit(editsBetween(editor.current.view.state.doc.toString(), text));
    if (editor.current.view.state.doc.toString() !== text) return; // refused, and told
    showPresent();
    toasts.show({ text: `The notes are as they were at version ${version}. Undo takes it back.` });
  }

  const readOnly = !allowed || !writable;
  /** Before the meeting is there nobody knows whether its notes can be written. */
  const unknown = view === undefined && over === undefined;
  const hint = unknown ? "" : readOnly ? "Nothing has been written." : "Write here. Everyone in the meeting sees it as you type.";
  const saving = useSettled(
    readOnly && session && !unknown && status?.kind !== "draft" ? ({ tone: "quiet", words: "Read-only" } as const) : notesStatus(unknown && status?.kind === "saved" ? undefined : status),
  );
  const live = connectionStatus(connection, rapport.connection.retryIn);

  return (
    <section class="panel notes" aria-labelledby="notes-title">
      <div class="panel-head">
        <h2 id="notes-title">Notes</h2>
        <div class="notes-tools" role="group" aria-label="Edit">
          {!readOnly && !past && (
            <>
              <button type="button" class="quiet round" aria-label="Undo" title="Undo (Ctrl+Z)" onClick={() => editor.current?.undo()}>
                <UndoIcon />
              </button>
              <button type="button" class="quiet round" aria-label="Redo" title="Redo (Ctrl+Shift+Z)" onClick={() => editor.current?.redo()}>
                <RedoIcon />
              </button>
            </>
          )}
          {session && over === undefined && (
            <button type="button" class="quiet round" aria-label="History" title="History" aria-pressed={past} onClick={() => (past ? showPresent() : setPast(true))}>
              <HistoryIcon />
            </button>
          )}
        </div>
        <div class="statuses">
          {over === undefined && <Status name="connection" label="Connection" status={live} />}
          <Status name="notes" label="Notes" status={saving} />
        </div>
      </div>
      <Announcer live={live} connected={isConnected(connection)} writable={session !== undefined && !readOnly} />
      <Why text={over === undefined ? (reason(view, role) ?? storageWarning(status)) : undefined} />
      {session && drafts.length > 0 && (
        <p class="why draft-note" role="status">
          {drafts.length === 1 ? "Something you wrote" : `${counted(drafts.length, "thing")} you wrote`} could not be put into the notes by itself. Nothing is lost.{" "}
          <button type="button" onClick={() => setReviewing(true)}>
            Review
          </button>
        </p>
      )}
      {session && reviewing && <DraftReview session={session} drafts={drafts} readOnly={readOnly} onClose={() => setReviewing(false)} />}
      {session && past && (
        <History session={session} nameOf={nameOf} readOnly={readOnly} onRestore={(text, version) => void restore(text, version).catch(toasts.fail)} onClose={showPresent} />
      )}
      {session ? (
        <Editor hidden={past} key={session.clientId} session={session} readOnly={readOnly} hint={hint} link={link} onRefused={toasts.fail} onEditor={(next) => (editor.current = next)} />
      ) : error !== undefined ? (
        over === undefined && <Why text={`The notes can't be opened. ${describe(error)}`} />
      ) : (
        <p class="waiting">Opening the notes…</p>
      )}
    </section>
  );
}

/** Others' carets, and whether somebody is at this window, for as long as both sessions are open. */
function useLink(meeting: MeetingSession | undefined, session: ReturnType<typeof useNotes>["session"], userId: string): PresenceLink | undefined {
  const [link, setLink] = useState<PresenceLink>();
  const colours = useContext(Colours);
  const current = useRef(colours);
  current.current = colours;
  useEffect(() => {
    if (!meeting || !session) return;
    const carets = session.carets(meeting);
    const activity = new Activity();
    setLink({ userId, carets, activity, colourOf: (id) => current.current.get(id) ?? colourOf(id) });
    return () => {
      setLink(undefined);
      activity.close();
      carets.close();
    };
  }, [meeting, session, userId]);
  return link;
}

/** `status`, but a change to good only once it has lasted. */
function useSettled(status: Shown): Shown {
  const [shown, setShown] = useState(status);
  const settling = status.tone === "good" && shown.tone === "busy";
  useEffect(() => {
    if (!settling) {
      setShown(status);
      return;
    }
    const timer = setTimeout(() => setShown(status), settleMs);
    return () => clearTimeout(timer);
  }, [status.tone, status.words, settling]);
  return settling ? shown : status;
}

function reason(view: MeetingView | undefined, role: string | undefined): ComponentChildren {
  if (!view) return undefined;
  if (view.meeting.state === "concluded") return "This meeting has ended. Its notes stay here to read.";
  if (view.meeting.state === "cancelled") return "This meeting was cancelled. Its notes stay here to read.";
  if (role === "observer") return "You are here as an observer: you see the notes as they are written. To write too, ask the host to make you a participant.";
  return undefined;
}

function Why({ text }: { readonly text: ComponentChildren }) {
  return text ? (
    <p class="why" role="status">
      {text}
    </p>
  ) : null;
}

interface AnnouncerProps {
  readonly live: Shown;
  readonly connected: boolean;
  /** Whether the notes can be written here. */
  readonly writable: boolean;
}

/** Tells a screen reader when the connection is lost and when it is back, and nothing in between. */
function Announcer({ live, connected, writable }: AnnouncerProps) {
  const lost = useRef(false);
  let words = "";
  if (connected) words = lost.current ? "Connected again." : "";
  else if (live.tone === "warn" || live.tone === "bad") {
    lost.current = true;
    words = writable ? "Connection lost. What you write is kept and sent later." : "Connection lost.";
  }
  return (
    <p class="hidden" role="status">
      {words}
    </p>
  );
}

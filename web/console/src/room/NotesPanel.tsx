import type { MeetingView, NotesProblem } from "@rapport/client";
import type { ComponentChildren } from "preact";
import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import { describe } from "../problem.ts";
import { useSession } from "../session.ts";
import { useNow } from "../time.ts";
import { Status } from "../ui/Status.tsx";
import { useToasts } from "../ui/toasts.tsx";
import { Editor } from "./Editor.tsx";
import { insertedText } from "./lost.ts";
import { mayWrite } from "./permissions.ts";
import { connectionStatus, notesStatus, type Status as Shown } from "./status.ts";
import { useConnection } from "./useConnection.ts";
import { useNotes } from "./useNotes.ts";

/** "Saved" is said only when it has held this long, so that the words do not flicker while one types. */
const settleMs = 400;

interface Props {
  readonly meetingId: string;
  readonly view: MeetingView | undefined;
  /** Why the meeting is over for this person. */
  readonly over: string | undefined;
}

export function NotesPanel({ meetingId, view, over }: Props) {
  const { identity, rapport, notes } = useSession();
  const toasts = useToasts();
  const role = view?.participants.find(({ userId }) => userId === identity.userId)?.role;
  const allowed = over === undefined && view !== undefined && role !== undefined && mayWrite(role, view.meeting);

  const onProblem = useCallback(
    ({ error, lost }: NotesProblem) => {
      const text = lost ? insertedText(lost.change) : "";
      if (!text) toasts.fail(error);
      else {
        toasts.show({
          tone: "problem",
          text: `What you wrote last was refused: ${describe(error)}`,
          action: { label: "Copy it", run: () => void navigator.clipboard.writeText(text).catch(toasts.fail) },
        });
      }
    },
    [toasts],
  );
  const { session, state, error } = useNotes(rapport, meetingId, notes, onProblem);
  const connection = useConnection(rapport.connection);
  const now = useNow(1_000);
  const [waiting, setWaiting] = useState(0);

  useEffect(() => {
    if (!session?.pending) setWaiting(0);
  }, [session, state]);

  const readOnly = !allowed || session === undefined || state === "readonly" || state === "closed";
  const saving = useSettled(readOnly && session ? ({ tone: "quiet", words: "Read-only" } as const) : notesStatus(state, waiting));
  const live = connectionStatus(connection, now.getTime());

  return (
    <section class="panel notes" aria-labelledby="notes-title">
      <div class="panel-head">
        <h2 id="notes-title">Notes</h2>
        <div class="statuses">
          <Status name="connection" label="Connection" status={live} />
          <Status name="notes" label="Notes" status={saving} />
        </div>
      </div>
      <Announcer live={live} />
      <Why text={over === undefined ? reason(view, role) : undefined} />
      {session ? (
        <Editor
          key={session.clientId}
          session={session}
          readOnly={readOnly}
          onEdit={() => setWaiting((count) => count + 1)}
          onRefused={toasts.fail}
        />
      ) : error !== undefined ? (
        over === undefined && <Why text={`The notes can't be opened. ${describe(error)}`} />
      ) : (
        <p class="waiting">Opening the notes…</p>
      )}
    </section>
  );
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
  if (role === "observer") return "You are here as an observer: you see the notes as they are written.";
  return undefined;
}

function Why({ text }: { readonly text: ComponentChildren }) {
  return text ? (
    <p class="why" role="status">
      {text}
    </p>
  ) : null;
}

/** Tells a screen reader when the connection is lost and when it is back, and nothing in between. */
function Announcer({ live }: { readonly live: Shown }) {
  const lost = useRef(false);
  let words = "";
  if (live.tone === "warn" || live.tone === "bad") {
    lost.current = true;
    words = "Connection lost. What you write is kept and sent later.";
  } else if (live.tone === "good" && lost.current) words = "Connected again.";
  return (
    <p class="hidden" role="status">
      {words}
    </p>
  );
}

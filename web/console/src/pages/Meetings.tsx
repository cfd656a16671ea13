import type { Meeting } from "@rapport/client";
import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import { describe } from "../problem.ts";
import { go, hrefOf } from "../route.ts";
import { useSession } from "../session.ts";
import { useNow } from "../time.ts";
import { PlusIcon } from "../ui/icons.tsx";
import { StatePill } from "../ui/StatePill.tsx";
import { usePage } from "../ui/page.ts";
import { NewMeeting } from "./NewMeeting.tsx";
import { meetingWhen } from "./when.ts";

const refreshMs = 15_000;
const pageSize = 50;

/** The caller's meetings, renewed while the page is looked at. */
export function Meetings() {
  const heading = usePage("Meetings");
  const [creating, setCreating] = useState(false);
  const { meetings, error, more, loadMore, refresh } = useMeetings();
  const now = useNow(30_000);

  return (
    <div class="page">
      <div class="page-head">
        <h1 ref={heading} tabIndex={-1}>
          Meetings
        </h1>
        <button type="button" class="primary" onClick={() => setCreating(true)}>
          <PlusIcon />
          New meeting
        </button>
      </div>
      {error !== undefined && (
        <div class="banner banner-action" data-tone="bad" role="alert">
          <p>{describe(error)}</p>
          <button type="button" onClick={refresh}>
            Try again
          </button>
        </div>
      )}
      {meetings === undefined ? (
        error === undefined && <p class="waiting">Loading your meetings…</p>
      ) : meetings.length === 0 ? (
        <Empty onCreate={() => setCreating(true)} />
      ) : (
        <>
          <Section title="Now" meetings={meetings.filter(({ state }) => state === "active")} now={now} />
          <Section title="Planned" meetings={meetings.filter(({ state }) => state === "scheduled")} now={now} />
          <Section title="Past" meetings={meetings.filter(({ state }) => state === "concluded" || state === "cancelled")} now={now} />
          {more && (
            <button type="button" onClick={loadMore}>
              Show more
            </button>
          )}
        </>
      )}
      {creating && <NewMeeting onClose={() => setCreating(false)} onCreated={({ meetingId }) => go({ page: "meeting", meetingId })} />}
    </div>
  );
}

function Empty({ onCreate }: { readonly onCreate: () => void }) {
  return (
    <section class="empty">
      <h2>No meetings yet</h2>
      <p>Make one and invite somebody. Then open a second window, sign in there as that person, and write the notes together.</p>
      <button type="button" class="primary" onClick={onCreate}>
        <PlusIcon />
        New meeting
      </button>
    </section>
  );
}

function Section({ title, meetings, now }: { readonly title: string; readonly meetings: readonly Meeting[]; readonly now: Date }) {
  if (meetings.length === 0) return null;
  return (
    <section class="group">
      <h2 class="group-title">{title}</h2>
      <ul class="rows">
        {meetings.map((meeting) => (
          <Row key={meeting.meetingId} meeting={meeting} now={now} />
        ))}
      </ul>
    </section>
  );
}

function Row({ meeting, now }: { readonly meeting: Meeting; readonly now: Date }) {
  const { identity } = useSession();
  const people = `${meeting.participantCount} ${meeting.participantCount === 1 ? "person" : "people"}`;
  const facts = [meetingWhen(meeting, now), people, ...(meeting.hostId === identity.userId ? ["you host"] : [])];
  return (
    <li>
      <a class="row" href={hrefOf({ page: "meeting", meetingId: meeting.meetingId })}>
        <span class="row-title">
          <bdi>{meeting.title}</bdi>
        </span>
        {(meeting.state === "active" || meeting.state === "cancelled") && <StatePill state={meeting.state} />}
        <span class="row-facts">{facts.join(" · ")}</span>
      </a>
    </li>
  );
}

function useMeetings() {
  const { rapport } = useSession();
  const [meetings, setMeetings] = useState<readonly Meeting[]>();
  const [cursor, setCursor] = useState<string | null>(null);
  const [error, setError] = useState<unknown>();
  const pages = useRef(1);

  const load = useCallback(
    async (signal: AbortSignal) => {
      const items: Meeting[] = [];
      let next: string | null = null;
      for (let page = 0; page < pages.current; page++) {
        const answer = await rapport.meetings.list({ limit: pageSize, ...(next !== null && { cursor: next }) }, { signal });
        items.push(...answer.items);
        next = answer.nextCursor;
        if (next === null) break;
      }
      setMeetings(items);
      setCursor(next);
      setError(undefined);
    },
    [rapport],
  );

  const controller = useRef(new AbortController());
  const refresh = useCallback(() => {
    if (document.hidden) return;
    controller.current.abort();
    controller.current = new AbortController();
    const { signal } = controller.current;
    load(signal).catch((reason: unknown) => {
      if (!signal.aborted) setError(reason);
    });
  }, [load]);

  useEffect(() => {
    refresh();
    const timer = setInterval(refresh, refreshMs);
    addEventListener("focus", refresh);
    return () => {
      clearInterval(timer);
      removeEventListener("focus", refresh);
      controller.current.abort();
    };
  }, [refresh]);

  const loadMore = (): void => {
    pages.current++;
    refresh();
  };
  return { meetings, error, more: cursor !== null, loadMore, refresh };
}

import type { NotesSession } from "@rapport/client";
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { describe } from "../../problem.ts";
import { useSession } from "../../session.ts";
import { useNow, whenText } from "../../time.ts";
import { Avatar } from "../../ui/Avatar.tsx";
import { useColour } from "../../ui/colours.ts";
import { BackIcon, NextIcon } from "../../ui/icons.tsx";
import { initials } from "../../ui/initials.ts";
import { isolate } from "../../ui/isolate.ts";
import { type Shown, shownRuns } from "./pieces.ts";
import { type Timeline, wholeText } from "./timeline.ts";
import { useTimeline } from "./useTimeline.ts";
import "../../styles/history.css";

interface Props {
  readonly session: NotesSession;
  /** The name of somebody who wrote; undefined for who is no longer in the meeting. */
  readonly nameOf: (userId: string) => string | undefined;
  readonly readOnly: boolean;
  /** Makes the notes what they were. */
  readonly onRestore: (text: string, version: number) => void;
  readonly onClose: () => void;
}

/** The notes as they were at any version that is kept. */
export function History({ session, nameOf, readOnly, onRestore, onClose }: Props) {
  const { rapport } = useSession();
  const [attempt, setAttempt] = useState(0);
  const { timeline, last, progress, error } = useTimeline(rapport.notes, session, attempt);
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => heading.current?.focus(), []);
  return (
    <div class="history">
      <div class="history-head">
        <h3 ref={heading} tabIndex={-1}>
          History
        </h3>
        <button type="button" onClick={onClose}>
          Back to the notes
        </button>
      </div>
      {error !== undefined ? (
        <p class="form-problem" role="alert">
          The history can't be read. {describe(error)}{" "}
          <button type="button" onClick={() => setAttempt((n) => n + 1)}>
            Try again
          </button>
        </p>
      ) : timeline ? (
        <Versions timeline={timeline} last={last} nameOf={nameOf} readOnly={readOnly} onRestore={onRestore} />
      ) : (
        <label class="waiting">
          Reading the history… <progress value={progress} max={1} />
        </label>
      )}
    </div>
  );
}

interface VersionsProps extends Pick<Props, "nameOf" | "readOnly" | "onRestore"> {
  readonly timeline: Timeline;
  readonly last: number;
}

function Versions({ timeline, last, nameOf, readOnly, onRestore }: VersionsProps) {
  const [chosen, setChosen] = useState<number>();
  // Who looks at the newest goes on doing so.
  const version = Math.min(Math.max(chosen ?? last, timeline.first), last);
  const choose = (next: number): void => setChosen(next >= last ? undefined : Math.max(next, timeline.first));
  const now = useNow(30_000);
  const runs = useMemo(() => timeline.at(version), [timeline, version]);
  const step = timeline.step(version);
  const shown = useMemo(() => shownRuns(runs, step), [runs, step]);
  const text = wholeText(runs);
  const name = (id: string): string => nameOf(id) ?? "Somebody who left";
  const facts = step ? `${isolate(name(step.authorId))}, ${whenText(new Date(step.createdAt), now)}` : "before the first change that is kept";

  if (last === 0) return <p class="waiting">Nothing has been written yet.</p>;
  return (
    <>
      <div class="history-slider">
        <button type="button" class="quiet round" aria-label="Earlier version" disabled={version === timeline.first} onClick={() => choose(version - 1)}>
          <BackIcon />
        </button>
        <input
          type="range"
          aria-label="Version"
          aria-valuetext={`Version ${version} of ${last}, ${facts}`}
          min={timeline.first}
          max={last}
          step={1}
          value={version}
          onInput={(event) => choose(Number(event.currentTarget.value))}
        />
        <button type="button" class="quiet round" aria-label="Later version" disabled={version === last} onClick={() => choose(version + 1)}>
          <NextIcon />
        </button>
      </div>
      <div class="history-facts">
        <p data-version={version}>
          <strong>Version {version}</strong> of {last} · {facts}
        </p>
        {!readOnly && (
          <button type="button" class="primary" disabled={version === last || text === undefined} onClick={() => text !== undefined && onRestore(text, version)}>
            Restore this version
          </button>
        )}
      </div>
      {timeline.first > 0 && (
        <p class="why">
          The history begins with version {timeline.first}: what came before is no longer kept.
          {text === undefined && " Where you see ▒, something stood that has been deleted since; so this version can't be restored."}
        </p>
      )}
      <Authors runs={shown} name={name} />
      <VersionText runs={shown} version={version} name={name} />
    </>
  );
}

/** Whose colour is whose. */
function Authors({ runs, name }: { readonly runs: readonly Shown[]; readonly name: (id: string) => string }) {
  const ids = [...new Set(runs.flatMap(({ authorId }) => (authorId === undefined ? [] : [authorId])))];
  return (
    <ul class="history-authors" aria-label="Written by">
      {ids.map((id) => (
        <li key={id}>
          <Avatar id={id} name={name(id)} />
          <bdi>{name(id)}</bdi>
        </li>
      ))}
    </ul>
  );
}

function VersionText({ runs, version, name }: { readonly runs: readonly Shown[]; readonly version: number; readonly name: (id: string) => string }) {
  const box = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const fresh = box.current?.querySelector<HTMLElement>("[data-fresh]");
    if (!box.current || !fresh) return;
    const [outer, inner] = [box.current.getBoundingClientRect(), fresh.getBoundingClientRect()];
    if (inner.top < outer.top || inner.bottom > outer.bottom) box.current.scrollTop += inner.top - outer.top - outer.height / 3;
  }, [version]);
  return (
    <div ref={box} class="history-text" role="region" aria-label={`The notes at version ${version}`} tabIndex={0}>
      {runs.length === 0 && <span class="waiting">The notes were empty.</span>}
      {runs.map((run, i) => (run.authorId === undefined ? <span key={i}>{run.text}</span> : <AuthorRun key={i} run={run} id={run.authorId} name={name(run.authorId)} />))}
    </div>
  );
}

/** Whose it is stands at its beginning, and in its title. */
function AuthorRun({ run, id, name }: { readonly run: Shown; readonly id: string; readonly name: string }) {
  return (
    <span class="run" data-colour={useColour(id)} data-initials={run.begins ? initials(name) : undefined} data-fresh={run.fresh || undefined} title={name}>
      {run.text}
    </span>
  );
}

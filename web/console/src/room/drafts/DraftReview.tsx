import type { NotesDraft, NotesSession } from "@rapport/client";
import { useEffect, useRef, useState } from "preact/hooks";
import { describe } from "../../problem.ts";
import { useNow, whenText } from "../../time.ts";
import { Dialog } from "../../ui/Dialog.tsx";
import { FormProblem } from "../../ui/Field.tsx";
import { useToasts } from "../../ui/toasts.tsx";
import { draftReasons } from "../status.ts";
import { marked, type Part } from "./marked.ts";
import "../../styles/drafts.css";

interface Props {
  readonly session: NotesSession;
  readonly drafts: readonly NotesDraft[];
  /** Nothing can be applied. */
  readonly readOnly: boolean;
  readonly onClose: () => void;
}

/** What could not be merged by itself, beside the notes as they are now. */
export function DraftReview({ session, drafts, readOnly, onClose }: Props) {
  const toasts = useToasts();
  const now = useNow(30_000);
  const text = useText(session);
  const [busy, setBusy] = useState(false);
  const [sure, setSure] = useState(false);
  const [error, setError] = useState<unknown>();
  const draft = drafts[0];
  useEffect(() => {
    if (!draft) onClose();
    setSure(false);
    setError(undefined);
  }, [draft?.id]);
  const preview = draft && session.previewDraft(draft.id);
  if (!draft || !preview) return null;
  const parts = marked(text, preview.change);

  const act = (run: () => Promise<unknown>, done: string): void => {
    setBusy(true);
    setError(undefined);
    run()
      .then(() => toasts.show({ text: done }), setError)
      .finally(() => setBusy(false));
  };
  return (
    <Dialog title={drafts.length > 1 ? `Your drafts: 1 of ${drafts.length}` : "Your draft"} wide onClose={onClose}>
      <p>
        What you wrote {whenText(new Date(draft.createdAt), now)} could not be put into the notes by itself. {draftReasons[draft.reason]}
        {readOnly ? " You can't change the notes now, but you can copy it." : " See what it would do, then put it in or throw it away."}
      </p>
      <FormProblem text={error === undefined ? undefined : describe(error)} />
      <div class="draft-sides">
        <Side key={`now ${draft.id}`} title="The notes now" parts={parts} before />
        <Side key={`with ${draft.id}`} title="With your draft" parts={parts} />
      </div>
      <footer class="dialog-foot draft-foot">
        <button type="button" class={sure ? "danger" : "quiet"} disabled={busy} onClick={() => (sure ? act(() => session.discardDraft(draft.id), "The draft is gone.") : setSure(true))}>
          {sure ? "Yes, throw it away" : "Throw it away"}
        </button>
        <button type="button" disabled={busy} onClick={() => void navigator.clipboard.writeText(draft.text).then(() => toasts.show({ text: "The notes as you had them are copied." }), toasts.fail)}>
          Copy as I had it
        </button>
        <button type="button" class="primary" disabled={busy || readOnly} onClick={() => act(() => session.applyDraft(draft.id), "Your draft is in the notes. Undo takes it back.")}>
          Put it in
        </button>
      </footer>
    </Dialog>
  );
}

const names: Readonly<Record<Exclude<Part["kind"], "same">, string>> = { added: "added: ", removed: "removed: " };

interface SideProps {
  readonly title: string;
  readonly parts: readonly Part[];
  /** Show the text as it is without them. */
  readonly before?: boolean;
}

/** One text; both begin where they first differ. */
function Side({ title, parts, before = false }: SideProps) {
  const box = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const first = box.current?.querySelector<HTMLElement>("[data-change]");
    if (box.current && first) box.current.scrollTop += first.getBoundingClientRect().top - box.current.getBoundingClientRect().top - box.current.clientHeight / 3;
  }, []);
  return (
    <section class="draft-side">
      <h3>{title}</h3>
      <div ref={box} class="draft-text" role="region" aria-label={title} tabIndex={0}>
        {parts.map(({ kind, text }, i) => {
          if (kind === "same") return <span key={i}>{text}</span>;
          if (before) return <span key={i} data-change>{kind === "removed" && text}</span>;
          const said = <span class="hidden">{names[kind]}</span>;
          return kind === "added" ? <ins key={i} data-change>{said}{text}</ins> : <del key={i} data-change>{said}{text}</del>;
        })}
        {parts.every(({ kind }) => before && kind === "added") && <span class="waiting">Empty</span>}
      </div>
    </section>
  );
}

/** The notes' text, as it changes. */
function useText(session: NotesSession): string {
  const [text, setText] = useState(session.text);
  useEffect(() => {
    const follow = (): void => setText(session.text);
    const stops = [session.on("remote", follow), session.on("reset", follow), session.on("committed", follow)];
    return () => stops.forEach((stop) => stop());
  }, [session]);
  return text;
}

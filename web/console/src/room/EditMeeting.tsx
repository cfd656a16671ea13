import { type Meeting, type Rapport, RapportError } from "@rapport/client";
import { useState } from "preact/hooks";
import { fieldProblem, formProblem } from "../problem.ts";
import { useSession } from "../session.ts";
import { Dialog } from "../ui/Dialog.tsx";
import { Field, FormProblem } from "../ui/Field.tsx";

const fields = ["body.title", "body.description"];
/** The revision moves with every change of the meeting, most of which are of no matter here. */
const tries = 4;

export interface Words {
  readonly title: string;
  readonly description: string;
}

function wordsOf({ title, description }: Meeting): Words {
  return { title, description: description ?? "" };
}

function same(a: Words, b: Words): boolean {
  return a.title === b.title && a.description === b.description;
}

/**
 * Saves new words for a meeting whose words were `seen`. Resolves with undefined
 * when they are saved, or with the meeting as it is now where somebody else has
 * changed the words; nothing is saved then. Rejects with RapportError.
 */
export async function saveWords(meetings: Pick<Rapport["meetings"], "get" | "update">, meeting: Meeting, seen: Words, next: Words): Promise<Meeting | undefined> {
  let current = meeting;
  for (let attempt = 1; ; attempt++) {
    // The page may not have heard of the newest yet.
    if (!same(wordsOf(current), seen) && current === meeting) current = await meetings.get(meeting.meetingId);
    if (!same(wordsOf(current), seen)) return current;
    try {
      await meetings.update(meeting.meetingId, { revision: current.revision, title: next.title, description: next.description });
      return undefined;
    } catch (error) {
      if (!(error instanceof RapportError) || error.code !== "CONFLICT" || attempt === tries) throw error;
      current = await meetings.get(meeting.meetingId);
    }
  }
}

/** Title and description, for who runs the meeting. */
export function EditMeeting({ meeting, onClose }: { readonly meeting: Meeting; readonly onClose: () => void }) {
  const { rapport } = useSession();
  const [seen, setSeen] = useState(() => wordsOf(meeting));
  const [title, setTitle] = useState(seen.title);
  const [description, setDescription] = useState(seen.description);
  const [overtaken, setOvertaken] = useState(false);
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>();

  async function save(): Promise<void> {
    setBusy(true);
    setError(undefined);
    try {
      const other = await saveWords(rapport.meetings, meeting, seen, { title: title.trim(), description: description.trim() });
      if (!other) {
        onClose();
        return;
      }
      setSeen(wordsOf(other));
      setOvertaken(true);
    } catch (reason) {
      setError(reason);
    }
    setBusy(false);
  }

  return (
    <Dialog title="Edit meeting" onClose={onClose}>
      <form
        class="form"
        onSubmit={(event) => {
          event.preventDefault();
          if (title.trim() && !busy) void save();
        }}
      >
        <FormProblem text={formProblem(error, fields)} />
        {overtaken && (
          <div class="banner" data-tone="warn" role="alert">
            <p>Somebody else has changed these words meanwhile. They are now:</p>
            <p>
              <strong>{seen.title}</strong>
            </p>
            {seen.description && <p>{seen.description}</p>}
            <p>Save again to put yours in their place.</p>
          </div>
        )}
        <Field label="Title" problem={fieldProblem(error, "body.title")}>
          {(control) => <input {...control} name="title" required maxLength={200} autoFocus value={title} onInput={(event) => setTitle(event.currentTarget.value)} />}
        </Field>
        <Field label="What it is about" optional problem={fieldProblem(error, "body.description")}>
          {(control) => (
            <textarea {...control} name="description" rows={4} maxLength={5000} value={description} onInput={(event) => setDescription(event.currentTarget.value)} />
          )}
        </Field>
        <footer class="dialog-foot">
          <button type="button" onClick={onClose}>
            Cancel
          </button>
          <button type="submit" class="primary" disabled={busy || !title.trim()}>
            Save
          </button>
        </footer>
      </form>
    </Dialog>
  );
}

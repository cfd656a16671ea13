import type { Meeting } from "@rapport/client";
import { useState } from "preact/hooks";
import { meetingWhen } from "../pages/when.ts";
import { fieldProblem, formProblem } from "../problem.ts";
import { useSession } from "../session.ts";
import { Dialog } from "../ui/Dialog.tsx";
import { Field, FormProblem } from "../ui/Field.tsx";
import { detailsOf, fieldOfTime, saveDetails, timeOfField } from "./details.ts";

const fields = ["body.title", "body.description", "body.scheduledAt", "body.durationMinutes"];

interface EditMeetingProps {
  /** With the epoch of its revision, where that is known. */
  readonly meeting: Meeting & { readonly epoch?: string | undefined };
  readonly onClose: () => void;
}

/** Title, description, time and length, for who runs the meeting. */
export function EditMeeting({ meeting, onClose }: EditMeetingProps) {
  const { rapport } = useSession();
  const [seen, setSeen] = useState(() => detailsOf(meeting));
  const [title, setTitle] = useState(seen.title);
  const [description, setDescription] = useState(seen.description);
  const [at, setAt] = useState(fieldOfTime(seen.scheduledAt));
  const [minutes, setMinutes] = useState(String(seen.durationMinutes ?? ""));
  /** The meeting as somebody else has made it meanwhile. */
  const [overtaken, setOvertaken] = useState<Meeting>();
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>();

  async function save(): Promise<void> {
    setBusy(true);
    setError(undefined);
    try {
      const other = await saveDetails(rapport.meetings, meeting, seen, {
        title: title.trim(),
        description: description.trim(),
        scheduledAt: timeOfField(at, seen.scheduledAt),
        durationMinutes: minutes === "" ? undefined : Number(minutes),
      });
      if (!other) {
        onClose();
        return;
      }
      setSeen(detailsOf(other));
      setOvertaken(other);
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
            <p>Somebody else has changed this meeting meanwhile. It is now:</p>
            <p>
              <strong>
                <bdi>{seen.title}</bdi>
              </strong>
            </p>
            {seen.description && <p>{seen.description}</p>}
            <p>{meetingWhen({ ...overtaken, state: "scheduled" }, new Date())}</p>
            <p>Save again to put yours in their place.</p>
          </div>
        )}
        <Field label="Title" problem={fieldProblem(error, "body.title")}>
          {(control) => <input {...control} dir="auto" name="title" required maxLength={200} autoFocus value={title} onInput={(event) => setTitle(event.currentTarget.value)} />}
        </Field>
        <Field label="What it is about" optional problem={fieldProblem(error, "body.description")}>
          {(control) => (
            <textarea {...control} dir="auto" name="description" rows={4} maxLength={5000} value={description} onInput={(event) => setDescription(event.currentTarget.value)} />
          )}
        </Field>
        <div class="form-pair">
          <Field label="When" optional problem={fieldProblem(error, "body.scheduledAt")}>
            {(control) => <input {...control} type="datetime-local" name="scheduledAt" value={at} onInput={(event) => setAt(event.currentTarget.value)} />}
          </Field>
          <Field label="Minutes" optional problem={fieldProblem(error, "body.durationMinutes")}>
            {(control) => (
              <input {...control} type="number" inputMode="numeric" name="durationMinutes" min={1} max={1440} step={1} value={minutes} onInput={(event) => setMinutes(event.currentTarget.value)} />
            )}
          </Field>
        </div>
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

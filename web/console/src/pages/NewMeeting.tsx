import type { CreateMeeting, Meeting } from "@rapport/client";
import { useRef, useState } from "preact/hooks";
import type { LocalUser } from "../dev.ts";
import { useDirectory } from "../people.ts";
import { fieldProblem, formProblem } from "../problem.ts";
import { useSession } from "../session.ts";
import { Dialog } from "../ui/Dialog.tsx";
import { Field, FormProblem } from "../ui/Field.tsx";
import { PeoplePicker } from "../ui/PeoplePicker.tsx";

const fields = ["body.title", "body.description", "body.scheduledAt", "body.durationMinutes", "body.participants"];

interface Props {
  readonly onClose: () => void;
  readonly onCreated: (meeting: Meeting) => void;
}

export function NewMeeting({ onClose, onCreated }: Props) {
  const { rapport, identity } = useSession();
  const directory = useDirectory();
  const [title, setTitle] = useState("");
  const [description, setDescription] = useState("");
  const [at, setAt] = useState("");
  const [minutes, setMinutes] = useState("");
  const [picked, setPicked] = useState<readonly LocalUser[]>([]);
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>();
  const sent = useRef<{ readonly body: string; readonly key: string }>(undefined);

  /** The same key for the same meeting, so that a repeat after a lost answer does not make a second one. */
  function keyFor(input: CreateMeeting): string {
    const body = JSON.stringify(input);
    if (sent.current?.body !== body) sent.current = { body, key: crypto.randomUUID() };
    return sent.current.key;
  }

  async function create(): Promise<void> {
    const input: CreateMeeting = {
      title: title.trim(),
      ...(description.trim() && { description: description.trim() }),
      ...(at && { scheduledAt: new Date(at).toISOString() }),
      ...(minutes && { durationMinutes: Number(minutes) }),
      ...(picked.length > 0 && { participants: picked.map(({ userId }) => ({ userId, role: "participant" as const })) }),
    };
    setBusy(true);
    setError(undefined);
    try {
      onCreated(await rapport.meetings.create(input, { idempotencyKey: keyFor(input) }));
    } catch (reason) {
      setError(reason);
      setBusy(false);
    }
  }

  return (
    <Dialog title="New meeting" onClose={onClose}>
      <form
        class="form"
        onSubmit={(event) => {
          event.preventDefault();
          if (title.trim() && !busy) void create();
        }}
      >
        <FormProblem text={formProblem(error, fields)} />
        <Field label="Title" problem={fieldProblem(error, "body.title")}>
          {(control) => <input {...control} dir="auto" name="title" required maxLength={200} autoFocus value={title} onInput={(event) => setTitle(event.currentTarget.value)} />}
        </Field>
        <Field label="What it is about" optional problem={fieldProblem(error, "body.description")}>
          {(control) => <textarea {...control} dir="auto" name="description" rows={2} value={description} onInput={(event) => setDescription(event.currentTarget.value)} />}
        </Field>
        <div class="form-pair">
          <Field label="When" optional problem={fieldProblem(error, "body.scheduledAt")}>
            {(control) => <input {...control} type="datetime-local" name="scheduledAt" value={at} onInput={(event) => setAt(event.currentTarget.value)} />}
          </Field>
          <Field label="Minutes" optional problem={fieldProblem(error, "body.durationMinutes")}>
            {(control) => (
              <input {...control} type="number" inputMode="numeric" name="durationMinutes" min={1} step={1} value={minutes} onInput={(event) => setMinutes(event.currentTarget.value)} />
            )}
          </Field>
        </div>
        <PeoplePicker
          directory={directory}
          without={new Set([identity.userId])}
          picked={picked}
          onPick={setPicked}
          problem={fieldProblem(error, "body.participants")}
        />
        <footer class="dialog-foot">
          <button type="button" onClick={onClose}>
            Cancel
          </button>
          <button type="submit" class="primary" disabled={busy || !title.trim()}>
            Create meeting
          </button>
        </footer>
      </form>
    </Dialog>
  );
}

import type { AssignedRole } from "@rapport/client";
import { useState } from "preact/hooks";
import type { LocalUser } from "../dev.ts";
import type { Directory } from "../people.ts";
import { describe } from "../problem.ts";
import { useSession } from "../session.ts";
import { Dialog } from "../ui/Dialog.tsx";
import { Field, FormProblem } from "../ui/Field.tsx";
import { PeoplePicker } from "../ui/PeoplePicker.tsx";
import { roleMeanings, roleNames } from "./permissions.ts";

interface Props {
  readonly meetingId: string;
  readonly roles: readonly AssignedRole[];
  readonly directory: Directory;
  readonly without: ReadonlySet<string>;
  readonly onClose: () => void;
}

export function InviteDialog({ meetingId, roles, directory, without, onClose }: Props) {
  const { rapport } = useSession();
  const [picked, setPicked] = useState<readonly LocalUser[]>([]);
  const [role, setRole] = useState<AssignedRole>("participant");
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>();

  /** One after the other: a refusal leaves picked those who are not in yet. */
  async function invite(): Promise<void> {
    setBusy(true);
    setError(undefined);
    let left = picked;
    try {
      for (const { userId } of picked) {
        await rapport.participants.invite(meetingId, { userId, role });
        left = left.filter((user) => user.userId !== userId);
      }
      onClose();
    } catch (reason) {
      setError(reason);
      setPicked(left);
      setBusy(false);
    }
  }

  return (
    <Dialog title="Invite" onClose={onClose}>
      <form
        class="form"
        onSubmit={(event) => {
          event.preventDefault();
          if (picked.length > 0 && !busy) void invite();
        }}
      >
        <FormProblem text={error === undefined ? undefined : describe(error)} />
        <PeoplePicker directory={directory} without={without} picked={picked} onPick={setPicked} />
        <Field label="As">
          {(control) => (
            <select {...control} name="role" value={role} onChange={(event) => setRole(roles.find((other) => other === event.currentTarget.value) ?? role)}>
              {roles.map((other) => (
                <option key={other} value={other}>
                  {roleNames[other]}: {roleMeanings[other]}
                </option>
              ))}
            </select>
          )}
        </Field>
        <footer class="dialog-foot">
          <button type="button" onClick={onClose}>
            Cancel
          </button>
          <button type="submit" class="primary" disabled={busy || picked.length === 0}>
            Invite{picked.length > 1 ? ` ${picked.length} people` : ""}
          </button>
        </footer>
      </form>
    </Dialog>
  );
}

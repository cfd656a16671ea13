import type { AssignedRole, MeetingView, Participant, PresenceStatus, Present, Role } from "@rapport/client";
import { useMemo, useState } from "preact/hooks";
import { useDirectory } from "../people.ts";
import { useSession } from "../session.ts";
import { Avatar } from "../ui/Avatar.tsx";
import { Dialog } from "../ui/Dialog.tsx";
import { CloseIcon, PlusIcon } from "../ui/icons.tsx";
import { isolate } from "../ui/isolate.ts";
import { useToasts } from "../ui/toasts.tsx";
import { InviteDialog } from "./InviteDialog.tsx";
import { givenBy, isOpen, mayManage, mayRun, roleNames } from "./permissions.ts";
import { presentPeople, statusWords } from "./presence/people.ts";

const order: readonly Role[] = ["host", "co-host", "participant", "observer"];

/** Who is in the meeting, and for those who may: invite, roles, remove. */
export function PeoplePanel({ view, here, over }: { readonly view: MeetingView; readonly here: readonly Present[]; readonly over: boolean }) {
  const { identity, rapport } = useSession();
  const toasts = useToasts();
  const directory = useDirectory();
  const [inviting, setInviting] = useState(false);
  const [removing, setRemoving] = useState<Participant>();
  const { meeting } = view;
  const present = useMemo(() => new Map(presentPeople(here).map((person) => [person.userId, person.status])), [here]);
  const mine = over || !isOpen(meeting) ? "observer" : (view.participants.find(({ userId }) => userId === identity.userId)?.role ?? "observer");
  const name = (person: Participant): string => person.displayName ?? directory.users.find(({ userId }) => userId === person.userId)?.displayName ?? person.userId;
  const manages = (person: Participant): boolean => person.userId !== identity.userId && mayManage(mine, person.role);
  const people = [...view.participants].sort((a, b) => order.indexOf(a.role) - order.indexOf(b.role) || name(a).localeCompare(name(b)));

  return (
    <section class="panel people" aria-labelledby="people-title">
      <div class="panel-head">
        <h2 id="people-title">
          People <span class="count">{people.length}</span>
        </h2>
        {mayRun(mine) && (
          <button type="button" class="quiet" onClick={() => setInviting(true)}>
            <PlusIcon />
            Invite
          </button>
        )}
      </div>
      <ul class="people-list">
        {people.map((person) => (
          <li key={person.userId} class="person" data-role={person.role} data-user-id={person.userId} data-presence={present.get(person.userId) ?? "gone"}>
            <Avatar id={person.userId} name={name(person)} />
            <span class="person-text">
              <span class="person-line">
                <span class="person-name" dir="auto" title={name(person)}>
                  {name(person)}
                </span>
                {person.userId === identity.userId && <span class="you">you</span>}
                <Presence status={present.get(person.userId)} />
              </span>
              {manages(person) ? (
                <RoleSelect
                  role={person.role}
                  roles={givenBy(mine)}
                  label={`Role of ${isolate(name(person))}`}
                  onChange={(role) => rapport.participants.changeRole(meeting.meetingId, person.userId, role).then(() => undefined, toasts.fail)}
                />
              ) : (
                <span class="role">{roleNames[person.role]}</span>
              )}
            </span>
            {manages(person) && (
              <button type="button" class="quiet round" aria-label={`Remove ${isolate(name(person))}`} title={`Remove ${isolate(name(person))}`} onClick={() => setRemoving(person)}>
                <CloseIcon />
              </button>
            )}
          </li>
        ))}
      </ul>
      {inviting && (
        <InviteDialog
          meetingId={meeting.meetingId}
          roles={givenBy(mine)}
          directory={directory}
          without={new Set(view.participants.map(({ userId }) => userId))}
          onClose={() => setInviting(false)}
        />
      )}
      {removing && (
        <RemoveDialog
          name={name(removing)}
          onClose={() => setRemoving(undefined)}
          onRemove={() => rapport.participants.remove(meeting.meetingId, removing.userId).catch(toasts.fail)}
        />
      )}
    </section>
  );
}

/** In words, and for those who see it, a dot: full, hollow or none. */
function Presence({ status }: { readonly status: PresenceStatus | undefined }) {
  return status ? (
    <span class="presence" data-presence={status}>
      {statusWords[status]}
    </span>
  ) : null;
}

interface RoleSelectProps {
  readonly role: Role;
  readonly roles: readonly AssignedRole[];
  readonly label: string;
  readonly onChange: (role: AssignedRole) => Promise<void>;
}

/** Shows the role that the server knows; a chosen one is shown when it has been accepted. */
function RoleSelect({ role, roles, label, onChange }: RoleSelectProps) {
  const [wanted, setWanted] = useState<AssignedRole>();
  return (
    <select
      class="role-select"
      aria-label={label}
      disabled={wanted !== undefined}
      value={wanted ?? role}
      onChange={(event) => {
        const next = roles.find((other) => other === event.currentTarget.value);
        if (!next) return;
        setWanted(next);
        void onChange(next).finally(() => setWanted(undefined));
      }}
    >
      {roles.map((other) => (
        <option key={other} value={other}>
          {roleNames[other]}
        </option>
      ))}
    </select>
  );
}

function RemoveDialog({ name, onClose, onRemove }: { readonly name: string; readonly onClose: () => void; readonly onRemove: () => Promise<void> }) {
  return (
    <Dialog title={`Remove ${isolate(name)}?`} onClose={onClose}>
      <p>Their view of this meeting ends at once. You can invite them again.</p>
      <footer class="dialog-foot">
        <button type="button" onClick={onClose}>
          Cancel
        </button>
        <button
          type="button"
          class="danger"
          onClick={() => {
            onClose();
            void onRemove();
          }}
        >
          Remove
        </button>
      </footer>
    </Dialog>
  );
}

import { useState } from "preact/hooks";
import type { LocalUser } from "../dev.ts";
import type { Directory } from "../people.ts";
import { describe } from "../problem.ts";
import { Avatar } from "./Avatar.tsx";
import { Field } from "./Field.tsx";

interface Props {
  readonly directory: Directory;
  /** Ids of those who are in already. */
  readonly without: ReadonlySet<string>;
  readonly picked: readonly LocalUser[];
  readonly onPick: (picked: readonly LocalUser[]) => void;
  readonly problem?: string | undefined;
}

/** Picks people: known ones by a press, new ones by name. */
export function PeoplePicker({ directory, without, picked, onPick, problem }: Props) {
  const [name, setName] = useState("");
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>();
  const isPicked = (user: LocalUser): boolean => picked.some((other) => other.userId === user.userId);
  const offered = [...directory.users, ...picked.filter((user) => !directory.users.some((known) => known.userId === user.userId))];
  const shown = offered.filter((user) => !without.has(user.userId));

  async function add(): Promise<void> {
    setBusy(true);
    setError(undefined);
    try {
      const user = await directory.find(name);
      if (!without.has(user.userId) && !isPicked(user)) onPick([...picked, user]);
      setName("");
    } catch (reason) {
      setError(reason);
    } finally {
      setBusy(false);
    }
  }

  return (
    <fieldset class="picker">
      <legend>People</legend>
      {shown.length > 0 && (
        <ul class="chips">
          {shown.map((user) => (
            <li key={user.userId}>
              <button
                type="button"
                class="chip"
                aria-pressed={isPicked(user)}
                data-user={user.user}
                onClick={() => onPick(isPicked(user) ? picked.filter((other) => other.userId !== user.userId) : [...picked, user])}
              >
                <Avatar id={user.userId} name={user.displayName} />
                <span class="chip-name" dir="auto">
                  {user.displayName}
                </span>
              </button>
            </li>
          ))}
        </ul>
      )}
      <div class="inline-form">
        <Field label={shown.length > 0 ? "Somebody else, by name" : "By name"} problem={error === undefined ? problem : describe(error)}>
          {(control) => (
            <input
              {...control}
              dir="auto"
              value={name}
              maxLength={64}
              autoComplete="off"
              autoCapitalize="none"
              spellcheck={false}
              onInput={(event) => setName(event.currentTarget.value)}
              onKeyDown={(event) => {
                if (event.key !== "Enter") return;
                event.preventDefault(); // Enter adds the person; it does not send the form around this
                if (name.trim() && !busy) void add();
              }}
            />
          )}
        </Field>
        <button type="button" disabled={busy || !name.trim()} onClick={() => void add()}>
          Add
        </button>
      </div>
    </fieldset>
  );
}

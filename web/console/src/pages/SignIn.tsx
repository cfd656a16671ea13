import { useEffect, useState } from "preact/hooks";
import { type LocalUser, localUsers } from "../dev.ts";
import { type Identity, signIn } from "../identity.ts";
import { describe, fieldProblem } from "../problem.ts";
import { Avatar } from "../ui/Avatar.tsx";
import { Field, FormProblem } from "../ui/Field.tsx";
import { Mark } from "../ui/icons.tsx";
import { usePage } from "../ui/page.ts";
import { ThemeButton } from "../ui/ThemeButton.tsx";

interface Props {
  /** Why the person is here again. */
  readonly notice: string | undefined;
  readonly onSignedIn: (identity: Identity) => void;
}

export function SignIn({ notice, onSignedIn }: Props) {
  const heading = usePage("Sign in");
  const [users, setUsers] = useState<readonly LocalUser[]>([]);
  const [name, setName] = useState("");
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>();

  useEffect(() => {
    const controller = new AbortController();
    localUsers(controller.signal).then(setUsers, (reason: unknown) => {
      if (!controller.signal.aborted) setError(reason);
    });
    return () => controller.abort();
  }, []);

  async function enter(user: string): Promise<void> {
    setBusy(true);
    setError(undefined);
    try {
      onSignedIn(await signIn(user));
    } catch (reason) {
      setError(reason);
      setBusy(false);
    }
  }

  const nameProblem = fieldProblem(error, "body.user");
  return (
    <main class="sign-in">
      <div class="sign-in-top">
        <ThemeButton />
      </div>
      <div class="sign-in-column">
        <p class="brand brand-large">
          <Mark />
          Rapport
        </p>
        <h1 ref={heading} tabIndex={-1}>
          Who are you in this window?
        </h1>
        <p class="lead">
          This runs on your machine, so a name is enough. Open a second window to be somebody else and meet yourself.
        </p>
        {notice && (
          <p class="banner" data-tone="warn" role="status">
            {notice}
          </p>
        )}
        <FormProblem text={error !== undefined && !nameProblem ? describe(error) : undefined} />
        {users.length > 0 && (
          <ul class="people-cards" aria-label="People on this machine">
            {users.map((user) => (
              <li key={user.userId}>
                <button type="button" class="person-card" disabled={busy} data-user={user.user} onClick={() => void enter(user.user)}>
                  <Avatar id={user.userId} name={user.displayName} large />
                  <span class="person-card-text">
                    <span class="person-name" dir="auto">
                      {user.displayName}
                    </span>
                    <span class="person-mail">{user.email}</span>
                  </span>
                </button>
              </li>
            ))}
          </ul>
        )}
        <form
          class="inline-form"
          onSubmit={(event) => {
            event.preventDefault();
            const user = name.trim().toLowerCase();
            if (user) void enter(user);
          }}
        >
          <Field label={users.length > 0 ? "Or somebody new" : "Your name"} problem={nameProblem}>
            {(control) => (
              <input {...control} dir="auto" name="user" value={name} maxLength={64} autoComplete="off" autoCapitalize="none" spellcheck={false} onInput={(event) => setName(event.currentTarget.value)} />
            )}
          </Field>
          <button type="submit" class="primary" disabled={busy || !name.trim()}>
            Continue
          </button>
        </form>
      </div>
    </main>
  );
}

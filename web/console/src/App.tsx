import { type NotesSession, Rapport, type User } from "@rapport/client";
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { type Identity, savedIdentity, signOut, tokenSource } from "./identity.ts";
import { Meetings } from "./pages/Meetings.tsx";
import { Room } from "./pages/Room.tsx";
import { SignIn } from "./pages/SignIn.tsx";
import { go, hrefOf, useRoute } from "./route.ts";
import { SessionContext } from "./session.ts";
import { type Leftover, leftoverOf, SignOutDialog } from "./SignOutDialog.tsx";
import { Avatar } from "./ui/Avatar.tsx";
import { ChartIcon, Mark } from "./ui/icons.tsx";
import { lazy } from "./ui/lazy.tsx";
import { ThemeButton } from "./ui/ThemeButton.tsx";
import { Toasts } from "./ui/toasts.tsx";

const Ops = lazy(async () => (await import("./ops/Ops.tsx")).Ops);

export function App() {
  const route = useRoute();
  const [identity, setIdentity] = useState(savedIdentity);
  const [notice, setNotice] = useState<string>();

  const leave = (why?: string): void => {
    signOut();
    setNotice(why);
    setIdentity(undefined);
  };

  return (
    <Toasts>
      {identity ? (
        <SignedIn key={identity.userId} identity={identity} onLeave={leave} />
      ) : route.page === "ops" ? (
        <Everybody />
      ) : (
        <SignIn
          notice={notice}
          onSignedIn={(next) => {
            setNotice(undefined);
            setIdentity(next);
          }}
        />
      )}
    </Toasts>
  );
}

/** The figures, which need no name: for who isn't signed in. */
function Everybody() {
  return (
    <>
      <header class="top">
        <a class="brand" href={hrefOf({ page: "meetings" })}>
          <Mark />
          Rapport
        </a>
        <div class="top-end">
          <ThemeButton />
        </div>
      </header>
      <main>
        <Ops />
      </main>
    </>
  );
}

function SignedIn({ identity, onLeave }: { readonly identity: Identity; readonly onLeave: (why?: string) => void }) {
  const route = useRoute();
  const [me, setMe] = useState<User>();
  const rapport = useMemo(() => new Rapport({ baseUrl: "", token: tokenSource(identity), userId: identity.userId }), [identity]);
  const main = useRef<HTMLElement>(null);
  /** What signing out would leave behind, while that is asked about. */
  const [asking, setAsking] = useState<Leftover>("none");
  const notes = useMemo(() => new Set<NotesSession>(), [rapport]);

  useEffect(() => {
    const stop = rapport.connection.onState((state) => {
      if (state.kind === "closed" && state.reason !== "caller") onLeave("Your session has ended. Sign in again to go on.");
    });
    // The name in the header is all that needs it: without it the short name is shown.
    rapport.me().then(setMe, () => undefined);
    return () => {
      stop();
      rapport.close();
    };
  }, [rapport]);

  useEffect(() => {
    const warn = (event: BeforeUnloadEvent): void => {
      for (const session of notes) session.flush();
      // The newest letter takes a few milliseconds to be stored; where the storage refuses, it would be gone.
      if ([...notes].some(({ unsafe }) => unsafe)) event.preventDefault();
    };
    addEventListener("beforeunload", warn);
    return () => removeEventListener("beforeunload", warn);
  }, [notes]);

  const signOutNow = (): void => {
    // While the token still says who leaves: others then see it at once.
    rapport.close();
    onLeave();
    go({ page: "meetings" });
  };

  const askOrSignOut = (): void => {
    const leftover = leftoverOf(notes);
    if (leftover === "none") signOutNow();
    else setAsking(leftover);
  };

  const discard = async (): Promise<void> => {
    rapport.close();
    let failed: string | undefined;
    try {
      await rapport.forgetKeptEdits();
    } catch {
      failed = "What this browser keeps of your notes could not be removed. Clear this site's data in the browser's settings.";
    }
    onLeave(failed);
    go({ page: "meetings" });
  };

  const session = useMemo(() => ({ rapport, identity, me, notes }), [rapport, identity, me, notes]);
  const name = me?.displayName ?? identity.user;
  return (
    <SessionContext.Provider value={session}>
      <button type="button" class="skip" onClick={() => main.current?.focus()}>
        Skip to content
      </button>
      <header class="top">
        <a class="brand" href={hrefOf({ page: "meetings" })}>
          <Mark />
          Rapport
        </a>
        <div class="top-end">
          <a class="button quiet round" href={hrefOf({ page: "ops" })} aria-label="Operations" title="Operations" aria-current={route.page === "ops" ? "page" : undefined}>
            <ChartIcon />
          </a>
          <ThemeButton />
          <span class="who" data-user={identity.user}>
            <Avatar id={identity.userId} name={name} />
            <span class="who-name" dir="auto">
              {name}
            </span>
          </span>
          <button type="button" class="quiet" onClick={askOrSignOut}>
            Sign out
          </button>
        </div>
      </header>
      <main ref={main} tabIndex={-1}>
        {route.page === "meeting" ? <Room key={route.meetingId} meetingId={route.meetingId} /> : route.page === "ops" ? <Ops /> : <Meetings />}
      </main>
      {asking !== "none" && <SignOutDialog leftover={asking} onStay={() => setAsking("none")} onKeep={signOutNow} onDiscard={discard} />}
    </SessionContext.Provider>
  );
}

/** The signed-in person and their client, for every component below. */
import type { NotesSession, Rapport, User } from "@rapport/client";
import { createContext } from "preact";
import { useContext } from "preact/hooks";
import type { Identity } from "./identity.ts";

export interface Session {
  readonly rapport: Rapport;
  readonly identity: Identity;
  /** Undefined until it is read. */
  readonly me: User | undefined;
  /** Every notes session that still has something to do, in the room that is shown or in one just left. */
  readonly notes: Set<NotesSession>;
}

export const SessionContext = createContext<Session | undefined>(undefined);

export function useSession(): Session {
  const session = useContext(SessionContext);
  if (!session) throw new Error("useSession outside of a session");
  return session;
}

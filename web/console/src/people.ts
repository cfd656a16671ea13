/** The people that can be invited: those whom the local runner knows. */
import { useCallback, useEffect, useState } from "preact/hooks";
import { type LocalUser, localToken, localUsers } from "./dev.ts";

export interface Directory {
  readonly users: readonly LocalUser[];
  /** Finds somebody by name, or makes a new local user. */
  find(name: string): Promise<LocalUser>;
}

export function useDirectory(): Directory {
  const [users, setUsers] = useState<readonly LocalUser[]>([]);
  useEffect(() => {
    const controller = new AbortController();
    // Without the list, names can still be typed.
    localUsers(controller.signal).then(setUsers, () => undefined);
    return () => controller.abort();
  }, []);

  const find = useCallback(
    async (name: string): Promise<LocalUser> => {
      const wanted = name.trim().toLowerCase();
      const known = users.find((user) => user.user.toLowerCase() === wanted || user.displayName.toLowerCase() === wanted);
      if (known) return known;
      const { userId } = await localToken(wanted);
      const all = await localUsers();
      setUsers(all);
      return all.find((user) => user.userId === userId) ?? { user: wanted, userId, displayName: name.trim(), email: "" };
    },
    [users],
  );
  return { users, find };
}

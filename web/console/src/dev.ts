/**
 * What only the local runner offers: its users, and tokens for them without a
 * password. A deployed Rapport has no `/dev`; there an identity provider signs
 * people in, and this file is what changes.
 */
import { RapportError } from "@rapport/client";
import { type Problem, problemError } from "./problem.ts";

export interface LocalUser {
  /** The short name that `/dev/token` takes. */
  readonly user: string;
  readonly userId: string;
  readonly displayName: string;
  readonly email: string;
}

export interface LocalToken {
  readonly accessToken: string;
  readonly userId: string;
  /** Seconds. */
  readonly expiresIn: number;
}

/** The people that the runner knows, by name. */
export async function localUsers(signal?: AbortSignal): Promise<readonly LocalUser[]> {
  const page = await call<{ items: readonly LocalUser[] }>("/dev/users", signal ? { signal } : {});
  return [...page.items].sort((a, b) => a.displayName.localeCompare(b.displayName));
}

/** Signs in as a local user, who is created on first use. */
export function localToken(user: string): Promise<LocalToken> {
  return call<LocalToken>("/dev/token", {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ user }),
  });
}

async function call<T>(path: string, init: RequestInit): Promise<T> {
  let response: Response;
  try {
    response = await fetch(path, init);
  } catch (cause) {
    if (init.signal?.aborted) throw cause;
    throw new RapportError({ code: "NETWORK", detail: "The server can't be reached.", cause });
  }
  const body: unknown = await response.json().catch(() => undefined);
  if (response.ok && body !== undefined) return body as T;
  throw problemError(response.status, body as Problem | undefined);
}

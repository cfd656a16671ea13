/** Who this tab is. Kept per tab, so that two windows can be two people. */
import { localToken } from "./dev.ts";

export interface Identity {
  readonly user: string;
  readonly userId: string;
}

interface Saved extends Identity {
  readonly accessToken: string;
  /** Milliseconds since the epoch. */
  readonly expiresAt: number;
}

const key = "rapport.identity";
/**
 * A token this near to its end is replaced before it is used. By the time of
 * day, because it outlives the page: where that is set, a token is replaced too
 * early, or when the server has refused it.
 */
const marginMs = 30_000;

export function savedIdentity(): Identity | undefined {
  return read();
}

export async function signIn(user: string): Promise<Identity> {
  return save(await mint(user));
}

export function signOut(): void {
  sessionStorage.removeItem(key);
}

/** The token for one identity: the saved one while it lasts, else a new one. */
export function tokenSource({ user, userId }: Identity): (why: { readonly refresh: boolean }) => Promise<string> {
  let renewing: Promise<Saved> | undefined;
  return async ({ refresh }) => {
    const saved = read();
    if (!refresh && saved?.userId === userId && saved.expiresAt - Date.now() > marginMs) return saved.accessToken;
    renewing ??= mint(user).finally(() => {
      renewing = undefined;
    });
    const minted = await renewing;
    // Whoever signed out meanwhile stays signed out.
    if (read()?.userId === minted.userId) save(minted);
    return minted.accessToken;
  };
}

async function mint(user: string): Promise<Saved> {
  const { userId, accessToken, expiresIn } = await localToken(user);
  return { user, userId, accessToken, expiresAt: Date.now() + expiresIn * 1000 };
}

function save(saved: Saved): Saved {
  sessionStorage.setItem(key, JSON.stringify(saved));
  return saved;
}

function read(): Saved | undefined {
  const text = sessionStorage.getItem(key);
  if (text === null) return undefined;
  try {
    const saved = JSON.parse(text) as Partial<Saved>;
    if (typeof saved.user === "string" && typeof saved.userId === "string" && typeof saved.accessToken === "string" && typeof saved.expiresAt === "number") {
      return saved as Saved;
    }
  } catch {
    // Written by another version of this page: sign in anew.
  }
  sessionStorage.removeItem(key);
  return undefined;
}

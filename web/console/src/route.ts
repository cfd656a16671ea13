/** Where in the console we are. It lives in the hash, so the server needs no fallback page. */
import { useEffect, useState } from "preact/hooks";

export type Route = { readonly page: "meetings" | "ops" } | { readonly page: "meeting"; readonly meetingId: string };

export function parseRoute(hash: string): Route {
  const [, kind, id] = hash.replace(/^#/, "").split("/");
  if (kind === "ops") return { page: "ops" };
  if (kind !== "meetings" || !id) return { page: "meetings" };
  try {
    return { page: "meeting", meetingId: decodeURIComponent(id) };
  } catch {
    return { page: "meetings" }; // a hash typed by hand may hold a broken escape
  }
}

export function hrefOf(route: Route): string {
  if (route.page === "meeting") return `#/meetings/${encodeURIComponent(route.meetingId)}`;
  return route.page === "ops" ? "#/ops" : "#/";
}

export function go(route: Route): void {
  location.hash = hrefOf(route);
}

export function useRoute(): Route {
  const [hash, setHash] = useState(location.hash);
  useEffect(() => {
    const follow = (): void => setHash(location.hash);
    addEventListener("hashchange", follow);
    follow(); // it may have changed since the first rendering
    return () => removeEventListener("hashchange", follow);
  }, []);
  return parseRoute(hash);
}

/** The words and colours for the connection and for what happens to the notes. */
import type { ConnectionState, DraftReason, NotesStatus } from "@rapport/client";
import { sentence } from "../problem.ts";

export type Tone = "good" | "busy" | "warn" | "bad" | "quiet";

export interface Status {
  readonly tone: Tone;
  readonly words: string;
}

/** Whether changes come, at once or by HTTP. */
export function isConnected(state: ConnectionState): boolean {
  return state.kind === "open" || ("byHttp" in state && state.byHttp);
}

/** `retryIn`: milliseconds until the next try, while one is waited for. */
export function connectionStatus(state: ConnectionState, retryIn: number | undefined): Status {
  // One try after the other is made beside it: nobody needs to learn of each.
  if (state.kind !== "open" && isConnected(state)) return { tone: "warn", words: "Connected, but slower" };
  switch (state.kind) {
    case "open":
      return { tone: "good", words: "Connected" };
    case "idle":
    case "connecting":
      return { tone: "busy", words: state.kind === "connecting" && state.attempt > 0 ? "Reconnecting…" : "Connecting…" };
    case "waiting": {
      const seconds = Math.ceil((retryIn ?? 0) / 1000);
      return { tone: "warn", words: seconds > 1 ? `Reconnecting in ${seconds} s` : "Reconnecting…" };
    }
    case "closed":
      return { tone: "bad", words: state.reason === "caller" ? "Disconnected" : "Signed out by the server" };
  }
}

/** Why it goes slower than it should; undefined where it doesn't. */
export function slowerBecause(state: ConnectionState): string | undefined {
  if (!("byHttp" in state) || !state.byHttp) return undefined;
  const { problem } = state;
  const effect = "so what others do shows here a few seconds later.";
  if (problem?.kind !== "refused") return `This network lets no live connection (WebSocket) through, ${effect}`;
  if (problem.error.code !== "RATE_LIMITED") return `The server gives no live connection at the moment, ${effect}`;
  return `${sentence(problem.error.detail)} There is no live connection meanwhile, ${effect}`;
}

export function notesStatus(status: NotesStatus | undefined): Status {
  if (!status) return { tone: "busy", words: "Opening…" };
  switch (status.kind) {
    case "saved":
      return { tone: "good", words: "Saved" };
    case "saving":
      return { tone: "busy", words: "Saving…" };
    case "reloading":
      return { tone: "busy", words: "Catching up…" };
    case "offline":
      return { tone: "warn", words: status.changes === 0 ? "Offline" : `Offline, ${counted(status.changes, "change")} waiting` };
    case "draft":
      return { tone: "warn", words: `${counted(status.drafts, "draft")} to review` };
    case "readonly":
    case "closed":
      return { tone: "quiet", words: "Read-only" };
  }
}

/** What a person must know of edits that only this tab has. */
export function storageWarning(status: NotesStatus | undefined): string | undefined {
  if (status?.storage !== "tab") return undefined;
  const why = "This browser's storage is full or switched off";
  if ("changes" in status && status.changes > 0 && status.kind !== "saving") return `${why}: what you write offline is kept only while this tab is open.`;
  if (status.drafts > 0) return `${why}: your draft is kept only while this tab is open.`;
  return undefined;
}

export const draftReasons: Readonly<Record<DraftReason, string>> = {
  history_gone: "You were away for so long that what others did since is no longer known step by step.",
  meeting_over: "The meeting was over before it arrived.",
  forbidden: "You could no longer change the notes when it arrived.",
  refused: "The server refused it.",
};

export function counted(n: number, thing: string): string {
  return `${n} ${thing}${n === 1 ? "" : "s"}`;
}

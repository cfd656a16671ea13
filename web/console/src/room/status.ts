/** The words and colours for the connection and for what happens to the notes. */
import type { ConnectionState, DraftReason, NotesStatus } from "@rapport/client";

export type Tone = "good" | "busy" | "warn" | "bad" | "quiet";

export interface Status {
  readonly tone: Tone;
  readonly words: string;
}

export function connectionStatus(state: ConnectionState, now: number): Status {
  switch (state.kind) {
    case "open":
      return { tone: "good", words: "Connected" };
    case "idle":
    case "connecting":
      return { tone: "busy", words: state.kind === "connecting" && state.attempt > 0 ? "Reconnecting…" : "Connecting…" };
    case "waiting": {
      const seconds = Math.ceil((state.until - now) / 1000);
      return { tone: "warn", words: seconds > 1 ? `Reconnecting in ${seconds} s` : "Reconnecting…" };
    }
    case "closed":
      return { tone: "bad", words: state.reason === "caller" ? "Disconnected" : "Signed out by the server" };
  }
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

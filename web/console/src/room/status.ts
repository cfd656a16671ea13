/** The words and colours for the connection and for what happens to the notes. */
import type { ConnectionState, NotesState } from "@rapport/client";

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

/** `waiting` counts local edits that the server has not confirmed. */
export function notesStatus(state: NotesState | undefined, waiting: number): Status {
  switch (state) {
    case undefined:
      return { tone: "busy", words: "Opening…" };
    case "synced":
      return { tone: "good", words: "Saved" };
    case "saving":
      return { tone: "busy", words: "Saving…" };
    case "reloading":
      return { tone: "busy", words: "Catching up…" };
    case "offline":
      if (waiting === 0) return { tone: "warn", words: "Offline" };
      return { tone: "warn", words: `Offline, ${waiting} ${waiting === 1 ? "change" : "changes"} waiting` };
    case "readonly":
    case "closed":
      return { tone: "quiet", words: "Read-only" };
  }
}

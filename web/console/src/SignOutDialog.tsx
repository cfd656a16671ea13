import type { NotesSession } from "@rapport/client";
import { useState } from "preact/hooks";
import { Dialog } from "./ui/Dialog.tsx";

/** What signing out would leave behind. kept: this browser has it. tab: some of it is in this tab alone. */
export type Leftover = "none" | "kept" | "tab";

export function leftoverOf(sessions: Iterable<Pick<NotesSession, "pending" | "drafts" | "status">>): Leftover {
  let leftover: Leftover = "none";
  for (const { pending, drafts, status } of sessions) {
    if (!pending && drafts.length === 0) continue;
    if (status.storage === "tab") return "tab";
    leftover = "kept";
  }
  return leftover;
}

interface Props {
  readonly leftover: Exclude<Leftover, "none">;
  readonly onStay: () => void;
  /** Signs out and leaves in the browser what it keeps. */
  readonly onKeep: () => void;
  /** Removes what the browser keeps, and signs out. */
  readonly onDiscard: () => Promise<void>;
}

/** What is to become of words that aren't in the notes yet. */
export function SignOutDialog({ leftover, onStay, onKeep, onDiscard }: Props) {
  const [busy, setBusy] = useState(false);
  const discard = (): void => {
    setBusy(true);
    void onDiscard();
  };
  return (
    <Dialog title="Sign out now?" onClose={onStay}>
      <p>
        Some of what you wrote is not in the notes yet.{" "}
        {leftover === "tab"
          ? "This browser's storage is full or switched off, so it can't be kept here: it is gone once you sign out."
          : "This browser can keep it until you sign in here again and open the meeting. If others use this device, discard it: what is kept could be read here."}
      </p>
      <footer class="dialog-foot">
        <button type="button" onClick={onStay}>
          Stay
        </button>
        <button type="button" class="danger" disabled={busy} onClick={discard}>
          Discard and sign out
        </button>
        {leftover === "kept" && (
          <button type="button" class="primary" disabled={busy} onClick={onKeep}>
            Keep and sign out
          </button>
        )}
      </footer>
    </Dialog>
  );
}

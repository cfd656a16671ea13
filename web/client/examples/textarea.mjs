// @ts-check
/**
 * Binds a plain textarea to notes: what is typed goes to the session, what
 * others write appears in place, and the selection stays on its words.
 *
 *     const unbind = bindTextarea(await rapport.openNotes(meetingId), document.querySelector("textarea"));
 */
import { changeToUtf16, codePointOffset, diff, RapportError } from "@rapport/client";

/**
 * @typedef {Pick<HTMLTextAreaElement, "value" | "selectionStart" | "selectionEnd" | "readOnly" | "setSelectionRange" | "addEventListener" | "removeEventListener">} Textarea
 * @param {import("@rapport/client").NotesSession} session
 * @param {Textarea} textarea
 * @param {(refused: RapportError) => void} [onRefused]
 * @returns {() => void} ends the binding
 */
export function bindTextarea(session, textarea, onRefused = () => {}) {
  const show = () => {
    textarea.value = session.text;
  };

  const typed = () => {
    // Textareas give half a character on some keyboards; the next event brings the rest.
    const change = diff(session.text, textarea.value.toWellFormed().replaceAll("\r\n", "\n"));
    if (change.length === 0) return;
    try {
      session.edit(change);
    } catch (error) {
      if (!(error instanceof RapportError)) throw error;
      // The screen never shows what the session doesn't have.
      show();
      onRefused(error);
    }
  };

  /** @param {Event} event */
  const key = (event) => {
    const { key: name, ctrlKey, metaKey, shiftKey } = /** @type {KeyboardEvent} */ (event);
    if (!(ctrlKey || metaKey) || name.toLowerCase() !== "z") return;
    event.preventDefault(); // the textarea's own undo would take back others' words, too
    const before = session.text;
    const change = shiftKey ? session.redo() : session.undo();
    if (change !== undefined) move(before, change);
  };

  /** @param {string} before @param {import("@rapport/client").Change} change */
  const move = (before, change) => {
    const edits = changeToUtf16(before, change);
    /** @param {number} offset */
    const moved = (offset) => edits.reduce(
      (at, { from, to, insert }) => at + (from < offset ? insert.length - (Math.min(to, offset) - from) : 0), offset);
    const [start, end] = [moved(textarea.selectionStart), moved(textarea.selectionEnd)];
    show();
    textarea.setSelectionRange(start, end);
  };

  const stops = [
    session.on("remote", (change) => move(textarea.value, change)),
    session.on("reset", show),
    session.on("state", (state) => {
      textarea.readOnly = state === "readonly" || state === "closed";
    }),
  ];
  textarea.addEventListener("input", typed);
  textarea.addEventListener("keydown", key);
  textarea.readOnly = session.state === "readonly";
  show();

  return () => {
    for (const stop of stops) stop();
    textarea.removeEventListener("input", typed);
    textarea.removeEventListener("keydown", key);
  };
}

/** The textarea's selection as others may be told of it. @param {Textarea} textarea */
export function selectionOf(textarea) {
  return {
    anchor: codePointOffset(textarea.value, textarea.selectionStart),
    head: codePointOffset(textarea.value, textarea.selectionEnd),
  };
}

// @ts-check
/**
 * Notes in a CodeMirror editor: what is typed goes to the session, what others
 * write appears in place, undo takes back one's own edits only. The binding is
 * the one that the console's room has.
 *
 *     const editor = await openEditor(rapport, meetingId, { parent: document.body, tell: console.warn });
 */
import { Compartment, EditorState } from "@codemirror/state";
import { EditorView, keymap } from "@codemirror/view";
import { defaultKeymap } from "@codemirror/commands";
import { openNotesEditor } from "../../console/src/room/binding.ts";

/**
 * @param {import("@rapport/client").Rapport} rapport
 * @param {string} meetingId
 * @param {{ parent?: Element, tell: (what: string) => void }} page `tell` shows a line to the person
 */
export async function openEditor(rapport, meetingId, { parent, tell }) {
  const session = await rapport.openNotes(meetingId);
  const rights = new Compartment();
  const isReadOnly = () => session.state === "readonly" || session.state === "closed";
  const rightsNow = () => [EditorState.readOnly.of(isReadOnly()), EditorView.editable.of(!isReadOnly())];
  const editor = openNotesEditor(session, {
    ...(parent && { parent }),
    extensions: [keymap.of(defaultKeymap), EditorView.lineWrapping, rights.of(rightsNow())],
    // Refused edits are not shown: too long, half a character, or no right to write.
    onRefused: (reason) => tell(reason instanceof Error ? reason.message : String(reason)),
  });
  session.on("state", () => {
    // Most changes of state come while an edit is being taken, when the view takes nothing else.
    if (editor.view.state.readOnly !== isReadOnly()) editor.view.dispatch({ effects: rights.reconfigure(rightsNow()) });
  });
  session.on("error", ({ error, lost }) => tell(`${error.detail}${lost === undefined ? "" : ": your edits are a draft"}`));
  return {
    session,
    view: editor.view,
    close() {
      editor.destroy();
      session.close();
    },
  };
}

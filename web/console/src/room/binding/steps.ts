import { type Extension, Prec } from "@codemirror/state";
import { EditorView, keymap } from "@codemirror/view";

/** The keys, the menu's entries, and where a step ends: when the caret is put elsewhere. */
export function steps(undo: () => boolean, redo: () => boolean, session: { endUndoStep(): void }): Extension {
  const always = (run: () => boolean) => (): boolean => {
    run();
    return true; // or the browser would undo something of its own
  };
  return [
    Prec.high(keymap.of([
      { key: "Mod-z", run: always(undo), shift: always(redo) },
      { key: "Mod-y", run: always(redo) },
    ])),
    EditorView.domEventHandlers({
      beforeinput(event) {
        if (event.inputType !== "historyUndo" && event.inputType !== "historyRedo") return false;
        (event.inputType === "historyUndo" ? undo : redo)();
        event.preventDefault();
        return true;
      },
    }),
    EditorView.updateListener.of((update) => {
      if (update.selectionSet && !update.docChanged) session.endUndoStep();
    }),
  ];
}

/** Lines stay as they are written: what ends one, what Enter puts there, what a paste brings. */
import { EditorSelection, EditorState, type Extension, Prec, type StateCommand } from "@codemirror/state";
import { EditorView, keymap } from "@codemirror/view";

/** The blanks before an item of a list, if what follows marks it as one. */
const indentation = /^[ \t]+(?=(?:[-*+\u2022\u2013]|\d{1,9}[.)])[ \t])/;

/**
 * Puts a line's end in place of the selection, or behind the line in which it
 * ends, and leaves all else as it is. Behind an item of an indented list, the
 * next line begins with the same blanks.
 */
const breakLine = (behind: boolean): StateCommand => ({ state, dispatch }) => {
  if (state.readOnly) return false;
  const split = state.changeByRange((range) => {
    const { from, to } = behind ? EditorSelection.cursor(state.doc.lineAt(range.to).to) : range;
    const line = state.doc.lineAt(from);
    const insert = `\n${indentation.exec(line.text.slice(0, from - line.from))?.[0] ?? ""}`;
    return { changes: { from, to, insert: state.toText(insert) }, range: EditorSelection.cursor(from + insert.length) };
  });
  dispatch(state.update(split, { scrollIntoView: true, userEvent: "input" }));
  return true;
};

/**
 * Only "\n" ends a line, so that offsets in the view are offsets in the text
 * even where others wrote "\r"; what is pasted here gets plain line ends.
 */
export const verbatimLines: Extension = [
  EditorState.lineSeparator.of("\n"),
  EditorView.clipboardInputFilter.of((text) => text.replace(/\r\n?/g, "\n")),
  Prec.high(keymap.of([
    { key: "Enter", run: breakLine(false), shift: breakLine(false) },
    { key: "Mod-Enter", run: breakLine(true) },
  ])),
];

import { defaultKeymap, history, historyKeymap } from "@codemirror/commands";
import { Compartment, EditorState, type Extension } from "@codemirror/state";
import { EditorView, highlightSpecialChars, keymap, placeholder } from "@codemirror/view";
import type { NotesSession } from "@rapport/client";
import { useLayoutEffect, useRef } from "preact/hooks";
import { fromSession, openNotesEditor } from "./binding.ts";
import { arrivals } from "./arrivals.ts";

interface Props {
  readonly session: NotesSession;
  readonly readOnly: boolean;
  /** Each local edit that the session took. */
  readonly onEdit: () => void;
  readonly onRefused: (reason: unknown) => void;
}

/** The notes as a text field for several people. */
export function Editor({ session, readOnly, onEdit, onRefused }: Props) {
  const parent = useRef<HTMLDivElement>(null);
  const current = useRef<{ view: EditorView; mode: Compartment }>(undefined);
  const callbacks = useRef({ onEdit, onRefused });
  callbacks.current = { onEdit, onRefused };

  useLayoutEffect(() => {
    if (!parent.current) return;
    const mode = new Compartment();
    const editor = openNotesEditor(session, {
      parent: parent.current,
      onRefused: (reason) => callbacks.current.onRefused(reason),
      extensions: [
        history(),
        keymap.of([...defaultKeymap, ...historyKeymap]),
        EditorView.lineWrapping,
        highlightSpecialChars(),
        placeholder("Write here. Everyone in the meeting sees it as you type."),
        arrivals,
        EditorView.updateListener.of((update) => {
          if (update.transactions.some((transaction) => transaction.docChanged && !transaction.annotation(fromSession))) callbacks.current.onEdit();
        }),
        mode.of(modeOf(readOnly)),
      ],
    });
    current.current = { view: editor.view, mode };
    return () => {
      current.current = undefined;
      editor.destroy();
    };
  }, [session]);

  useLayoutEffect(() => {
    const { view, mode } = current.current ?? {};
    if (view && mode) view.dispatch({ effects: mode.reconfigure(modeOf(readOnly)) });
  }, [readOnly, session]);

  return <div class="editor" ref={parent} data-readonly={readOnly} />;
}

/** A text that is only read can still be reached and selected by keyboard. */
function modeOf(readOnly: boolean): Extension {
  return [
    EditorState.readOnly.of(readOnly),
    EditorView.editable.of(!readOnly),
    EditorView.contentAttributes.of({
      "aria-label": "Meeting notes",
      "aria-readonly": String(readOnly),
      spellcheck: "true",
      autocorrect: "on",
      autocapitalize: "sentences",
      tabindex: "0",
    }),
  ];
}

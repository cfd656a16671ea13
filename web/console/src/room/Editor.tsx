import { defaultKeymap } from "@codemirror/commands";
import { Compartment, EditorState, type Extension } from "@codemirror/state";
import { EditorView, highlightSpecialChars, keymap, placeholder } from "@codemirror/view";
import type { NotesSession } from "@rapport/client";
import { useLayoutEffect, useRef } from "preact/hooks";
import { arrivals } from "./arrivals.ts";
import { type NotesEditor, openNotesEditor } from "./binding.ts";
import { lineDirections } from "./direction.ts";
import { presence, type PresenceLink } from "./presence/link.ts";

interface Props {
  readonly session: NotesSession;
  readonly readOnly: boolean;
  /** What stands in place of a text that is empty. */
  readonly hint: string;
  /** It goes on living while something else is shown in its place. */
  readonly hidden: boolean;
  /** Whose carets to show, and whom to tell of one's own; undefined until the meeting is open. */
  readonly link: PresenceLink | undefined;
  readonly onRefused: (reason: unknown) => void;
  /** The editor, as long as it is there. */
  readonly onEditor: (editor: NotesEditor | undefined) => void;
}

/** The notes as a text field for several people. */
export function Editor({ session, readOnly, hint, hidden, link, onRefused, onEditor }: Props) {
  const parent = useRef<HTMLDivElement>(null);
  const current = useRef<{ view: EditorView; mode: Compartment; people: Compartment }>(undefined);
  const callbacks = useRef({ onRefused });
  callbacks.current = { onRefused };

  useLayoutEffect(() => {
    if (!parent.current) return;
    const mode = new Compartment();
    const people = new Compartment();
    const editor = openNotesEditor(session, {
      parent: parent.current,
      onRefused: (reason) => callbacks.current.onRefused(reason),
      extensions: [
        keymap.of(defaultKeymap),
        EditorView.lineWrapping,
        // The panel's head stays above the text that scrolls: the caret is not brought behind it.
        EditorView.scrollMargins.of(({ defaultLineHeight }) => ({ top: 2.5 * defaultLineHeight, bottom: defaultLineHeight })),
        highlightSpecialChars(),
        arrivals,
        lineDirections,
        mode.of(modeOf(readOnly, hint)),
        people.of([]),
      ],
    });
    current.current = { view: editor.view, mode, people };
    onEditor(editor);
    return () => {
      current.current = undefined;
      onEditor(undefined);
      editor.destroy();
    };
  }, [session]);

  useLayoutEffect(() => {
    const { view, mode } = current.current ?? {};
    if (view && mode) view.dispatch({ effects: mode.reconfigure(modeOf(readOnly, hint)) });
  }, [readOnly, hint, session]);

  useLayoutEffect(() => {
    const { view, people } = current.current ?? {};
    if (view && people) view.dispatch({ effects: people.reconfigure(link ? presence(link) : []) });
  }, [link, session]);

  return <div class="editor" ref={parent} hidden={hidden} data-readonly={readOnly} />;
}

/** A text that is only read can still be reached and selected by keyboard. */
function modeOf(readOnly: boolean, hint: string): Extension {
  return [
    placeholder(hint),
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

/**
 * Keeps a CodeMirror view and a notes session equal. The session is asked
 * first: a local edit that it refuses never reaches the view, so what a person
 * sees is always the session's text. What comes from the session is marked, so
 * that it is not sent back. Undo and redo are the session's, which knows what
 * others did in between.
 */
import { Annotation, EditorState, type Extension, Prec, type Text, Transaction, type TransactionSpec } from "@codemirror/state";
import { EditorView, keymap } from "@codemirror/view";
import { type Change, changeFromUtf16, changeToUtf16, type NotesSession, type Utf16Edit } from "@rapport/client";

/** What the binding needs of a session. */
export type BoundSession = Pick<NotesSession, "text" | "edit" | "undo" | "redo" | "endUndoStep" | "on">;

/** Marks transactions that show what the session already has. */
export const fromSession = Annotation.define<true>();

export interface BindingOptions {
  readonly parent?: Element;
  readonly extensions: Extension;
  /** A local edit was refused and is not shown; `reason` is what the session threw. */
  readonly onRefused: (reason: unknown) => void;
}

export interface NotesEditor {
  readonly view: EditorView;
  /** Takes back this person's own last edit, or does it again, and shows where. False when there was none. */
  undo(): boolean;
  redo(): boolean;
  /** Edits on the whole text, as one that can be undone by itself. */
  edit(edits: readonly Utf16Edit[]): void;
  /** Ends the binding and removes the view; the session stays open. */
  destroy(): void;
}

/** Opens a view of the session's text. */
export function openNotesEditor(session: BoundSession, options: BindingOptions): NotesEditor {
  let editing = false;
  let behind = false;
  const view = new EditorView({
    ...(options.parent && { parent: options.parent }),
    state: EditorState.create({ doc: session.text, extensions: [verbatimLines, wholeCharacters, steps(undo, redo, session), options.extensions] }),
    dispatchTransactions(transactions, target) {
      target.update(transactions.slice(0, accept(transactions)));
      if (!behind) return;
      behind = false;
      show(target, session.text);
    },
  });

  /** Gives local edits to the session; returns how many transactions may be shown. */
  function accept(transactions: readonly Transaction[]): number {
    editing = true;
    try {
      for (const [i, transaction] of transactions.entries()) {
        if (!transaction.docChanged || transaction.annotation(fromSession)) continue;
        try {
          session.edit(localChange(session.text, transaction));
        } catch (reason) {
          options.onRefused(reason);
          return i;
        }
      }
      return transactions.length;
    } finally {
      editing = false;
    }
  }

  function undo(): boolean {
    return step("undo", () => session.undo());
  }

  function redo(): boolean {
    return step("redo", () => session.redo());
  }

  function step(name: "undo" | "redo", take: () => Change | undefined): boolean {
    if (view.state.readOnly) return false;
    let change: Change | undefined;
    editing = true;
    try {
      change = take();
    } catch (reason) {
      options.onRefused(reason);
    } finally {
      editing = false;
    }
    if (behind) {
      behind = false;
      show(view, session.text);
    } else if (change) showStep(view, change, session.text, name);
    return change !== undefined;
  }

  const stops = [
    session.on("remote", (change) => {
      // Inside edit() the view is one step behind: the dispatch that runs shows it all.
      if (editing) behind = true;
      else showRemote(view, change, session.text);
    }),
    session.on("reset", (text) => {
      if (editing) behind = true;
      else show(view, text);
    }),
  ];

  return {
    view,
    undo,
    redo,
    edit(edits) {
      session.endUndoStep();
      view.dispatch({ changes: [...edits], userEvent: "input" });
      session.endUndoStep();
    },
    destroy() {
      for (const stop of stops) stop();
      view.destroy();
    },
  };
}

/** The edits of a transaction as a change on `text`, the document before it. */
export function localChange(text: string, transaction: Transaction): Change {
  const edits: Utf16Edit[] = [];
  transaction.changes.iterChanges((from, to, _fromB, _toB, inserted) => {
    edits.push({ from, to, insert: inserted.toString() });
  });
  return changeFromUtf16(text, edits);
}

function showRemote(view: EditorView, change: Change, text: string): void {
  let changes: Utf16Edit[];
  try {
    changes = changeToUtf16(view.state.doc.toString(), change);
  } catch {
    show(view, text); // the view was not what the change was made on
    return;
  }
  view.dispatch(marked({ changes }));
  if (view.state.doc.length !== text.length) show(view, text);
}

/** Shows one's own step back or forth, with the caret where it ended. */
function showStep(view: EditorView, change: Change, text: string, name: "undo" | "redo"): void {
  const changes = view.state.changes(changeToUtf16(view.state.doc.toString(), change));
  let head = 0;
  changes.iterChanges((_fromA, _toA, _fromB, toB) => {
    head = toB;
  });
  view.dispatch({
    changes, selection: { anchor: head }, scrollIntoView: true, userEvent: name, filter: false, annotations: [fromSession.of(true), Transaction.addToHistory.of(false)],
  });
  if (view.state.doc.length !== text.length) show(view, text);
}

/** Makes the view show `text` by replacing only what differs, so that carets outside it stay. */
function show(view: EditorView, text: string): void {
  const edit = difference(view.state.doc, text);
  if (edit) view.dispatch(marked({ changes: edit }));
}

function marked(spec: TransactionSpec): TransactionSpec {
  return {
    ...spec,
    filter: false,
    annotations: [fromSession.of(true), Transaction.remote.of(true), Transaction.addToHistory.of(false)],
  };
}

/** The keys, the menu's entries, and where a step ends: when the caret is put elsewhere. */
function steps(undo: () => boolean, redo: () => boolean, session: Pick<BoundSession, "endUndoStep">): Extension {
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

/** The one replacement that makes `text` of `doc`, on whole characters; undefined when they are equal. */
export function difference(doc: Text, text: string): Utf16Edit | undefined {
  const before = doc.toString();
  if (before === text) return undefined;
  const most = Math.min(before.length, text.length);
  let from = 0;
  while (from < most && before.charCodeAt(from) === text.charCodeAt(from)) from++;
  if (from > 0 && isHighSurrogate(before.charCodeAt(from - 1))) from--;
  let same = 0;
  while (same < most - from && before.charCodeAt(before.length - 1 - same) === text.charCodeAt(text.length - 1 - same)) same++;
  if (same > 0 && isLowSurrogate(before.charCodeAt(before.length - same))) same--;
  return { from, to: before.length - same, insert: text.slice(from, text.length - same) };
}

/**
 * Only "\n" ends a line, so that offsets in the view are offsets in the text
 * even where others wrote "\r"; what is pasted here gets plain line ends.
 */
const verbatimLines: Extension = [
  EditorState.lineSeparator.of("\n"),
  EditorView.clipboardInputFilter.of((text) => text.replace(/\r\n?/g, "\n")),
];

/** Local edits keep surrogate pairs whole: half a character can't be sent as UTF-8. */
const wholeCharacters = EditorState.transactionFilter.of((transaction) => {
  if (!transaction.docChanged || transaction.annotation(fromSession)) return transaction;
  const doc = transaction.startState.doc;
  const edits: Utf16Edit[] = [];
  let mended = false;
  transaction.changes.iterChanges((from, to, _fromB, _toB, inserted) => {
    const insert = inserted.toString();
    const last = edits.at(-1)?.to ?? 0;
    const whole = {
      from: Math.max(last, splitsPair(doc, from) ? from - 1 : from),
      to: splitsPair(doc, to) ? to + 1 : to,
      insert: insert.toWellFormed(),
    };
    mended ||= whole.from !== from || whole.to !== to || whole.insert !== insert;
    edits.push(whole);
  });
  return mended ? { changes: edits, scrollIntoView: transaction.scrollIntoView } : transaction;
});

function splitsPair(doc: Text, offset: number): boolean {
  if (offset === 0 || offset === doc.length) return false;
  const around = doc.sliceString(offset - 1, offset + 1);
  return isHighSurrogate(around.charCodeAt(0)) && isLowSurrogate(around.charCodeAt(1));
}

const isHighSurrogate = (unit: number): boolean => (unit & 0xfc00) === 0xd800;
const isLowSurrogate = (unit: number): boolean => (unit & 0xfc00) === 0xdc00;

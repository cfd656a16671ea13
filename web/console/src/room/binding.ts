/**
 * Keeps a CodeMirror view and a notes session equal. The session is asked
 * first: a local edit that it refuses never reaches the view, so what a person
 * sees is always the session's text. Only while an input method composes, what
 * others did to the composed lines is shown when it has ended. What comes from
 * the session is marked, so that it is not sent back. Undo and redo are the
 * session's, which knows what others did in between.
 */
import { EditorState, type Extension, Transaction, type TransactionSpec } from "@codemirror/state";
import { EditorView } from "@codemirror/view";
import { type Change, changeFromUtf16, diff, type NotesSession, type Utf16Edit } from "@rapport/client";
import { fromSession, unshown } from "./binding/annotations.ts";
import { wholeCharacters, wholeEdits } from "./binding/characters.ts";
import { compositionOf, isComposed } from "./binding/composition.ts";
import { Held, type Stretch } from "./binding/held.ts";
import { verbatimLines } from "./binding/lines.ts";
import { steps } from "./binding/steps.ts";

/** What the binding needs of a session. */
export type BoundSession = Pick<NotesSession, "text" | "edit" | "undo" | "redo" | "endUndoStep" | "on">;

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
  const held = new Held();
  const composition = compositionOf(catchUp);
  /** The session is being asked: the view is one step behind, and shows the rest after that step. */
  let asking = false;
  let behind = false;
  /** The session's text is not what held changes make of the view's. */
  let replaced = false;
  const view = new EditorView({
    ...(options.parent && { parent: options.parent }),
    state: EditorState.create({
      doc: session.text,
      extensions: [verbatimLines, wholeCharacters, composition.extension, unshown.of(() => held.change), steps(undo, redo, session), options.extensions],
    }),
    dispatchTransactions(transactions, target) {
      target.update(transactions.slice(0, accept(transactions)));
      if (behind) catchUp();
    },
  });

  /** Gives local edits to the session; returns how many transactions may be shown. */
  function accept(transactions: readonly Transaction[]): number {
    for (const [i, transaction] of transactions.entries()) {
      if (!transaction.docChanged || transaction.annotation(fromSession)) continue;
      try {
        ask(() => held.local(localChange(transaction), (change) => session.edit(change)));
      } catch (reason) {
        options.onRefused(reason);
        return i;
      }
    }
    return transactions.length;
  }

  function localChange(transaction: Transaction): Change {
    const { startState } = transaction;
    // The composed text is sent whole each time: what others write at its edges then never comes to stand within it.
    const unit = isComposed(transaction) && startState === view.state ? composition.of(view)?.text : undefined;
    const text = held.empty && !behind ? session.text : startState.doc.toString();
    return changeFromUtf16(text, wholeEdits(transaction, unit));
  }

  function ask<T>(run: () => T): T {
    asking = true;
    try {
      return run();
    } finally {
      asking = false;
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
    catchUp();
    let change: Change | undefined;
    try {
      change = ask(take);
    } catch (reason) {
      options.onRefused(reason);
    }
    if (change) held.add(change);
    replaced ||= behind; // whether that was before the step or after it
    catchUp(name);
    return change !== undefined;
  }

  /** Shows what the session has, as far as it doesn't disturb an input method; as a step of this person's, where it is one. */
  function catchUp(name?: "undo" | "redo"): void {
    behind = false;
    if (held.empty && !replaced) return;
    const composed = composition.of(view)?.lines;
    const edits = takeHeld(view.state.doc.toString(), composed);
    if (edits.length > 0) view.dispatch(name && !composed ? asStep(view.state, edits, name) : marked(edits));
    if (!held.empty) composition.of(view)?.watch();
    else if (view.state.doc.length !== session.text.length) {
      replaced = true;
      catchUp();
    }
  }

  function takeHeld(text: string, composed: Stretch | undefined): readonly Utf16Edit[] {
    if (!replaced) {
      try {
        return held.take(text, composed);
      } catch (reason) {
        if (!(reason instanceof RangeError)) throw reason;
        // The view was not what the changes were made on.
      }
    }
    replaced = false;
    held.replace(diff(text, session.text));
    return held.take(text, composed);
  }

  function follow(): void {
    if (asking) behind = true;
    else catchUp();
  }

  const stops = [
    session.on("remote", (change) => {
      held.add(change);
      follow();
    }),
    session.on("reset", () => {
      replaced = true;
      follow();
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

/** One's own step back or forth, with the caret where it ended. */
function asStep(state: EditorState, edits: readonly Utf16Edit[], name: "undo" | "redo"): TransactionSpec {
  const changes = state.changes([...edits]);
  let head = 0;
  changes.iterChanges((_fromA, _toA, _fromB, toB) => {
    head = toB;
  });
  return {
    changes, selection: { anchor: head }, scrollIntoView: true, userEvent: name, filter: false, annotations: [fromSession.of(true), Transaction.addToHistory.of(false)],
  };
}

function marked(edits: readonly Utf16Edit[]): TransactionSpec {
  return {
    changes: [...edits],
    filter: false,
    annotations: [fromSession.of(true), Transaction.remote.of(true), Transaction.addToHistory.of(false)],
  };
}

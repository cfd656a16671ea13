/** Tints what others have just written, so that the eye finds it. */
import { type Extension, StateEffect, StateField, Transaction } from "@codemirror/state";
import { Decoration, type DecorationSet, EditorView, ViewPlugin, type ViewUpdate } from "@codemirror/view";

const shownMs = 1_600;
/** A replay of a long history is not tinted. */
const mostRanges = 40;
const mark = Decoration.mark({ class: "arrival" });
const settle = StateEffect.define<null>();

const field = StateField.define<DecorationSet>({
  create: () => Decoration.none,
  update(shown, transaction) {
    let next = shown.map(transaction.changes);
    if (transaction.effects.some((effect) => effect.is(settle))) return Decoration.none;
    if (!transaction.docChanged || !transaction.annotation(Transaction.remote)) return next;
    const added: { from: number; to: number }[] = [];
    transaction.changes.iterChanges((_fromA, _toA, from, to) => {
      if (to > from) added.push({ from, to });
    });
    if (added.length + next.size > mostRanges) return Decoration.none;
    next = next.update({ add: added.map(({ from, to }) => mark.range(from, to)) });
    return next;
  },
  provide: (decorations) => EditorView.decorations.from(decorations),
});

const settling = ViewPlugin.define((view) => {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const fade = (): void => {
    // An input method may be composing beside a tint: its line is left alone.
    timer = setTimeout(() => (view.compositionStarted ? fade() : view.dispatch({ effects: settle.of(null) })), shownMs);
  };
  return {
    update(update: ViewUpdate) {
      if (!update.transactions.some((transaction) => transaction.docChanged && transaction.annotation(Transaction.remote))) return;
      clearTimeout(timer);
      fade();
    },
    destroy() {
      clearTimeout(timer);
    },
  };
});

export const arrivals: Extension = [field, settling];

/** Each line runs in the direction of its first letter, whatever the page's is. */
import { type Extension, RangeSetBuilder } from "@codemirror/state";
import { Decoration, type DecorationSet, EditorView, ViewPlugin, type ViewUpdate } from "@codemirror/view";

const auto = Decoration.line({ attributes: { dir: "auto" } });

function linesOf(view: EditorView): DecorationSet {
  const lines = new RangeSetBuilder<Decoration>();
  for (const { from, to } of view.visibleRanges) {
    for (let line = view.state.doc.lineAt(from); ; line = view.state.doc.line(line.number + 1)) {
      lines.add(line.from, line.from, auto);
      if (line.to >= to) break;
    }
  }
  return lines.finish();
}

const plugin = ViewPlugin.define(
  (view) => ({
    lines: linesOf(view),
    update(update: ViewUpdate) {
      if (update.docChanged || update.viewportChanged) this.lines = linesOf(update.view);
    },
  }),
  { decorations: ({ lines }) => lines },
);

export const lineDirections: Extension = [EditorView.perLineTextDirection.of(true), plugin];

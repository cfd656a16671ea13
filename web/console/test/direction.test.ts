import { EditorState } from "@codemirror/state";
import { EditorView } from "@codemirror/view";
import { expect, it } from "vitest";
import { lineDirections } from "../src/room/direction.ts";

it("every line has a direction of its own, also those that come later", () => {
  const view = new EditorView({ state: EditorState.create({ doc: "one\n\nשתיים", extensions: lineDirections }) });
  const directions = (): readonly string[] => [...view.contentDOM.querySelectorAll(".cm-line")].map((line) => line.getAttribute("dir") ?? "none");
  expect(directions()).toEqual(["auto", "auto", "auto"]);
  view.dispatch({ changes: { from: 0, insert: "zero\n" } });
  expect(directions()).toEqual(["auto", "auto", "auto", "auto"]);
  view.destroy();
});

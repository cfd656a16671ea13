import { EditorSelection } from "@codemirror/state";
import { runScopeHandlers } from "@codemirror/view";
import type { Change } from "@rapport/client";
import { afterEach, describe, expect, it } from "vitest";
import { openNotesEditor, type NotesEditor } from "../src/room/binding.ts";
import { FakeSession } from "./fakesession.ts";
import { mulberry32 } from "./random.ts";

let open: NotesEditor[] = [];
afterEach(() => {
  for (const editor of open) editor.destroy();
  open = [];
});

function openOn(session: FakeSession, refused: unknown[] = []): NotesEditor {
  const editor = openNotesEditor(session, { extensions: [], onRefused: (reason) => refused.push(reason) });
  open.push(editor);
  return editor;
}

const shown = (editor: NotesEditor): string => editor.view.state.doc.toString();

describe("a bound editor", () => {
  it("sends what is typed, in code points", () => {
    const session = new FakeSession("a🙂b");
    const { view } = openOn(session);
    view.dispatch({ changes: { from: 3, insert: "𝄞" } });
    view.dispatch({ changes: { from: 1, to: 3, insert: "x" } });
    expect(session.edits).toEqual([
      [{ type: "insert", position: 2, content: "𝄞" }],
      [{ type: "insert", position: 1, content: "x" }, { type: "delete", position: 1, length: 1 }],
    ]);
    expect(session.text).toBe("ax𝄞b");
  });

  it("shows remote changes, keeps the selection, and sends nothing back", () => {
    const session = new FakeSession("one two");
    const editor = openOn(session);
    editor.view.dispatch({ selection: EditorSelection.single(4, 7) });
    session.remote([{ type: "insert", position: 0, content: "🙂 " }]);
    expect(shown(editor)).toBe("🙂 one two");
    expect(editor.view.state.selection.main).toMatchObject({ from: 7, to: 10 });
    expect(session.edits).toEqual([]);
  });

  it("leaves the caret before what another inserts at it", () => {
    const session = new FakeSession("ab");
    const editor = openOn(session);
    editor.view.dispatch({ selection: { anchor: 1 } });
    session.remote([{ type: "insert", position: 1, content: "XX" }]);
    expect(editor.view.state.selection.main.head).toBe(1);
  });

  it("undoes and redoes only what was typed here", () => {
    const session = new FakeSession("");
    const editor = openOn(session);
    editor.view.dispatch({ changes: { from: 0, insert: "mine" }, userEvent: "input.type" });
    session.remote([{ type: "insert", position: 2, content: "THEIRS" }]);
    editor.undo();
    expect(shown(editor)).toBe("THEIRS");
    expect(session.text).toBe("THEIRS");
    editor.redo();
    expect(shown(editor)).toBe(session.text);
    expect([...shown(editor)].sort().join("")).toBe([..."mineTHEIRS"].sort().join(""));
    editor.undo();
    editor.undo();
    expect(shown(editor)).toBe("THEIRS");
  });

  it("shows where an undo was, and takes it by key", () => {
    const session = new FakeSession("one two");
    const editor = openOn(session);
    editor.view.dispatch({ changes: { from: 3, insert: "🙂🙂" }, selection: { anchor: 7 }, userEvent: "input.type" });
    editor.view.dispatch({ selection: { anchor: 0 } });
    const press = (key: string, shiftKey = false): boolean =>
      runScopeHandlers(editor.view, new KeyboardEvent("keydown", { key, ctrlKey: true, shiftKey, keyCode: key.toUpperCase().charCodeAt(0) }), "editor");
    expect(press("z")).toBe(true);
    expect(shown(editor)).toBe("one two");
    expect(editor.view.state.selection.main.head).toBe(3);
    expect(press("Z", true)).toBe(true);
    expect(shown(editor)).toBe("one🙂🙂 two");
    expect(editor.view.state.selection.main.head).toBe(7);
    expect(press("z")).toBe(true);
    expect(press("y")).toBe(true);
    expect(shown(editor)).toBe("one🙂🙂 two");
    for (let i = 0; i < 3; i++) expect(press("z"), "nothing is left for the browser to undo").toBe(true);
    expect(shown(editor)).toBe(session.text);
  });

  it("ends a step where the caret is put elsewhere", () => {
    const session = new FakeSession("one two");
    const editor = openOn(session);
    editor.view.dispatch({ changes: { from: 0, insert: "x" }, selection: { anchor: 1 }, userEvent: "input.type" });
    expect(session.steps).toBe(0);
    editor.view.dispatch({ selection: { anchor: 4 } });
    expect(session.steps).toBe(1);
  });

  it("says when an undo is refused, and shows what there is", () => {
    const session = new FakeSession("");
    const refused: unknown[] = [];
    const editor = openOn(session, refused);
    editor.view.dispatch({ changes: { from: 0, insert: "x" } });
    session.refuse = new Error("too large");
    editor.undo();
    expect(refused).toEqual([session.refuse]);
    expect(shown(editor)).toBe("x");
  });

  it("never shows an edit that the session refuses", () => {
    const session = new FakeSession("kept");
    const refused: unknown[] = [];
    const editor = openOn(session, refused);
    session.refuse = new Error("read-only");
    editor.view.dispatch({ changes: { from: 0, to: 4, insert: "lost" } });
    expect(shown(editor)).toBe("kept");
    expect(refused).toEqual([session.refuse]);
  });

  it("replaces only what a reset changed, and a reset is not undone", () => {
    const session = new FakeSession("head middle tail");
    const editor = openOn(session);
    editor.view.dispatch({ selection: { anchor: 14 } });
    session.reset("head tail");
    expect(shown(editor)).toBe("head tail");
    expect(editor.view.state.selection.main.head).toBe(7);
    editor.undo();
    expect(shown(editor)).toBe("head tail");
    expect(session.edits).toEqual([]);
  });

  it("shows what the session did during an edit", () => {
    const session = new FakeSession("");
    const editor = openOn(session);
    session.duringEdit = () => {
      session.duringEdit = undefined;
      session.remote([{ type: "insert", position: 0, content: "🙂🙂" }]);
    };
    editor.view.dispatch({ changes: { from: 0, insert: "x" } });
    expect(shown(editor)).toBe(session.text);
  });

  it("shows the session's text when a remote change does not fit the view", () => {
    const session = new FakeSession("long enough text");
    const editor = openOn(session);
    session.text = "short, longer";
    session.remote([{ type: "delete", position: 0, length: 5 }]);
    expect(shown(editor)).toBe(session.text);
  });

  it("keeps line ends that others wrote", () => {
    const session = new FakeSession("a\r\nb\rc\u2028d");
    const editor = openOn(session);
    expect(shown(editor)).toBe(session.text);
    session.remote([{ type: "insert", position: 3, content: "\r\n" }]);
    expect(shown(editor)).toBe(session.text);
    editor.view.dispatch({ changes: { from: editor.view.state.doc.length, insert: "!" } });
    expect(shown(editor)).toBe(session.text);
  });

  it.each([
    ["one | \t two", false, "one \n \t two"],
    ["one|\ufeff\u00a0two", false, "one\n\ufeff\u00a0two"],
    ["one|\r\u2028two", false, "one\n\r\u2028two"],
    ["  | ", false, "  \n "],
    ["  - one|", false, "  - one\n  "],
    ["\t2. one| two", false, "\t2. one\n\t two"],
    ["  |- one", false, "  \n- one"],
    ["one|  two ", true, "one  two \n"],
    [" | ", true, "  \n"],
  ])("Enter in %j, behind the line: %j, only puts a line's end", (text, ctrlKey, expected) => {
    const session = new FakeSession(text.replace("|", ""));
    const editor = openOn(session);
    editor.view.dispatch({ selection: { anchor: text.indexOf("|") } });
    runScopeHandlers(editor.view, new KeyboardEvent("keydown", { key: "Enter", ctrlKey, keyCode: 13 }), "editor");
    expect(session.text).toBe(expected);
    expect(shown(editor)).toBe(expected);
  });

  it("lets go of the session when destroyed", () => {
    const session = new FakeSession("x");
    const editor = openNotesEditor(session, { extensions: [], onRefused: () => {} });
    expect(session.listeners).toBe(2);
    editor.destroy();
    expect(session.listeners).toBe(0);
  });
});

const seeds = process.env["SEED"] ? [Number(process.env["SEED"])] : Array.from({ length: 60 }, (_, i) => i + 1);

describe("random edits from both sides", () => {
  it.each(seeds)("seed %i: the view always equals the session", (seed) => {
    const random = mulberry32(seed);
    const below = (n: number): number => Math.floor(random() * n);
    const words = ["a", "word ", "\n", "🙂", "𝄞", "e\u0301", "\r\n", "👩‍👩‍👧", "ß", "\ud83d", "漢字"];
    const word = (): string => words[below(words.length)] ?? "";
    const session = new FakeSession("start 🙂 end");
    const editor = openOn(session);

    /** Up to three edits on the view, anywhere, even inside a pair. */
    const local = (): void => {
      const cuts = Array.from({ length: 2 * (1 + below(3)) }, () => below(editor.view.state.doc.length + 1)).sort((a, b) => a - b);
      const changes = [];
      for (let i = 0; i + 1 < cuts.length; i += 2) {
        const from = cuts[i] ?? 0;
        changes.push({ from, to: Math.min(cuts[i + 1] ?? from, from + below(4)), insert: below(4) ? word() : "" });
      }
      editor.view.dispatch({ changes, userEvent: "input.type" });
    };
    const remote = (): void => {
      const length = [...session.text].length;
      const position = below(length + 1);
      const change: Change[number][] = below(3) ? [{ type: "insert", position, content: word().toWellFormed() }] : [];
      if (position < length && below(2)) change.push({ type: "delete", position, length: 1 + below(Math.min(5, length - position)) });
      if (change.length > 0) session.remote(change);
    };

    for (let step = 0; step < 150; step++) {
      const kind = below(12);
      if (kind < 5) local();
      else if (kind < 9) remote();
      else if (kind === 9) editor.undo();
      else if (kind === 10) editor.redo();
      else session.reset(session.text.slice(0, 30).toWellFormed());
      if (shown(editor) !== session.text) expect.fail(`seed ${seed}, step ${step}: ${JSON.stringify(shown(editor))} is not ${JSON.stringify(session.text)}`);
    }
  });
});

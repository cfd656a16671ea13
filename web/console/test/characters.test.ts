import { EditorSelection, EditorState, StateEffect, Transaction } from "@codemirror/state";
import { EditorView } from "@codemirror/view";
import { apply, changeFromUtf16, type Utf16Edit } from "@rapport/client";
import { afterEach, describe, expect, it } from "vitest";
import { wholeCharacters, wholeEdits } from "../src/room/binding/characters.ts";
import { openNotesEditor, type NotesEditor } from "../src/room/binding.ts";
import { FakeSession } from "./fakesession.ts";
import { mulberry32 } from "./random.ts";

let open: NotesEditor[] = [];
afterEach(() => {
  for (const editor of open) editor.destroy();
  open = [];
});

function openOn(text: string, extensions: Parameters<typeof openNotesEditor>[1]["extensions"] = []) {
  const session = new FakeSession(text);
  const editor = openNotesEditor(session, { extensions, onRefused: (reason) => expect.fail(String(reason)) });
  open.push(editor);
  return { session, view: editor.view, shown: () => editor.view.state.doc.toString() };
}

describe("an edit inside of a surrogate pair", () => {
  // 😀 and 😄 share their first half, 😀 and 🨀 their second.
  it.each([
    ["the second half", "😀", [{ from: 1, to: 2, insert: "\ude04" }], "😄"],
    ["the first half", "😀", [{ from: 0, to: 1, insert: "\ud83e" }], "🨀"],
    ["a second half, and more behind it", "a😀b", [{ from: 2, to: 3, insert: "\ude0e🐈" }], "a😎🐈b"],
    ["a first half, and more before it", "a😀b", [{ from: 1, to: 2, insert: "🐈\ud83e" }], "a🐈🨀b"],
    ["both halves, one after the other", "a😀b", [{ from: 1, to: 2, insert: "\ud83e" }, { from: 2, to: 3, insert: "\udd80" }], "a🦀b"],
    ["from one pair into the next", "😀😀", [{ from: 1, to: 3, insert: "\ude04\ud83e" }], "😄🨀"],
    ["the outer halves of two pairs", "😀𠮷", [{ from: 0, to: 1, insert: "\ud83e" }, { from: 3, to: 4, insert: "\udf9f" }], "🨀𠮟"],
    ["the inner halves of two pairs, which leaves one", "😀𠮷", [{ from: 1, to: 2 }, { from: 2, to: 3 }], "\u{1f7b7}"],
    ["text put between two halves", "a😀b", [{ from: 2, insert: "\ude04x\ud83d" }], "a😄x😀b"],
  ])("replaces %s", (_what, before, changes, after) => {
    const { session, view, shown } = openOn(before);
    view.dispatch({ changes });
    expect(session.text).toBe(after);
    expect(shown()).toBe(after);
  });

  it("is sent as whole characters", () => {
    const { session, view } = openOn("a😀b");
    view.dispatch({ changes: { from: 2, to: 3, insert: "\ude04" } });
    expect(session.edits).toEqual([[{ type: "insert", position: 1, content: "😄" }, { type: "delete", position: 1, length: 1 }]]);
  });

  it("keeps the transaction's selection, effects, annotations and scrolling", () => {
    const mine = StateEffect.define<string>();
    const seen: Transaction[] = [];
    const { view } = openOn("a😀b", [EditorView.updateListener.of(({ transactions }) => seen.push(...transactions))]);
    view.dispatch({
      changes: [{ from: 1, to: 2, insert: "x" }, { from: 4, insert: "\ud83d" }], selection: { anchor: 2, head: 5 },
      effects: mine.of("kept"), annotations: Transaction.addToHistory.of(false), userEvent: "input.type.compose", scrollIntoView: true,
    });
    const [transaction] = seen;
    expect(view.state.doc.toString()).toBe("axb");
    expect(transaction?.effects.some((effect) => effect.is(mine) && effect.value === "kept")).toBe(true);
    expect(transaction?.annotation(Transaction.addToHistory)).toBe(false);
    expect(transaction?.isUserEvent("input.type.compose")).toBe(true);
    expect(transaction?.scrollIntoView).toBe(true);
    expect(view.state.selection.eq(EditorSelection.single(2, 3))).toBe(true);
  });
});

describe("half a surrogate pair", () => {
  it("is neither shown nor sent while it stands alone", () => {
    const { session, view, shown } = openOn("ab");
    for (const half of ["\ud83d", "\ude00"]) {
      view.dispatch({ changes: { from: 1, insert: half } });
      view.dispatch({ changes: { from: 0, insert: "x" } });
    }
    view.dispatch({ changes: { from: 0, to: 2, insert: "\ude00y\ud83d" } });
    expect(session.text).toBe("yab");
    expect(shown()).toBe("yab");
  });

  it("is U+FFFD within a text that is put in as one", () => {
    const { session, view, shown } = openOn("ab");
    view.dispatch({ changes: { from: 1, insert: "half: \ud83d. Other: \ude00." }, userEvent: "input.paste" });
    expect(session.text).toBe("ahalf: \ufffd. Other: \ufffd.b");
    expect(shown()).toBe(session.text);
  });

  it("takes its other half with it", () => {
    for (const [from, to] of [[1, 2], [2, 3]] as const) {
      const { session, view, shown } = openOn("a😀b");
      view.dispatch({ changes: { from, to } });
      expect(session.text).toBe("ab");
      expect(shown()).toBe("ab");
    }
  });

  it("becomes a character with what the next edit brings, and the caret stands behind that", () => {
    const { session, view, shown } = openOn("ab");
    view.dispatch({ changes: { from: 1, insert: "\ud83d" }, selection: { anchor: 2 } });
    expect(view.state.selection.main.head).toBe(1);
    view.dispatch({ changes: { from: 1, insert: "\ude00" }, selection: { anchor: 2 } });
    expect(session.text).toBe("a😀b");
    expect(shown()).toBe("a😀b");
    expect(view.state.selection.main.head).toBe(3);
    expect(session.edits).toHaveLength(1);
  });

  it("waits for it at its place, whatever others write meanwhile", () => {
    const { session, view, shown } = openOn("ab");
    view.dispatch({ changes: { from: 1, insert: "\ude00" } });
    session.remote([{ type: "insert", position: 0, content: "🚂" }, { type: "delete", position: 1, length: 1 }]);
    view.dispatch({ changes: { from: 3, insert: "\ud83d" } });
    expect(session.text).toBe("🚂a😀");
    expect(shown()).toBe(session.text);
  });

  it("of a character that is there waits for another", () => {
    const { session, view } = openOn("a😀b");
    view.dispatch({ changes: { from: 2, to: 3 } });
    view.dispatch({ changes: { from: 1, insert: "\ude04" } });
    expect(session.text).toBe("a😄b");
  });
});

const seeds = process.env["SEED"] ? [Number(process.env["SEED"])] : Array.from({ length: 40 }, (_, i) => i + 1);
const casesPerSeed = 200;

describe("random edits by UTF-16 units", () => {
  // Many share a half: 😀 and 😄 the first, 😀 and 🨀 the second.
  const letters = ["a", "\n", "e\u0301", "😀", "😄", "\u{1fa00}", "𠮷", "𠮟", "𝄞", "👩‍👩‍👧", "\ufeff"];
  const halves = ["\ud83d", "\ude00", "\ud842", "\ude04"];
  /** Halves that stand alone, and can't be completed by what is put before or behind the text. */
  const within = /[\ud800-\udbff](?=[^\udc00-\udfff])|(?<=[^\ud800-\udbff])[\udc00-\udfff]/g;
  const lonely = /[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g;

  it.each(seeds)(`seed %i: ${casesPerSeed} of one transaction each are the same edits of a string, without the halves that stand alone at their ends`, (seed) => {
    const random = mulberry32(seed);
    const below = (n: number): number => Math.floor(random() * n);
    const words = (most: number, of: readonly string[]): string => Array.from({ length: below(most + 1) }, () => of[below(of.length)] ?? "").join("");
    for (let n = 0; n < casesPerSeed; n++) {
      const before = words(6, letters);
      const state = EditorState.create({ doc: before, extensions: wholeCharacters });
      const cuts = Array.from({ length: 2 * (1 + below(4)) }, () => below(before.length + 1)).sort((a, b) => a - b);
      const changes: Utf16Edit[] = [];
      const apart: { from: number; to: number; insert: string }[] = [];
      for (let i = cuts.length - 2; i >= 0; i -= 2) {
        const [from, to] = [cuts[i] ?? 0, cuts[i + 1] ?? 0];
        if (from === to && from === cuts[i + 2]) continue; // two insertions at one place have no order
        const insert = words(2, [...letters, ...halves]);
        changes.push({ from, to, insert });
        const next = apart.at(-1);
        if (next?.from === to) Object.assign(next, { from, insert: insert + next.insert });
        else apart.push({ from, to, insert });
      }
      const after = apart.reduce((text, { from, to, insert }) => text.slice(0, from) + insert.replace(within, "\ufffd") + text.slice(to), before);
      const whole = after.replace(lonely, "");
      const transaction = state.update({ changes, userEvent: "input.type" });
      // Refuses halves, as the session does.
      const sent = apply(before, changeFromUtf16(before, wholeEdits(transaction)));
      const seen = { before, changes, sent, shown: transaction.newDoc.toString() };
      expect(seen, `seed ${seed}, case ${n}`).toEqual({ before, changes, sent: whole, shown: whole });
    }
  });

  it.each(seeds)(`seed %i: texts that come unit by unit, while others write elsewhere, bring whole characters`, (seed) => {
    const random = mulberry32(seed);
    const below = (n: number): number => Math.floor(random() * n);
    const words = (most: number): string => Array.from({ length: below(most + 1) }, () => letters[below(letters.length)] ?? "").join("");
    for (let n = 0; n < 20; n++) {
      const { session, view, shown } = openOn(`.${words(3)}|${words(3)}`);
      const [left = "", right = ""] = session.text.split("|");
      const typed = words(3);
      let others = "";
      view.dispatch({ selection: { anchor: left.length, head: left.length + 1 } });
      view.dispatch(view.state.replaceSelection(""));
      for (const unit of typed.split("")) {
        view.dispatch(view.state.replaceSelection(unit));
        if (below(4) > 0) continue;
        session.remote([{ type: "insert", position: 0, content: "🚂" }]);
        others += "🚂";
      }
      const whole = others + left + typed + right;
      expect({ sent: session.text, shown: shown() }, `seed ${seed}, case ${n}`).toEqual({ sent: whole, shown: whole });
    }
  });
});

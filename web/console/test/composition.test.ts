import { apply, type Change } from "@rapport/client";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { openNotesEditor, type NotesEditor } from "../src/room/binding.ts";
import { unshown } from "../src/room/binding/annotations.ts";
import { FakeSession } from "./fakesession.ts";
import { mulberry32 } from "./random.ts";

let open: NotesEditor[] = [];
beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  for (const editor of open) editor.destroy();
  open = [];
  vi.useRealTimers();
});

const insert = (position: number, content: string): Change => [{ type: "insert", position, content }];
const remove = (position: number, length: number): Change => [{ type: "delete", position, length }];

/** An editor in which an input method composes at `caret`. */
function composing(text: string, caret: number) {
  const session = new FakeSession(text);
  const refused: unknown[] = [];
  const editor = openNotesEditor(session, { extensions: [], onRefused: (reason) => refused.push(reason) });
  open.push(editor);
  const { view } = editor;
  const event = (type: string): boolean => view.contentDOM.dispatchEvent(new Event(type));
  let at = caret;
  let length = 0;
  view.dispatch({ selection: { anchor: caret } });
  event("compositionstart");
  return {
    session, editor, view, refused, event,
    shown: () => view.state.doc.toString(),
    /** Replaces what was offered so far, by what differs, as CodeMirror reads it from the page. */
    offer(candidate: string): void {
      const before = view.state.doc.sliceString(at, at + length);
      let same = 0;
      while (same < Math.min(before.length, candidate.length) && before[same] === candidate[same]) same++;
      view.dispatch({
        changes: { from: at + same, to: at + length, insert: candidate.slice(same) },
        selection: { anchor: at + candidate.length }, userEvent: "input.type.compose",
      });
      length = candidate.length;
    },
    moved(by: number): void {
      at += by;
    },
    end(): void {
      event("compositionend");
      vi.advanceTimersByTime(100);
    },
  };
}

describe("while an input method composes", () => {
  it("others' edits of its line wait, those of other lines don't, and one's own go on to the session", () => {
    const { session, shown, offer, moved, end } = composing("one\nsome line \ntwo", 14);
    offer("に");
    session.remote([...insert(0, "!"), ...remove(4, 5), ...insert(19, "?")]);
    expect(shown()).toBe("!one\nsome line に\ntwo?");
    moved(1);
    offer("にほ");
    expect(session.text).toBe("!one\nline にほ\ntwo?");
    offer("日本");
    expect(shown()).toBe("!one\nsome line 日本\ntwo?");
    end();
    expect(shown()).toBe("!one\nline 日本\ntwo?");
    expect(session.text).toBe(shown());
  });

  it("what others write at the edges of the composed text never comes to stand within it", () => {
    const { session, shown, offer, end } = composing("ab", 1);
    offer("に");
    session.remote(insert(1, "<"));
    session.remote(insert(3, ">"));
    offer("にほ");
    expect(session.text).toBe("a<にほ>b");
    offer("日本");
    offer("日本語");
    end();
    expect(shown()).toBe("a<日本語>b");
    expect(session.text).toBe(shown());
  });

  it("carets are told where they are in the session's text", () => {
    const { session, view, offer } = composing("some ", 5);
    offer("に");
    session.remote(remove(0, 4));
    expect(view.state.facet(unshown)()).toEqual(remove(0, 4));
  });

  it.each([
    ["its line and all behind it is gone", remove(4, 9), "one\n日本"],
    ["its line is joined with the one before", remove(3, 1), "oneabc 日本\nnext"],
    ["a line break comes before it", insert(4, "\n"), "one\n\nabc 日本\nnext"],
  ])("%s", (_what, change, expected) => {
    const { session, shown, offer, end } = composing("one\nabc \nnext", 8);
    session.remote(change);
    offer("に");
    offer("日本");
    expect(shown()).toBe("one\nabc 日本\nnext");
    end();
    expect(shown()).toBe(expected);
    expect(session.text).toBe(expected);
  });

  it("a text that is replaced is shown when it ends", () => {
    const { session, shown, offer, end } = composing("one\ntwo", 3);
    offer("に");
    session.reset("another text");
    expect(shown()).toBe("oneに\ntwo");
    offer("日");
    end();
    expect(shown()).toBe(session.text);
    expect(session.text).toContain("another text");
  });

  it("an undo is the session's at once, and shown when it ends", () => {
    const { session, editor, shown, offer, end } = composing("", 0);
    offer("に");
    editor.undo();
    expect(session.text).toBe("");
    expect(shown()).toBe("に");
    offer("日本");
    end();
    expect(shown()).toBe(session.text);
  });

  it("a refused edit leaves what is held as it was", () => {
    const { session, shown, offer, refused, end } = composing("ab", 2);
    offer("に");
    session.remote(insert(0, "🚂"));
    session.refuse = new Error("read-only");
    offer("にほ");
    expect(refused).toEqual([session.refuse]);
    expect(shown()).toBe("abに");
    session.refuse = undefined;
    end();
    expect(shown()).toBe("🚂abに");
  });
});

describe("a composition whose end the browser doesn't tell", () => {
  it.each([
    ["the editor loses the focus", (event: (type: string) => void) => event("blur")],
    ["a key is pressed that no input method takes", (_event: unknown, dom: HTMLElement) => dom.dispatchEvent(new KeyboardEvent("keydown", { key: "a", keyCode: 65 }))],
    ["letters are typed", (_event: unknown, dom: HTMLElement) => dom.dispatchEvent(new InputEvent("beforeinput", { inputType: "insertText", data: "a" }))],
  ])("is over when %s", (_what, happen) => {
    const { session, view, shown, offer, event } = composing("ab", 2);
    offer("に");
    session.remote(insert(0, "🚂"));
    expect(shown()).toBe("abに");
    happen(event, view.contentDOM);
    vi.advanceTimersByTime(100);
    expect(shown()).toBe("🚂abに");
    expect(view.compositionStarted).toBe(false);
  });

  it("holds nothing back any more, once the editor itself has seen it", () => {
    const { session, view, shown, offer } = composing("ab", 2);
    offer("に");
    session.remote(insert(0, "🚂"));
    vi.advanceTimersByTime(60_000);
    expect(shown(), "as long as it lasts").toBe("abに");
    vi.spyOn(view, "compositionStarted", "get").mockReturnValue(false);
    vi.advanceTimersByTime(300);
    expect(shown()).toBe("🚂abに");
  });

  it("goes on when the browser was only slow to say that it does", () => {
    const { session, shown, offer, event, end } = composing("ab", 2);
    offer("に");
    session.remote(insert(0, "🚂"));
    event("blur");
    event("compositionupdate");
    vi.advanceTimersByTime(1_000);
    expect(shown()).toBe("abに");
    end();
    expect(shown()).toBe("🚂abに");
  });
});

const seeds = process.env["SEED"] ? [Number(process.env["SEED"])] : Array.from({ length: 60 }, (_, i) => i + 1);

describe("random edits of both sides around compositions", () => {
  it.each(seeds)("seed %i: the view with what it doesn't show yet is the session, and both are equal when nobody composes", (seed) => {
    const random = mulberry32(seed);
    const below = (n: number): number => Math.floor(random() * n);
    const words = ["a", "word ", "\n", "🙂", "に", "にほん", "日本", "😄", "\n\n"];
    const word = (): string => words[below(words.length)] ?? "";
    const { session, editor, view, shown, event } = composing("start 🙂 end\nnext\nlast", 5);
    let on = true;
    let composed = "";
    const toggle = (): void => {
      on = !on;
      composed = "";
      event(on ? "compositionstart" : "compositionend");
      if (on && below(3)) view.dispatch({ selection: { anchor: below(view.state.doc.length + 1) } });
      if (below(2)) vi.advanceTimersByTime(100);
    };
    const local = (): void => {
      const { head } = view.state.selection.main;
      if (on && view.state.doc.sliceString(head - composed.length, head) === composed) {
        const candidate = word().trim();
        view.dispatch({ changes: { from: head - composed.length, to: head, insert: candidate }, selection: { anchor: head - composed.length + candidate.length }, userEvent: "input.type.compose" });
        composed = view.state.doc.sliceString(head - composed.length, view.state.selection.main.head);
        return;
      }
      const from = below(view.state.doc.length + 1);
      view.dispatch({ changes: { from, to: Math.min(view.state.doc.length, from + below(4)), insert: word() }, userEvent: "input.type" });
    };
    const remote = (): void => {
      const length = [...session.text].length;
      const position = below(length + 1);
      const change: Change[number][] = below(3) ? [{ type: "insert", position, content: word() }] : [];
      if (position < length && below(2)) change.push({ type: "delete", position, length: 1 + below(Math.min(8, length - position)) });
      if (change.length > 0) session.remote(change);
    };
    for (let step = 0; step < 150; step++) {
      const kind = below(20);
      if (kind < 8) local();
      else if (kind < 15) remote();
      else if (kind < 17) toggle();
      else if (kind === 17) editor.undo();
      else if (kind === 18) editor.redo();
      else session.reset(session.text.slice(0, 30).toWellFormed());
      const whole = apply(shown(), view.state.facet(unshown)());
      expect(whole, `seed ${seed}, step ${step}`).toBe(session.text);
      if (!on) {
        vi.advanceTimersByTime(100);
        expect(shown(), `seed ${seed}, step ${step}, nobody composes`).toBe(session.text);
      }
    }
  });
});

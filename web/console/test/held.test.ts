import { apply, changeFromUtf16, type Change, type Utf16Edit } from "@rapport/client";
import { describe, expect, it } from "vitest";
import { Held } from "../src/room/binding/held.ts";
import { mulberry32 } from "./random.ts";

const insert = (position: number, content: string): Change => [{ type: "insert", position, content }];
const remove = (position: number, length: number): Change => [{ type: "delete", position, length }];

/** `text` with edits as a view takes them. */
function edited(text: string, edits: readonly Utf16Edit[]): string {
  return edits.reduceRight((all, edit) => all.slice(0, edit.from) + edit.insert + all.slice(edit.to), text);
}

describe("held changes", () => {
  // The second line is closed.
  const text = "one\ntwo\nthree";
  const closed = { from: 4, to: 7 };
  it.each([
    ["an insertion in the line before", insert(3, "!"), "one!\ntwo\nthree"],
    ["an insertion at the start of the next line", insert(8, "!"), "one\ntwo\n!three"],
    ["a deletion up to the end of the line before", remove(0, 3), "\ntwo\nthree"],
    ["an insertion at the line's start", insert(4, "!"), undefined],
    ["a line put before it", insert(4, "new\n"), undefined],
    ["an insertion at its end", insert(7, "!"), undefined],
    ["a deletion within it", remove(5, 1), undefined],
    ["its join with the line before", remove(3, 1), undefined],
    ["its join with the next line", remove(7, 1), undefined],
    ["a replacement that reaches over it", [...insert(1, "x"), ...remove(1, 10)], undefined],
  ])("of a closed line: %s", (_what, change, shown) => {
    const held = new Held();
    held.add(change);
    expect(edited(text, held.take(text, closed))).toBe(shown ?? text);
    expect(held.empty).toBe(shown !== undefined);
    expect(edited(shown ?? text, held.take(shown ?? text))).toBe(apply(text, change));
    expect(held.empty).toBe(true);
  });

  it("let what is elsewhere through, and stand on the text after it", () => {
    const held = new Held();
    held.add([...insert(0, "🚂"), ...remove(5, 1), ...insert(13, "!")]);
    const shown = edited(text, held.take(text, closed));
    expect(shown).toBe("🚂one\ntwo\nthree!");
    expect(apply(shown, held.change)).toBe("🚂one\nto\nthree!");
  });

  it("give an edit of the view as one of the session, and nothing where nothing is left of it", () => {
    const held = new Held();
    const sent: Change[] = [];
    held.add([...insert(4, "XX"), ...remove(5, 2)]);
    held.local(insert(7, "y"), (edit) => sent.push(edit));
    held.local(remove(5, 2), (edit) => sent.push(edit));
    expect(sent).toEqual([insert(7, "y")]);
    expect(held.change).toEqual(insert(4, "XX"));
  });

  it("stay as they were when an edit is refused", () => {
    const held = new Held();
    held.add(insert(4, "XX"));
    expect(() => held.local(remove(0, 4), () => {
      throw new Error("refused");
    })).toThrow("refused");
    expect(held.change).toEqual(insert(4, "XX"));
  });

  it("refuse to be shown in a text that they don't fit", () => {
    const held = new Held();
    held.add(remove(0, 20));
    expect(() => held.take(text, closed)).toThrow(RangeError);
  });
});

const seeds = process.env["SEED"] ? [Number(process.env["SEED"])] : Array.from({ length: 200 }, (_, i) => i + 1);

describe("random edits of both sides while lines are closed and opened", () => {
  it.each(seeds)("seed %i: the view with what is held is the session, and nothing is lost or there twice", (seed) => {
    const random = mulberry32(seed);
    const below = (n: number): number => Math.floor(random() * n);
    let next = 0x1f300;
    /** Every character is another, so that each can be followed; lines end here and there. */
    const fresh = (): string => Array.from({ length: 1 + below(3) }, () => (below(6) === 0 ? "\n" : String.fromCodePoint(next++))).join("");
    const held = new Held();
    let view = `${fresh()}${fresh()}\n${fresh()}`;
    let session = view;
    let closed = false;
    const written = new Set([...view].filter((character) => character !== "\n"));
    const gone = new Set<string>();

    const edit = (text: string): Change => {
      const characters = [...text];
      const position = below(characters.length + 1);
      const content = below(3) > 0 ? fresh() : "";
      const length = below(3) > 0 ? Math.min(below(4), characters.length - position) : 0;
      for (const character of content) if (character !== "\n") written.add(character);
      for (const character of characters.slice(position, position + length)) gone.add(character);
      return [...(content === "" ? [] : insert(position, content)), ...(length === 0 ? [] : remove(position, length))];
    };
    const line = (): { from: number; to: number } | undefined => {
      if (!closed) return undefined;
      const at = below(view.length + 1);
      const end = view.indexOf("\n", at);
      return { from: view.lastIndexOf("\n", at - 1) + 1, to: end < 0 ? view.length : end };
    };
    const common = (text: string, other: string): string => [...text].filter((character) => character !== "\n" && other.includes(character)).join("");

    for (let step = 0; step < 60; step++) {
      const kind = below(5);
      if (kind < 2) {
        const change = edit(view);
        held.local(change, (moved) => {
          session = apply(session, moved);
        });
        view = apply(view, change);
      } else if (kind < 4) {
        const change = edit(session);
        session = apply(session, change);
        held.add(change);
        const shown = held.take(view, line());
        expect(changeFromUtf16(view, shown)).toBeDefined(); // on whole characters
        view = edited(view, shown);
      } else closed = !closed;
      expect(apply(view, held.change), `seed ${seed}, step ${step}`).toBe(session);
      expect(common(session, view), "what both have stands in one order").toBe(common(view, session));
    }
    view = edited(view, held.take(view));
    expect(view, `seed ${seed}`).toBe(session);
    expect([...view].filter((character) => character !== "\n").sort()).toEqual([...written].filter((character) => !gone.has(character)).sort());
  });
});

import { describe, expect, test } from "vitest";
import { apply, invert } from "../src/index.ts";
import type { Change, NotesSession } from "../src/index.ts";
import { countCodePoints } from "../src/ot/codepoints.ts";
import { UndoHistory } from "../src/ot/undo.ts";
import { baseSeed, Random } from "./random.ts";
import { Harness } from "./harness.ts";

const seed = baseSeed();
console.log(`undo: RAPPORT_SEED=${seed}`);

/** A text with its own history, as a session keeps them. */
class Editor {
  text: string;
  readonly history = new UndoHistory();
  now = 0;

  constructor(text: string) {
    this.text = text;
  }

  edit(change: Change, pause = 1_000): void {
    this.now += pause;
    const inverse = this.#apply(change);
    this.history.edited(change, inverse, this.now);
  }

  others(change: Change): void {
    this.text = apply(this.text, change);
    this.history.applyRemote(change);
  }

  undo(): Change | undefined {
    return this.history.undo((change) => this.#apply(change));
  }

  redo(): Change | undefined {
    return this.history.redo((change) => this.#apply(change));
  }

  #apply(change: Change): Change {
    const inverse = invert(this.text, change);
    this.text = apply(this.text, change);
    return inverse;
  }
}

function insert(position: number, content: string): Change {
  return [{ type: "insert", position, content }];
}

function cut(position: number, length: number): Change {
  return [{ type: "delete", position, length }];
}

function type(editor: Editor, position: number, text: string, pause = 100): void {
  [...text].forEach((c, i) => editor.edit(insert(position + i, c), i === 0 ? 1_000 : pause));
}

/** A change whose every inserted character is a new one, so that each can be distinguished. */
function fresh(random: Random, length: number, next: () => string): Change {
  return random.change(length).map((op) => (op.type === "insert" ? { ...op, content: [...op.content].map(next).join("") } : op));
}

describe("laws", () => {
  test("undo, then redo, is identity at every depth when nobody else wrote", () => {
    for (let round = 0; round < 500; round++) {
      const random = new Random(seed + round);
      const editor = new Editor(random.text(10));
      const texts = [editor.text];
      for (let i = random.below(12); i >= 0; i--) {
        editor.edit(random.change(countCodePoints(editor.text)));
        texts.push(editor.text);
      }
      let depth = texts.length - 1;
      for (let i = 0; i < 40; i++) {
        if (random.chance(0.5)) depth -= editor.undo() === undefined ? 0 : 1;
        else depth += editor.redo() === undefined ? 0 : 1;
        equal(editor.text, texts[depth], seed + round);
      }
      while (editor.undo() !== undefined);
      equal(editor.text, texts[0], seed + round);
      while (editor.redo() !== undefined);
      equal(editor.text, texts.at(-1), seed + round);
    }
  });

  test("after others' edits it takes back one's own effect only: all of it, and nothing else", () => {
    for (let round = 0; round < 400; round++) {
      const random = new Random(seed + round);
      let code = 0xe000;
      const next = () => String.fromCharCode(code++);
      const original = Array.from({ length: 10 }, next);
      const editor = new Editor(original.join(""));
      const mine = new Set<string>();
      const goneByOthers = new Set<string>();
      const theirs = new Set<string>();
      for (let i = 0; i < 30; i++) {
        const before = [...editor.text];
        const change = fresh(random, before.length, next);
        const added = change.flatMap((op) => (op.type === "insert" ? [...op.content] : []));
        if (random.chance(0.4)) {
          editor.edit(change, random.chance(0.5) ? 100 : 1_000);
          for (const c of added) mine.add(c);
        } else if (random.chance(0.2)) {
          // Undo and redo in between are edits like others.
          if (random.chance(0.6)) editor.undo();
          else editor.redo();
        } else {
          editor.others(change);
          for (const c of added) theirs.add(c);
          for (const c of before) if (!editor.text.includes(c)) goneByOthers.add(c);
        }
      }
      while (editor.undo() !== undefined);
      const want = [...original, ...theirs].filter((c) => !goneByOthers.has(c));
      equal([...editor.text].sort().join(""), want.sort().join(""), seed + round);
      const kept = [...editor.text].filter((c) => original.includes(c));
      equal(kept.join(""), [...kept].sort().join(""), seed + round);
      expect(want.some((c) => mine.has(c))).toBe(false);
    }
  });
});

/** As expect, which is slow, in loops. */
function equal(got: string, want: string | undefined, harnessSeed: number): void {
  if (got !== want) throw new Error(`seed ${harnessSeed}: ${JSON.stringify(got)}, want ${JSON.stringify(want)}`);
}

describe("steps", () => {
  test("what is typed on in one place goes together, a pause or another place ends it", () => {
    const editor = new Editor("0123456789");
    type(editor, 0, "abc");
    type(editor, 3, "def", 100); // after a pause
    editor.edit(insert(10, "x"), 100); // soon, but elsewhere
    expect(editor.text).toBe("abcdef0123x456789");
    editor.undo();
    expect(editor.text).toBe("abcdef0123456789");
    editor.undo();
    expect(editor.text).toBe("abc0123456789");
    editor.undo();
    expect(editor.text).toBe("0123456789");
    expect(editor.undo()).toBeUndefined();
  });

  test("others' words inside what is undone stay, and do not come between what goes together later", () => {
    const editor = new Editor("");
    type(editor, 0, "mine");
    editor.others(insert(2, "THEIRS"));
    editor.undo();
    expect(editor.text).toBe("THEIRS");
    editor.redo();
    expect(editor.text).toContain("THEIRS");
    expect([...editor.text].filter((c) => "mine".includes(c)).join("")).toBe("mine");
  });

  test("a deletion comes back around what others wrote there", () => {
    const editor = new Editor("one two three");
    editor.edit(cut(4, 4));
    editor.others(insert(4, "2 "));
    editor.undo();
    expect(editor.text).toBe("one 2 two three");
  });

  test("a step of which others left nothing is passed over", () => {
    const editor = new Editor("");
    type(editor, 0, "first");
    type(editor, 5, "second");
    editor.others(cut(5, 6));
    editor.undo();
    expect(editor.text).toBe("");
  });

  test("an edit leaves nothing to redo", () => {
    const editor = new Editor("");
    type(editor, 0, "a");
    editor.undo();
    expect(editor.history.canRedo).toBe(true);
    type(editor, 0, "b");
    expect(editor.history.canRedo).toBe(false);
    expect(editor.redo()).toBeUndefined();
  });

  test("what can't be applied leaves all as it was", () => {
    const editor = new Editor("abc");
    editor.edit(cut(0, 3));
    const refuse = () => editor.history.undo(() => {
      throw new Error("too long");
    });
    expect(refuse).toThrow("too long");
    editor.undo();
    expect(editor.text).toBe("abc");
  });

  test("are bounded by what they take in memory, not in number", () => {
    const many = new Editor("");
    for (let i = 0; i < 3_000; i++) many.edit(insert(i % 2 === 0 ? 0 : countCodePoints(many.text), "x"));
    while (many.undo() !== undefined);
    expect(many.text).toBe("");
    const large = new Editor("x".repeat(200_000));
    for (let i = 0; i < 30; i++) {
      large.edit(cut(0, 200_000));
      large.others(insert(0, "x".repeat(200_000)));
      expect(large.history.bytes).toBeLessThan(9_000_000);
    }
    let steps = 0;
    while (large.undo() !== undefined) steps++;
    expect(steps).toBe(20);
    expect(large.history.canUndo).toBe(false);
  });

  test("the newest is kept however large it is, and what is dropped leaves nothing behind", () => {
    const editor = new Editor("");
    const line = "x".repeat(250_000);
    for (let i = 0; i < 25; i++) editor.edit(i % 2 === 0 ? insert(0, line) : cut(0, 250_000));
    while (editor.undo() !== undefined);
    expect(editor.history.canRedo).toBe(true);
    editor.edit(insert(0, "y"));
    while (editor.undo() !== undefined);
    editor.edit(insert(0, "z"));
    expect(editor.history.bytes).toBeLessThan(1_000);
  });

  test("others' edits end no step, and go on being told apart from one's own place", () => {
    const editor = new Editor("one two");
    type(editor, 3, "abc");
    editor.others(insert(0, "THEIRS "));
    [..."def"].forEach((c, i) => editor.edit(insert(13 + i, c), 100));
    editor.others(cut(0, 7));
    editor.edit(insert(0, "x"), 100);
    expect(editor.text).toBe("xoneabcdef two");
    editor.undo();
    expect(editor.text).toBe("oneabcdef two");
    editor.undo();
    expect(editor.text).toBe("one two");
  });
});

describe("in a session", () => {
  async function open(): Promise<{ harness: Harness; session: NotesSession }> {
    const harness = new Harness(9);
    harness.server.begin("hello");
    harness.server.roles.set("ada", "host");
    const opening = harness.client("ada").openNotes("m1");
    await harness.clock.run(50);
    return { harness, session: await opening };
  }

  test("undo is an edit like any other: shown at once, sent, and heard by others", async () => {
    const { harness, session } = await open();
    session.edit(insert(5, " world"));
    await harness.clock.run(1_000);
    harness.server.append({ authorId: "bob", clientId: "b", clientSeq: 1, ops: insert(0, "Oh, ") });
    await harness.clock.run(50);
    expect(session.canUndo).toBe(true);
    expect(session.undo()).toEqual(cut(9, 6));
    expect(session.text).toBe("Oh, hello");
    await harness.clock.run(1_000);
    expect(harness.server.content).toBe("Oh, hello");
    expect(session.undo()).toBeUndefined();
    expect(session.redo()).toEqual(insert(9, " world"));
    await harness.clock.run(1_000);
    expect(harness.server.content).toBe("Oh, hello world");
    expect(session.state).toBe("synced");
  });

  test("what was rolled back can't be undone, and who may not write can't undo", async () => {
    const { harness, session } = await open();
    session.edit(insert(5, "A"));
    await harness.clock.run(1_000);
    harness.server.setRole("ada", "observer");
    await harness.clock.run(50);
    expect(session.canUndo).toBe(false);
    expect(() => session.undo()).toThrow("FORBIDDEN");
    expect(session.text).toBe("helloA");
  });
});

import { beforeEach, expect, test } from "vitest";
import { bindTextarea, selectionOf } from "../examples/textarea.mjs";
import type { NotesSession, RapportError } from "../src/index.ts";
import { Harness } from "./harness.ts";

/** As much of a textarea as the binding uses. */
class FakeTextarea {
  value = "";
  selectionStart = 0;
  selectionEnd = 0;
  readOnly = false;
  readonly #listeners = new Map<string, (event: never) => void>();

  setSelectionRange(start: number, end: number): void {
    this.selectionStart = start;
    this.selectionEnd = end;
  }

  addEventListener(type: string, listener: unknown): void {
    this.#listeners.set(type, listener as (event: never) => void);
  }

  removeEventListener(type: string): void {
    this.#listeners.delete(type);
  }

  /** A person makes it this text, with the caret there. */
  type(value: string, caret = value.length): void {
    this.value = value;
    this.setSelectionRange(caret, caret);
    this.#listeners.get("input")?.({} as never);
  }

  press(key: string, shiftKey = false): void {
    this.#listeners.get("keydown")?.({ key, ctrlKey: true, metaKey: false, shiftKey, preventDefault: () => {} } as never);
  }

  get listening(): number {
    return this.#listeners.size;
  }
}

let harness: Harness;
let session: NotesSession;
let textarea: FakeTextarea;
let refused: RapportError[];
let unbind: () => void;

beforeEach(async () => {
  harness = new Harness(2);
  harness.server.begin("hello");
  harness.server.roles.set("ada", "host");
  const opening = harness.client("ada").openNotes("m1");
  await harness.clock.run(50);
  session = await opening;
  textarea = new FakeTextarea();
  refused = [];
  unbind = bindTextarea(session, textarea as unknown as HTMLTextAreaElement, (error) => refused.push(error));
});

function byBob(position: number, content: string): void {
  harness.server.append({ authorId: "bob", clientId: "b", clientSeq: harness.server.version, ops: [{ type: "insert", position, content }] });
}

test("typing goes to the server, others' words come in place, the selection stays on its words", async () => {
  textarea.type("hello 👋 world");
  textarea.setSelectionRange(9, 14); // world
  await harness.clock.run(500);
  expect(harness.server.content).toBe("hello 👋 world");
  byBob(5, ", 漢😀");
  await harness.clock.run(500);
  expect(textarea.value).toBe("hello, 漢😀 👋 world");
  expect(textarea.value.slice(textarea.selectionStart, textarea.selectionEnd)).toBe("world");
  expect(selectionOf(textarea as unknown as HTMLTextAreaElement)).toEqual({ anchor: 12, head: 17 });
});

test("undo and redo take back one's own words only", async () => {
  textarea.type("hello you");
  await harness.clock.run(1_000);
  byBob(0, "Oh, ");
  await harness.clock.run(500);
  textarea.press("z");
  expect(textarea.value).toBe("Oh, hello");
  textarea.press("Z", true);
  expect(textarea.value).toBe("Oh, hello you");
  await harness.clock.run(1_000);
  expect(harness.server.content).toBe("Oh, hello you");
});

test("what the notes can't hold is not shown", async () => {
  textarea.type("x".repeat(300_000));
  expect(textarea.value).toBe("hello");
  expect(refused.map(({ code }) => code)).toEqual(["PAYLOAD_TOO_LARGE"]);
  textarea.type("hello\ud83d!");
  expect(textarea.value).toBe("hello\ud83d!"); // on the screen; what is sent has the sign for a lost character
  expect(session.text).toBe("hello\ufffd!");
});

test("who may not write can't, and the binding ends without a trace", async () => {
  harness.server.setRole("ada", "observer");
  await harness.clock.run(50);
  expect(textarea.readOnly).toBe(true);
  unbind();
  expect(textarea.listening).toBe(0);
  byBob(0, "b");
  await harness.clock.run(50);
  expect(textarea.value).toBe("hello");
});

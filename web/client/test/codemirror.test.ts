// @vitest-environment happy-dom
import type { EditorView } from "@codemirror/view";
import { beforeEach, expect, test } from "vitest";
import { openEditor } from "../examples/codemirror.mjs";
import { Harness } from "./harness.ts";

/** The example's editors, of two people, on one server. */
interface Editor {
  readonly view: EditorView;
  close(): void;
}

let harness: Harness;
const told: string[] = [];

async function open(userId: string): Promise<Editor> {
  const opening = openEditor(harness.client(userId), "m1", { tell: (what) => told.push(what) });
  await harness.clock.run(200);
  return await opening;
}

beforeEach(() => {
  harness = new Harness(3);
  harness.server.begin("hello");
  harness.server.roles.set("ada", "host");
  harness.server.roles.set("bob", "participant");
  told.length = 0;
});

test("two editors show one text, with their carets on their words", async () => {
  const [ada, bob] = [await open("ada"), await open("bob")];
  ada.view.dispatch({ changes: { from: 5, insert: " 👋 world" }, selection: { anchor: 14 } });
  bob.view.dispatch({ changes: { from: 0, insert: "Oh, " } });
  await harness.clock.run(1_000);
  expect(harness.server.content).toBe("Oh, hello 👋 world");
  for (const { view } of [ada, bob]) expect(view.state.doc.toString()).toBe(harness.server.content);
  expect(ada.view.state.selection.main.head).toBe(harness.server.content.length);
});

test("what the notes can't hold is not shown, and is told", async () => {
  const { view } = await open("ada");
  view.dispatch({ changes: { from: 0, insert: "x".repeat(300_000) } });
  expect(view.state.doc.toString()).toBe("hello");
  expect(told).toEqual([expect.stringMatching(/^PAYLOAD_TOO_LARGE: .*take out/u)]);
});

test("who may not write can't, and sees what others write", async () => {
  const { view, close } = await open("bob");
  expect(view.state.readOnly).toBe(false);
  harness.server.setRole("bob", "observer");
  await harness.clock.run(200);
  expect(view.state.readOnly).toBe(true);
  harness.server.append({ authorId: "ada", clientId: "a", clientSeq: 1, ops: [{ type: "insert", position: 5, content: "!" }] });
  await harness.clock.run(200);
  expect(view.state.doc.toString()).toBe("hello!");
  close();
});

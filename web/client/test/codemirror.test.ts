// @vitest-environment happy-dom
import type { EditorView } from "@codemirror/view";
import { beforeEach, expect, test } from "vitest";
import { openEditor } from "../examples/codemirror.mjs";
import { World } from "./world.ts";

/** The example's editors, of two people, on one server. */
interface Editor {
  readonly view: EditorView;
  close(): void;
}

let world: World;
const told: string[] = [];

async function open(userId: string): Promise<Editor> {
  const opening = openEditor(world.client(userId), "m1", { tell: (what) => told.push(what) });
  await world.clock.run(200);
  return await opening;
}

beforeEach(() => {
  world = new World(3);
  world.server.begin("hello");
  world.server.roles.set("ada", "host");
  world.server.roles.set("bob", "participant");
  told.length = 0;
});

test("two editors show one text, with their carets on their words", async () => {
  const [ada, bob] = [await open("ada"), await open("bob")];
  ada.view.dispatch({ changes: { from: 5, insert: " 👋 world" }, selection: { anchor: 14 } });
  bob.view.dispatch({ changes: { from: 0, insert: "Oh, " } });
  await world.clock.run(1_000);
  expect(world.server.content).toBe("Oh, hello 👋 world");
  for (const { view } of [ada, bob]) expect(view.state.doc.toString()).toBe(world.server.content);
  expect(ada.view.state.selection.main.head).toBe(world.server.content.length);
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
  world.server.setRole("bob", "observer");
  await world.clock.run(200);
  expect(view.state.readOnly).toBe(true);
  world.server.append({ authorId: "ada", clientId: "a", clientSeq: 1, ops: [{ type: "insert", position: 5, content: "!" }] });
  await world.clock.run(200);
  expect(view.state.doc.toString()).toBe("hello!");
  close();
});

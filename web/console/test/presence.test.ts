import { EditorState } from "@codemirror/state";
import { EditorView } from "@codemirror/view";
import type { Caret, PresenceStatus, Present } from "@rapport/client";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { fromSession } from "../src/room/binding/annotations.ts";
import { Activity } from "../src/room/presence/activity.ts";
import { offsetsOf, presence } from "../src/room/presence/link.ts";
import { type Peer, peers } from "../src/room/presence/layer.ts";
import { presenceNews, presentPeople } from "../src/room/presence/people.ts";

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

class FakeCarets {
  list: Caret[] = [];
  readonly told: unknown[] = [];
  callback = (): void => {};

  onChange(callback: (carets: readonly Caret[]) => void): () => void {
    this.callback = () => callback(this.list);
    return () => (this.callback = () => {});
  }
  tell(status: PresenceStatus, selection?: { anchor: number; head: number }): void {
    this.told.push([status, selection]);
  }
}

class FakeActivity {
  status: PresenceStatus = "active";
  callback = (): void => {};
  typed(): void {
    this.status = "typing";
    this.callback();
  }
  onStatus(callback: () => void): () => void {
    this.callback = callback;
    return () => (this.callback = () => {});
  }
}

const grace: Caret = { clientKey: "k1", userId: "u-grace", displayName: "Grace Hopper", status: "active", anchor: 1, head: 3 };

describe("others' carets in the editor", () => {
  function open(doc: string) {
    const carets = new FakeCarets();
    const activity = new FakeActivity();
    const view = new EditorView({ state: EditorState.create({ doc, extensions: presence({ userId: "u-me", carets, activity, colourOf: () => 5 }) }) });
    return { carets, activity, view, shown: (): readonly Peer[] => view.state.field(peers) };
  }

  it("stand on characters, not on halves of them", () => {
    const { carets, shown } = open("a🙂b𝄞c");
    carets.list = [grace];
    carets.callback();
    vi.runOnlyPendingTimers();
    expect(shown()).toMatchObject([{ key: "k1", name: "Grace Hopper", colour: 5, anchor: 1, head: 4 }]);
  });

  it("are pushed along by edits until they are placed anew, and go when their person goes", () => {
    const { carets, view, shown } = open("abc");
    carets.list = [grace];
    carets.callback();
    vi.runOnlyPendingTimers();
    view.dispatch({ changes: { from: 0, insert: "xx" } });
    expect(shown()).toMatchObject([{ anchor: 3, head: 5 }]);
    carets.list = [];
    carets.callback();
    vi.runOnlyPendingTimers();
    expect(shown()).toEqual([]);
  });

  it("show the whole name for a while when their person moved them, and only initials when edits did", () => {
    const { carets, view, shown } = open("abc");
    carets.list = [grace];
    carets.callback();
    vi.advanceTimersByTime(20);
    expect(shown()[0]?.named).toBe(true);
    vi.advanceTimersByTime(5_000);
    expect(shown()[0]?.named).toBe(false);
    view.dispatch({ changes: { from: 0, insert: "x" }, annotations: fromSession.of(true) });
    carets.list = [{ ...grace, anchor: 2, head: 4 }];
    carets.callback();
    vi.advanceTimersByTime(20);
    expect(shown()[0]).toMatchObject({ head: 4, named: false });
    carets.list = [{ ...grace, anchor: 0, head: 0 }];
    carets.callback();
    vi.advanceTimersByTime(20);
    expect(shown()[0]).toMatchObject({ head: 0, named: true });
  });

  it("are of the window that somebody is at, not of one that they left", () => {
    const { carets, shown } = open("abc");
    const left = { ...grace, clientKey: "k0", status: "idle" } as const;
    const keysWith = (list: Caret[]): readonly string[] => {
      carets.list = list;
      carets.callback();
      vi.advanceTimersByTime(20);
      return shown().map(({ key }) => key);
    };
    expect(keysWith([left, grace])).toEqual(["k1"]);
    expect(keysWith([left, { ...grace, userId: "u-ada" }])).toEqual(["k0", "k1"]);
    expect(keysWith([left])).toEqual(["k0"]);
    expect(keysWith([{ ...left, userId: "u-me" }])).toEqual([]);
  });

  it("own ones are told in code points, and not before the notes were touched", () => {
    const { carets, view } = open("🙂🙂");
    vi.spyOn(view, "hasFocus", "get").mockReturnValue(false);
    view.dispatch({ selection: { anchor: 4 } });
    expect(carets.told.at(-1)).toEqual(["active", undefined]);
    vi.spyOn(view, "hasFocus", "get").mockReturnValue(true);
    view.dispatch({ selection: { anchor: 2, head: 4 } });
    expect(carets.told.at(-1)).toEqual(["active", { anchor: 1, head: 2 }]);
  });

  it("only what is written here is typing", () => {
    const { carets, activity, view } = open("abc");
    view.dispatch({ changes: { from: 0, insert: "x" }, annotations: fromSession.of(true) });
    expect(activity.status).toBe("active");
    view.dispatch({ changes: { from: 0, insert: "x" } });
    expect(activity.status).toBe("typing");
    view.destroy();
    expect(carets.told.at(-1)).toEqual(["typing", undefined]);
  });
});

describe("offsetsOf", () => {
  it("takes places in any order, and the end for what lies beyond", () => {
    expect(offsetsOf("a🙂b", [3, 0, 2, 9, 1])).toEqual([4, 0, 3, 4, 1]);
    expect(offsetsOf("", [0, 5])).toEqual([0, 0]);
  });
});

describe("activity", () => {
  it("goes from typing to active to idle by itself, and comes back by a touch", () => {
    const activity = new Activity();
    const seen: PresenceStatus[] = [];
    activity.onStatus(() => seen.push(activity.status));
    activity.typed();
    vi.advanceTimersByTime(2_000);
    activity.typed();
    vi.advanceTimersByTime(2_000);
    expect(activity.status).toBe("typing");
    vi.advanceTimersByTime(1_000);
    vi.advanceTimersByTime(120_000);
    document.dispatchEvent(new Event("pointermove"));
    activity.close();
    vi.advanceTimersByTime(500_000);
    expect(seen).toEqual(["typing", "active", "idle", "active"]);
  });
});

describe("who is here", () => {
  const window = (userId: string, status: PresenceStatus, clientKey = `${userId}-${status}`): Present => ({ userId, clientKey, displayName: userId.toUpperCase(), status });

  it("is each person once, as lively as their liveliest window", () => {
    expect(presentPeople([window("b", "idle"), window("a", "active"), window("b", "typing"), window("b", "active")])).toEqual([
      { userId: "a", name: "A", status: "active" },
      { userId: "b", name: "B", status: "typing" },
    ]);
  });

  it("is told as they come and go", () => {
    const people = presentPeople(["a", "b", "c", "d", "e"].map((id) => window(id, "active")));
    expect(presenceNews(people.slice(0, 1), people.slice(0, 3))).toBe("B and C joined.");
    expect(presenceNews(people.slice(0, 2), people.slice(1, 3))).toBe("C joined. A left.");
    expect(presenceNews([], people)).toBe("A, B and 3 others joined.");
    expect(presenceNews(people, people)).toBe("");
  });
});

import { type Meeting, type NotesDraft, type Role, RapportError, type SocketProblem } from "@rapport/client";
import { describe, expect, it } from "vitest";
import { meetingWhen } from "../src/pages/when.ts";
import { describe as say, fieldProblem, formProblem } from "../src/problem.ts";
import { marked } from "../src/room/drafts/marked.ts";
import { givenBy, mayManage, mayRun, mayWrite } from "../src/room/permissions.ts";
import { connectionStatus, notesStatus, slowerBecause, storageWarning } from "../src/room/status.ts";
import { reasonFor } from "../src/room/useMeeting.ts";
import { leftoverOf } from "../src/SignOutDialog.tsx";
import { hrefOf, parseRoute } from "../src/route.ts";
import { spanText, whenText } from "../src/time.ts";
import { assignColours, colourOf } from "../src/ui/colours.ts";
import { initials } from "../src/ui/initials.ts";

const meeting = (fields: Partial<Meeting>): Meeting => ({
  meetingId: "m1", title: "T", state: "scheduled", hostId: "u1", participantCount: 1, revision: 1, description: "",
  createdAt: "2026-11-01T10:00:00Z", updatedAt: "2026-11-01T10:00:00Z", ...fields,
});

describe("routes", () => {
  it.each([
    ["", { page: "meetings" }],
    ["#/", { page: "meetings" }],
    ["#/nonsense/x", { page: "meetings" }],
    ["#/meetings/", { page: "meetings" }],
    ["#/meetings/%E0%A4%A", { page: "meetings" }],
    ["#/ops", { page: "ops" }],
    ["#/meetings/m%2F1", { page: "meeting", meetingId: "m/1" }],
  ])("%s", (hash, want) => expect(parseRoute(hash)).toEqual(want));

  it("reads what it writes", () => {
    const route = { page: "meeting", meetingId: "a b/ü#?" } as const;
    for (const each of [route, { page: "ops" }, { page: "meetings" }] as const) expect(parseRoute(hrefOf(each))).toEqual(each);
  });
});

describe("what a role may do", () => {
  const roles: readonly Role[] = ["host", "co-host", "participant", "observer"];

  it("is the contract's", () => {
    const table = roles.map((role) => [role, mayRun(role), mayWrite(role, meeting({ state: "active" })), givenBy(role), roles.filter((other) => mayManage(role, other))]);
    expect(table).toEqual([
      ["host", true, true, ["co-host", "participant", "observer"], ["co-host", "participant", "observer"]],
      ["co-host", true, true, ["participant", "observer"], ["participant", "observer"]],
      ["participant", false, true, [], []],
      ["observer", false, false, [], []],
    ]);
  });

  it("writes only while the meeting is scheduled or active", () => {
    const states = (["scheduled", "active", "concluded", "cancelled"] as const).filter((state) => mayWrite("host", meeting({ state })));
    expect(states).toEqual(["scheduled", "active"]);
  });
});

describe("states in words", () => {
  const rest = { drafts: 0, storage: "kept" } as const;
  it.each([
    [undefined, "Opening…", "busy"],
    [{ kind: "saved", ...rest }, "Saved", "good"],
    [{ kind: "saving", changes: 3, ...rest }, "Saving…", "busy"],
    [{ kind: "reloading", changes: 3, ...rest }, "Catching up…", "busy"],
    [{ kind: "offline", changes: 0, ...rest }, "Offline", "warn"],
    [{ kind: "offline", changes: 1, ...rest }, "Offline, 1 change waiting", "warn"],
    [{ kind: "offline", changes: 12, ...rest }, "Offline, 12 changes waiting", "warn"],
    [{ kind: "draft", ...rest, drafts: 2 }, "2 drafts to review", "warn"],
    [{ kind: "readonly", why: "role", ...rest }, "Read-only", "quiet"],
  ] as const)("notes %j", (status, words, tone) => expect(notesStatus(status)).toEqual({ words, tone }));

  it("say when edits would not outlive the tab, and only then", () => {
    expect(storageWarning({ kind: "offline", changes: 2, drafts: 0, storage: "tab" })).toMatch(/only while this tab is open/);
    expect(storageWarning({ kind: "offline", changes: 2, drafts: 0, storage: "kept" })).toBeUndefined();
    expect(storageWarning({ kind: "offline", changes: 0, drafts: 0, storage: "tab" })).toBeUndefined();
    expect(storageWarning({ kind: "saved", drafts: 0, storage: "tab" })).toBeUndefined();
    expect(storageWarning({ kind: "draft", drafts: 1, storage: "tab" })).toMatch(/draft is kept only while this tab is open/);
  });

  it("never says that it is connected when it is not", () => {
    const without = { byHttp: false, problem: undefined };
    const states = [
      { kind: "idle" }, { kind: "connecting", attempt: 0, ...without }, { kind: "connecting", attempt: 2, ...without },
      { kind: "waiting", until: 5_000, attempt: 1, ...without }, { kind: "closed", reason: "caller" }, { kind: "closed", reason: "session_ended" },
    ] as const;
    for (const state of states) expect(connectionStatus(state, undefined).tone, state.kind).not.toBe("good");
    expect(connectionStatus({ kind: "waiting", until: 5_000, attempt: 1, ...without }, 4_400).words).toBe("Reconnecting in 5 s");
    expect(connectionStatus({ kind: "open", since: 0 }, undefined)).toEqual({ tone: "good", words: "Connected" });
  });

  it("say that it is slower and why, the same while one try follows the other", () => {
    const error = (code: "NETWORK" | "RATE_LIMITED" | "INTERNAL") => new RapportError({ code, detail: "ten of your windows are open" });
    const slower = (problem: SocketProblem) => {
      const waiting = { kind: "waiting", until: 5_000, attempt: 3, byHttp: true, problem } as const;
      const connecting = { kind: "connecting", attempt: 3, byHttp: true, problem } as const;
      expect(connectionStatus(connecting, undefined)).toEqual(connectionStatus(waiting, 4_000));
      expect(connectionStatus(waiting, 4_000).tone).toBe("warn");
      expect(slowerBecause(connecting)).toBe(slowerBecause(waiting));
      return slowerBecause(waiting);
    };
    expect(slower({ kind: "blocked", error: error("NETWORK") })).toMatch(/^This network .*a few seconds later\.$/);
    expect(slower({ kind: "refused", error: error("RATE_LIMITED") })).toMatch(/^Ten of your windows are open\. .*a few seconds later\.$/);
    expect(slower({ kind: "refused", error: error("INTERNAL") })).toMatch(/^The server /);
    const offline = { kind: "waiting", until: 0, attempt: 1, byHttp: false, problem: { kind: "offline", error: error("NETWORK") } } as const;
    expect(slowerBecause(offline)).toBeUndefined();
    expect(slowerBecause({ kind: "open", since: 0 })).toBeUndefined();
  });
});

describe("problems in words", () => {
  const invalid = new RapportError({
    code: "VALIDATION_ERROR", detail: "the request is not valid", status: 400,
    errors: [{ location: "body.title", detail: "is too long" }, { location: "body.participants[0].userId", detail: "nobody has this id" }],
  });

  it("stand at their field, nested ones at the outer field", () => {
    expect(fieldProblem(invalid, "body.title")).toBe("Is too long.");
    expect(fieldProblem(invalid, "body.participants")).toBe("Nobody has this id.");
    expect(fieldProblem(invalid, "body.titleless")).toBeUndefined();
    expect(fieldProblem(undefined, "body.title")).toBeUndefined();
  });

  it("stand above the form only when a field does not show them all", () => {
    expect(formProblem(invalid, ["body.title", "body.participants"])).toBeUndefined();
    expect(formProblem(invalid, ["body.title"])).toBe("The request is not valid.");
    expect(formProblem(undefined, [])).toBeUndefined();
  });

  it("hide what is of no use to people", () => {
    expect(say(new RapportError({ code: "NETWORK", detail: "ECONNREFUSED" }))).toMatch(/can't be reached/);
    expect(say(new RapportError({ code: "INTERNAL", detail: "x", requestId: "r-1" }))).toBe("The server failed (request r-1).");
    expect(say(new Error("x is undefined"))).toMatch(/Reload/);
  });
});

describe("times", () => {
  const now = new Date(2026, 2, 3, 12, 0);

  it("are near or far", () => {
    expect(whenText(new Date(2026, 2, 3, 23, 59), now)).toMatch(/^today, /i);
    expect(whenText(new Date(2026, 2, 4, 0, 1), now)).toMatch(/^tomorrow, /i);
    expect(whenText(new Date(2026, 2, 2, 0, 1), now)).toMatch(/^yesterday, /i);
    expect(whenText(new Date(2026, 5, 9, 9, 0), now)).not.toMatch(/2026/);
    expect(whenText(new Date(2027, 5, 9, 9, 0), now)).toMatch(/2027/);
  });

  it("are spans", () => {
    expect([10_000, 60_000, 59 * 60_000, 60 * 60_000, 65 * 60_000].map(spanText)).toEqual(["less than a minute", "1 min", "59 min", "1 h", "1 h 5 min"]);
  });

  it("say when a meeting is", () => {
    expect(meetingWhen(meeting({}), now)).toBe("No time set");
    expect(meetingWhen(meeting({ durationMinutes: 30 }), now)).toBe("No time set, 30 min");
    expect(meetingWhen(meeting({ state: "active", startedAt: new Date(2026, 2, 3, 11, 30).toISOString() }), now)).toBe("Running for 30 min");
    expect(meetingWhen(meeting({ state: "concluded", endedAt: new Date(2026, 2, 3, 11, 30).toISOString() }), now)).toMatch(/^Ended today, /);
  });
});

describe("people", () => {
  it("have initials", () => {
    expect(["ada", "Ada Lovelace", "Ada King Lovelace", "", "  ", "🙂 x", "jean-luc"].map(initials)).toEqual(["A", "AL", "AL", "?", "?", "🙂X", "JL"]);
  });

  it("keep their colour", () => {
    expect(colourOf("u-ada")).toBe(colourOf("u-ada"));
    expect(new Set(Array.from({ length: 100 }, (_, i) => colourOf(`u-${i}`))).size).toBe(8);
  });
});

describe("colours in a room", () => {
  const ids = Array.from({ length: 20 }, (_, i) => `user-${i}`);

  it("differ for the first eight, and are shared evenly after that", () => {
    for (let n = 1; n <= ids.length; n++) {
      const counts = new Map<number, number>();
      for (const colour of assignColours(ids.slice(0, n)).values()) counts.set(colour, (counts.get(colour) ?? 0) + 1);
      expect(Math.max(...counts.values())).toBe(Math.ceil(n / 8));
    }
  });

  it("stay when somebody comes", () => {
    const before = assignColours(ids.slice(0, 5));
    const after = assignColours(ids.slice(0, 9));
    for (const [id, colour] of before) expect(after.get(id)).toBe(colour);
  });
});

it("shows what a draft would do", () => {
  expect(marked("a🙂bc", [{ type: "insert", position: 1, content: "new" }, { type: "delete", position: 1, length: 2 }])).toEqual([
    { kind: "same", text: "a" }, { kind: "added", text: "new" }, { kind: "removed", text: "🙂b" }, { kind: "same", text: "c" },
  ]);
  expect(marked("", [])).toEqual([]);
});

describe("what signing out would leave behind", () => {
  const session = (pending: boolean, storage: "kept" | "tab" = "kept", drafts: readonly NotesDraft[] = []) =>
    ({ pending, drafts, status: { kind: "saved", drafts: drafts.length, storage } }) as const;
  const draft: NotesDraft = { id: "d", meetingId: "m1", reason: "forbidden", baseVersion: 0, baseText: "", change: [], text: "", createdAt: 0 };

  it.each([
    ["no sessions", [], "none"],
    ["all is saved", [session(false), session(false, "tab")], "none"],
    ["something waits", [session(false), session(true)], "kept"],
    ["a draft waits", [session(false, "kept", [draft])], "kept"],
    ["something waits that only the tab has", [session(true, "tab"), session(true)], "tab"],
  ] as const)("%s", (_, sessions, want) => expect(leftoverOf(sessions)).toBe(want));
});

describe("why a meeting ended for somebody", () => {
  const view = { meeting: meeting({ state: "active" }), participants: [] };
  const forbidden = new RapportError({ code: "FORBIDDEN", detail: "not a participant", status: 403 });

  it("is their removal where they were in it, also when the connection was down", () => {
    expect(reasonFor(view, "refused", forbidden)).toBe("removed");
    expect(reasonFor(undefined, "refused", forbidden)).toBe("refused");
    expect(reasonFor(view, "refused", new RapportError({ code: "NOT_FOUND", detail: "gone", status: 404 }))).toBe("refused");
    expect(reasonFor(view, "meeting_ended", undefined)).toBe("meeting_ended");
  });
});

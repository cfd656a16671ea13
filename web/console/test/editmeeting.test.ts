import { type Meeting, RapportError } from "@rapport/client";
import { describe, expect, it } from "vitest";
import { type Details, fieldOfTime, saveDetails, timeOfField } from "../src/room/details.ts";

const meeting: Meeting = {
  meetingId: "m1", title: "Plan", description: "Why", scheduledAt: "2026-12-01T10:00:00Z", durationMinutes: 30,
  state: "scheduled", hostId: "u1", participantCount: 1, revision: 3, createdAt: "2026-11-01T10:00:00Z", updatedAt: "2026-11-01T10:00:00Z",
};
const seen: Details = { title: "Plan", description: "Why", scheduledAt: "2026-12-01T10:00:00Z", durationMinutes: 30 };
const next: Details = { title: "New plan", description: "", scheduledAt: undefined, durationMinutes: 45 };
/** As `next` is sent. */
const sent = { title: "New plan", description: "", scheduledAt: null, durationMinutes: 45 };

/** The meeting at no time, and of no length. */
function withoutTime({ scheduledAt: _, durationMinutes: __, ...rest }: Meeting): Meeting {
  return rest;
}

/** A server that has `now`, and takes only its revision. */
function server(now: Meeting) {
  const saved: unknown[] = [];
  return {
    saved,
    get: async () => ({ ...now, role: "host" as const }),
    update: async (_id: string, input: { readonly revision: number }) => {
      if (input.revision !== now.revision) throw new RapportError({ code: "CONFLICT", detail: "changed meanwhile", status: 409 });
      saved.push(input);
      return now;
    },
  };
}

describe("what a meeting says of itself", () => {
  it("is saved with the revision that was read", async () => {
    const api = server(meeting);
    expect(await saveDetails(api, meeting, seen, next)).toBeUndefined();
    expect(api.saved).toEqual([{ revision: 3, ...sent }]);
  });

  it("is saved with the epoch of that revision, where it is known", async () => {
    const api = server(meeting);
    expect(await saveDetails(api, { ...meeting, epoch: "2" }, seen, next)).toBeUndefined();
    expect(api.saved).toEqual([{ revision: 3, epoch: "2", ...sent }]);
  });

  it("is taken away where it is left empty", async () => {
    const api = server(meeting);
    await saveDetails(api, meeting, seen, { ...seen, scheduledAt: undefined, durationMinutes: undefined });
    expect(api.saved).toEqual([{ revision: 3, title: "Plan", description: "Why", scheduledAt: null, durationMinutes: null }]);
  });

  it("is saved although something else of the meeting has changed", async () => {
    const api = server({ ...meeting, scheduledAt: "2026-12-01T10:00:00.000Z", revision: 9, participantCount: 5 });
    expect(await saveDetails(api, meeting, seen, next)).toBeUndefined();
    expect(api.saved).toEqual([{ revision: 9, ...sent }]);
  });

  it("never replaces another's without a word", async () => {
    for (const theirs of [
      { ...meeting, revision: 4, title: "Grace's plan" },
      { ...meeting, revision: 4, scheduledAt: "2026-12-01T11:00:00Z" },
      { ...meeting, revision: 4, durationMinutes: 60 },
      withoutTime({ ...meeting, revision: 4 }),
    ]) {
      const api = server(theirs);
      expect(await saveDetails(api, meeting, seen, next)).toEqual({ ...theirs, role: "host" });
      expect(api.saved).toEqual([]);
    }
  });

  it("replaces another's once that has been seen, also where the page has not heard of it yet", async () => {
    const theirs = { ...meeting, revision: 4, title: "Grace's plan" };
    for (const known of [meeting, theirs]) {
      const api = server(theirs);
      expect(await saveDetails(api, known, { ...seen, title: "Grace's plan" }, next)).toBeUndefined();
      expect(api.saved).toEqual([{ revision: 4, ...sent }]);
    }
  });

  it("is refused when the meeting is over", async () => {
    const api = server({ ...meeting, revision: 7 });
    api.update = () => Promise.reject(new RapportError({ code: "CONFLICT", detail: "the meeting has ended", status: 409 }));
    await expect(saveDetails(api, meeting, seen, next)).rejects.toMatchObject({ code: "CONFLICT" });
  });
});

describe("a field for times", () => {
  it("shows a time in the reader's zone and reads it back", () => {
    for (const at of ["2026-12-01T10:00:00.000Z", "2026-03-29T00:30:00.000Z", "2026-07-01T23:59:00.000Z", "0999-01-02T03:04:00.000Z"]) {
      const text = fieldOfTime(at);
      expect(text).toMatch(/^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}$/);
      expect(new Date(text).getTime()).toBe(Date.parse(at));
      expect(timeOfField(text, undefined)).toBe(at);
    }
  });

  it("leaves a time alone that nobody has touched, with its seconds", () => {
    const at = "2026-12-01T10:00:42Z";
    expect(timeOfField(fieldOfTime(at), at)).toBe(at);
  });

  it("is empty for none, and none where it was emptied", () => {
    expect(fieldOfTime(undefined)).toBe("");
    expect(timeOfField("", "2026-12-01T10:00:00Z")).toBeUndefined();
    expect(timeOfField("", undefined)).toBeUndefined();
  });
});

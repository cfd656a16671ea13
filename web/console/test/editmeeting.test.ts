import { type Meeting, RapportError } from "@rapport/client";
import { describe, expect, it } from "vitest";
import { saveWords } from "../src/room/EditMeeting.tsx";

const meeting: Meeting = { meetingId: "m1", title: "Plan", description: "Why", state: "active", hostId: "u1", participantCount: 1, revision: 3 };
const seen = { title: "Plan", description: "Why" };
const next = { title: "New plan", description: "" };

/** A server that has `now`, and takes only its revision. */
function server(now: Meeting) {
  const saved: unknown[] = [];
  return {
    saved,
    get: async () => now,
    update: async (_id: string, input: { readonly revision: number }) => {
      if (input.revision !== now.revision) throw new RapportError({ code: "CONFLICT", detail: "changed meanwhile", status: 409 });
      saved.push(input);
      return now;
    },
  };
}

describe("the words of a meeting", () => {
  it("are saved with the revision that was read", async () => {
    const api = server(meeting);
    expect(await saveWords(api, meeting, seen, next)).toBeUndefined();
    expect(api.saved).toEqual([{ revision: 3, ...next }]);
  });

  it("are saved although something else of the meeting has changed", async () => {
    const api = server({ ...meeting, revision: 9, participantCount: 5 });
    expect(await saveWords(api, meeting, seen, next)).toBeUndefined();
    expect(api.saved).toEqual([{ revision: 9, ...next }]);
  });

  it("never replace another's without a word", async () => {
    const theirs = { ...meeting, revision: 4, title: "Grace's plan" };
    const api = server(theirs);
    expect(await saveWords(api, meeting, seen, next)).toEqual(theirs);
    expect(api.saved).toEqual([]);
  });

  it("replace another's once those have been seen, also where the page has not heard of them yet", async () => {
    const theirs = { ...meeting, revision: 4, title: "Grace's plan" };
    for (const known of [meeting, theirs]) {
      const api = server(theirs);
      expect(await saveWords(api, known, { title: "Grace's plan", description: "Why" }, next)).toBeUndefined();
      expect(api.saved).toEqual([{ revision: 4, ...next }]);
    }
  });

  it("are refused when the meeting is over", async () => {
    const api = server({ ...meeting, revision: 7 });
    api.update = () => Promise.reject(new RapportError({ code: "CONFLICT", detail: "the meeting has ended", status: 409 }));
    await expect(saveWords(api, meeting, seen, next)).rejects.toMatchObject({ code: "CONFLICT" });
  });
});

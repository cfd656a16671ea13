import { type Meeting, RapportError } from "@rapport/client";
import { render } from "preact";
import { act } from "preact/test-utils";
import { afterEach, describe, expect, it, vi } from "vitest";
import { EditMeeting } from "../src/room/EditMeeting.tsx";
import { type Session, SessionContext } from "../src/session.ts";

const meeting: Meeting = {
  meetingId: "m1", title: "Plan", description: "Why", scheduledAt: "2026-12-01T10:00:00Z", durationMinutes: 30,
  state: "scheduled", hostId: "u1", participantCount: 1, revision: 3, createdAt: "2026-11-01T10:00:00Z", updatedAt: "2026-11-01T10:00:00Z",
};

const page = document.createElement("div");
document.body.append(page);
afterEach(() => render(null, page));

/** Opens the form over a server that answers an update with what `update` does. */
async function open(update: (input: unknown) => Promise<Meeting>) {
  const onClose = vi.fn();
  const session = { rapport: { meetings: { get: async () => meeting, update: async (_id: string, input: unknown) => update(input) } } } as unknown as Session;
  await act(() =>
    render(
      <SessionContext.Provider value={session}>
        <EditMeeting meeting={meeting} onClose={onClose} />
      </SessionContext.Provider>,
      page,
    ),
  );
  return onClose;
}

function field(name: string): HTMLInputElement {
  const found = document.querySelector<HTMLInputElement>(`[name="${name}"]`);
  if (!found) throw new Error(`no field ${name}`);
  return found;
}

async function fill(name: string, value: string): Promise<void> {
  await act(() => {
    const input = field(name);
    input.value = value;
    input.dispatchEvent(new Event("input", { bubbles: true }));
  });
}

async function save(): Promise<void> {
  await act(async () => {
    document.querySelector("form")?.dispatchEvent(new Event("submit", { bubbles: true, cancelable: true }));
    await new Promise((resolve) => setTimeout(resolve, 0));
  });
}

describe("the form of a meeting", () => {
  it("changes its length and takes its time away", async () => {
    const sent: unknown[] = [];
    const onClose = await open(async (input) => {
      sent.push(input);
      return meeting;
    });
    expect(Date.parse(field("scheduledAt").value)).toBe(Date.parse("2026-12-01T10:00:00Z"));
    expect(field("durationMinutes").value).toBe("30");
    await fill("scheduledAt", "");
    await fill("durationMinutes", "45");
    await save();
    expect(sent).toEqual([{ revision: 3, title: "Plan", description: "Why", scheduledAt: null, durationMinutes: 45 }]);
    expect(onClose).toHaveBeenCalledOnce();
  });

  it("says at a field what is wrong with it", async () => {
    const onClose = await open(() =>
      Promise.reject(
        new RapportError({ code: "VALIDATION_ERROR", status: 400, detail: "The request is not valid.", errors: [{ location: "body.durationMinutes", detail: "must be at most 1440" }] }),
      ),
    );
    await fill("durationMinutes", "9999");
    await save();
    expect(onClose).not.toHaveBeenCalled();
    expect(field("durationMinutes").getAttribute("aria-invalid")).toBe("true");
    expect(document.body.textContent).toContain("Must be at most 1440.");
    expect(document.body.textContent).not.toContain("The request is not valid.");
  });
});

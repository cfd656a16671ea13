/** Meetings for tests that are not about making them. */
import assert from "node:assert/strict";

/**
 * A meeting that runs, which every guest is in.
 * @param {import("./person.mjs").Person} host
 * @param {string} title
 * @param {readonly import("./person.mjs").Person[]} guests
 */
export async function startMeeting(host, title, guests) {
  const participants = await Promise.all(guests.map(async (guest) => ({ userId: (await guest.identity()).userId, role: "participant" })));
  const created = await host.call("POST", "/v1/meetings", { title, participants });
  assert.equal(created.status, 201, JSON.stringify(created.body));
  const { meetingId } = created.body;
  const started = await host.call("POST", `/v1/meetings/${encodeURIComponent(meetingId)}/start`);
  assert.equal(started.status, 200, JSON.stringify(started.body));
  return meetingId;
}

/** @param {string} meetingId */
export function notesPath(meetingId) {
  return `/v1/meetings/${encodeURIComponent(meetingId)}/notes`;
}

/**
 * The notes' text at every version up to `last`, from the history alone.
 * @param {import("./person.mjs").Person} person
 * @param {string} meetingId
 * @param {number} last
 */
export async function textsUpTo(person, meetingId, last) {
  const texts = [""];
  let letters = [];
  for (let from = 0; from < last; from = texts.length - 1) {
    const { status, body } = await person.get(`${notesPath(meetingId)}/changes?from=${from}&limit=${Math.min(200, last - from)}`);
    assert.equal(status, 200, JSON.stringify(body));
    assert.ok(body.items.length > 0, `there are changes after version ${from}`);
    for (const { ops } of body.items) {
      const next = [];
      let at = 0;
      for (const op of ops) {
        next.push(...letters.slice(at, op.position));
        at = op.position;
        if (op.type === "insert") next.push(...op.content);
        else at += op.length;
      }
      letters = next.concat(letters.slice(at));
      texts.push(letters.join(""));
    }
  }
  return texts;
}

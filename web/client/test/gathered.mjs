/** People in Node whose network brings many frames in one packet: who comes sees who is there, each time (RAPPORT_URL says where). */
import assert from "node:assert/strict";
import { Rapport } from "../dist/index.js";
import { Wire } from "../../e2e/wire.mjs";

const baseUrl = process.env.RAPPORT_URL ?? "http://localhost:3000";
const times = 6;
const timeoutMs = 30_000;

async function tokenOf(user) {
  const answer = await fetch(`${baseUrl}/dev/token`, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify({ user }) });
  assert.equal(answer.status, 200);
  return await answer.json();
}

async function client(user, wire) {
  const { accessToken, userId } = await tokenOf(user);
  class Wired extends WebSocket {
    constructor(url) {
      super(wire.through(url));
    }
  }
  return { userId, rapport: new Rapport({ baseUrl, userId, token: async () => accessToken, webSocket: Wired }) };
}

async function until(check) {
  for (const end = performance.now() + timeoutMs; !check(); await new Promise((resolve) => setTimeout(resolve, 20))) {
    assert.ok(performance.now() < end, `in time: ${check}`);
  }
}

const wire = await Wire.open();
wire.gatherMs = 60;
const run = `${process.pid}-${Math.round(performance.timeOrigin)}`;
const ada = await client(`ada-${run}`, wire);
const bot = await client(`bot-${run}`, wire);
const { meetingId } = await ada.rapport.meetings.create({ title: "Gathered", participants: [{ userId: bot.userId, role: "participant" }] });
await ada.rapport.meetings.start(meetingId);
const there = await ada.rapport.openMeeting(meetingId);
there.setPresence({ status: "active" });
await until(() => there.here.length === 1);

for (let i = 0; i < times; i++) {
  const comes = await bot.rapport.openMeeting(meetingId);
  comes.setPresence({ status: "active" });
  await until(() => comes.here.some(({ userId }) => userId === ada.userId) && comes.here.some(({ userId }) => userId === bot.userId));
  await until(() => there.here.some(({ userId }) => userId === bot.userId));
  assert.ok(comes.here.some(({ userId }) => userId === ada.userId), "who was there stays there");
  comes.close();
}
ada.rapport.close();
bot.rapport.close();
await wire.close();
console.log(`gathered: ${times} times seen`);

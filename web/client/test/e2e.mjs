// Runs clients against a server that runs already (`make run`): concurrent edits
// with cut sockets, then compares every text with the server's and with a replay
// of the history. RAPPORT_URL, RAPPORT_SEED, CLIENTS and EDITS change the defaults.
// Needs `npm run build`; Node before 22 needs --experimental-websocket.
import assert from "node:assert/strict";
import { Rapport, apply } from "../dist/index.js";

const url = process.env.RAPPORT_URL ?? "http://localhost:3000";
const clients = Number(process.env.CLIENTS ?? "5");
const edits = Number(process.env.EDITS ?? "120");
const seed = Number(process.env.RAPPORT_SEED ?? String(Date.now() % 1e6));
console.log(`RAPPORT_SEED=${seed} CLIENTS=${clients} EDITS=${edits} against ${url}`);

let state = seed;
function random() {
  state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
  return state / 4294967296;
}
const below = (n) => Math.floor(random() * n);
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

async function devToken(user) {
  const answer = await fetch(`${url}/dev/token`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ user }),
  });
  assert.equal(answer.status, 200, await answer.clone().text());
  return await answer.json();
}

/** A client whose sockets can be cut. */
async function connect(user) {
  let { accessToken } = await devToken(user);
  const sockets = new Set();
  class Cuttable extends WebSocket {
    constructor(address) {
      super(address);
      sockets.add(this);
      this.addEventListener("close", () => sockets.delete(this));
    }
  }
  const rapport = new Rapport({
    baseUrl: url,
    webSocket: Cuttable,
    token: async ({ refresh }) => {
      if (refresh) ({ accessToken } = await devToken(user));
      return accessToken;
    },
  });
  return { rapport, cut: () => sockets.forEach((socket) => socket.close()) };
}

const users = Array.from({ length: clients }, (_, i) => `e2e-${i}`);
const people = await Promise.all(users.map(connect));
const [host] = people;
const ids = await Promise.all(people.map(async ({ rapport }) => (await rapport.me()).userId));
const { meetingId } = await host.rapport.meetings.create({ title: `Client e2e ${seed}` });
for (const userId of ids.slice(1)) await host.rapport.participants.invite(meetingId, { userId, role: "participant" });

const views = [];
const watched = host.rapport.watchMeeting(meetingId, { onView: (view) => views.push(view) });
await host.rapport.meetings.start(meetingId);

const sessions = await Promise.all(people.map(({ rapport }) => rapport.openNotes(meetingId)));
const problems = [];
const latencies = [];
const sentAt = new Map();
sessions.forEach((session, i) => {
  session.on("error", (problem) => problems.push(`${users[i]}: ${problem.error.message}`));
  session.on("remote", (change) => {
    for (const op of change) {
      if (op.type !== "insert") continue;
      for (const [token] of op.content.matchAll(/⟦[^⟧]*⟧/gu)) {
        const at = sentAt.get(token);
        if (at !== undefined) latencies.push(performance.now() - at);
      }
    }
  });
});

const tokens = [];
const started = performance.now();
await Promise.all(sessions.map(async (session, i) => {
  for (let n = 0; n < edits; n++) {
    const token = `⟦${i}.${n}😀⟧`;
    const gaps = [...session.text.matchAll(/⟧/gu)].map((m) => [...session.text.slice(0, m.index)].length + 1);
    session.edit([{ type: "insert", position: gaps[below(gaps.length)] ?? 0, content: token }]);
    tokens.push(token);
    sentAt.set(token, performance.now());
    if (random() < 0.02) people[i].cut();
    await sleep(20 + below(60));
  }
}));
console.log(`typed in ${Math.round(performance.now() - started)} ms`);

const deadline = Date.now() + 60_000;
while (!sessions.every((s) => s.state === "synced" && !s.pending) || new Set(sessions.map((s) => s.version)).size > 1) {
  assert.ok(Date.now() < deadline, `not synced: ${sessions.map((s) => `${s.state} ${s.version} ${s.pending}`).join(", ")}`);
  await sleep(50);
}

const server = await host.rapport.notes.get(meetingId);
const history = [];
for (;;) {
  const page = await host.rapport.notes.changes(meetingId, { from: history.length, limit: 200 });
  history.push(...page.items);
  if (page.nextCursor === null) break;
}
history.forEach(({ version }, i) => assert.equal(version, i + 1));
assert.equal(history.reduce((text, { ops }) => apply(text, ops), ""), server.content);
sessions.forEach((session, i) => {
  assert.equal(session.version, server.version, users[i]);
  assert.equal(session.text, server.content, users[i]);
});
for (const token of tokens) assert.equal(server.content.split(token).length - 1, 1, token);
const identities = history.map((e) => `${e.authorId}/${e.clientId}/${e.clientSeq}`);
assert.equal(new Set(identities).size, identities.length);
assert.deepEqual(problems, []);
assert.equal(views.at(-1)?.meeting.state, "active");

// Rights: an observer is told, and the end of the meeting ends the notes.
await host.rapport.participants.changeRole(meetingId, ids[1], "observer");
await waitFor(() => sessions[1].state === "readonly");
await host.rapport.meetings.end(meetingId);
await waitFor(() => sessions.every((s) => s.state === "readonly"));
await waitFor(() => views.at(-1)?.meeting.state === "concluded");

watched.close();
for (const { rapport } of people) rapport.close();
latencies.sort((a, b) => a - b);
const at = (q) => Math.round(latencies[Math.min(latencies.length - 1, Math.floor(latencies.length * q))] ?? 0);
console.log(`one text of ${server.content.length} units at version ${server.version}; edit to remote: p50 ${at(0.5)} ms, p95 ${at(0.95)} ms (cuts included), ${latencies.length} samples`);

async function waitFor(done) {
  for (let i = 0; !done(); i++) {
    assert.ok(i < 200, `waited 10 s for ${done}`);
    await sleep(50);
  }
}

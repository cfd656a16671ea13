/** People without a screen: clients in Node, in a meeting with the windows that are measured. */
import { Rapport } from "../client/dist/index.js";

export class Fleet {
  #people = [];
  #stopped = false;
  #typing = [];

  /**
   * Signs so many people in.
   * @param {string} baseUrl
   * @param {number} count
   */
  static async gather(baseUrl, count) {
    const fleet = new Fleet();
    fleet.#people = await Promise.all(Array.from({ length: count }, (_, i) => person(baseUrl, `fleet-${i}`)));
    return fleet;
  }

  get userIds() {
    return this.#people.map(({ userId }) => userId);
  }

  /**
   * All enter the meeting, and are seen there.
   * @param {string} meetingId
   */
  async enter(meetingId) {
    for (const one of this.#people) {
      one.notes = await one.rapport.openNotes(meetingId);
      one.meeting = await one.rapport.openMeeting(meetingId);
      one.carets = one.notes.carets(one.meeting);
      one.carets.tell("active", { anchor: 0, head: 0 });
    }
  }

  /**
   * The first `count` type so many characters a second each, until `stop`.
   * @param {number} count
   * @param {number} rate
   */
  type(count, rate) {
    this.#typing = this.#people.slice(0, count).map(async (one, i) => {
      const random = lcg(i + 1);
      while (!this.#stopped) {
        await new Promise((resolve) => setTimeout(resolve, (2_000 / rate) * random()));
        write(one, random, 1);
        one.carets.tell("typing", { anchor: 0, head: 0 });
      }
    });
  }

  /**
   * Makes so many changes as fast as the server takes them, with a text that
   * stays about as long as it is. Calls back with how many are made.
   * @param {number} total
   * @param {(done: number) => void} onProgress
   */
  async replay(total, onProgress) {
    let left = total;
    await Promise.all(this.#people.map(async (one, i) => {
      const random = lcg(i + 100);
      while (left > 0) {
        left--;
        write(one, random, 1 + Math.floor(random() * 6));
        await one.notes.whenSynced();
        if ((total - left) % 500 === 0) onProgress(total - left);
      }
    }));
  }

  async leave() {
    this.#stopped = true;
    await Promise.all(this.#typing);
    for (const { rapport } of this.#people) rapport.close();
  }
}

const longest = 20_000;

/** Writes a few letters on the first line, where those who are measured don't write; takes some away when there are too many. */
function write({ notes }, random, length) {
  const end = notes.text.indexOf("\n");
  const line = end < 0 ? notes.text.length : end;
  const position = Math.floor(random() * (line + 1));
  if (line > longest) notes.edit([{ type: "delete", position: Math.min(position, line - 2 * length), length: 2 * length }]);
  else notes.edit([{ type: "insert", position, content: "abcdefgh ".charAt(Math.floor(random() * 9)).repeat(length) }]);
}

async function person(baseUrl, user) {
  const response = await fetch(`${baseUrl}/dev/token`, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify({ user }) });
  const { accessToken, userId } = await response.json();
  return { userId, rapport: new Rapport({ baseUrl, userId, token: async () => accessToken }) };
}

function lcg(seed) {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 4294967296;
  };
}

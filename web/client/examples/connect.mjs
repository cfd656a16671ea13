// @ts-check
/**
 * The client of one person at a local runner (`make run`), for the examples.
 * RAPPORT_URL is where it is, RAPPORT_USER who to be. A real application gives
 * its own access token in place of `/dev/token`.
 */
import { Rapport } from "@rapport/client";

export const url = process.env.RAPPORT_URL ?? "http://localhost:3000";

/** @param {string} [user] */
export function connect(user = process.env.RAPPORT_USER ?? "ada") {
  /** @type {Promise<string> | undefined} */
  let token;
  return new Rapport({
    baseUrl: url,
    token: ({ refresh }) => {
      if (refresh) token = undefined;
      return (token ??= devToken(user));
    },
  });
}

/** @param {string} user */
async function devToken(user) {
  const answer = await fetch(`${url}/dev/token`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ user }),
  });
  if (!answer.ok) throw new Error(`${url} gives no token: ${answer.status} ${await answer.text()}`);
  return /** @type {{ accessToken: string }} */ (await answer.json()).accessToken;
}

/** The meeting named on the command line, or a new one that has begun. @param {Rapport} rapport */
export async function meetingOf(rapport) {
  const [, , given] = process.argv;
  if (given !== undefined) return given;
  const { meetingId } = await rapport.meetings.create({ title: "An example" });
  await rapport.meetings.start(meetingId);
  console.log(`meeting ${meetingId}`);
  return meetingId;
}

/** Calls back once, when the program is asked to end. @param {() => Promise<void> | void} end */
export function onEnd(end) {
  for (const signal of ["SIGINT", "SIGTERM"]) process.once(signal, () => void end());
}

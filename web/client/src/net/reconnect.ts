/**
 * When a lost connection is tried again. Full jitter throughout: each wait is
 * random from 0 up to a bound that doubles with each failure.
 *
 * A client can't say whether it alone was cut off or everybody was, and close
 * codes say nothing. So a socket that ended from outside is taken for one of
 * many: the first try comes within 15 s, evenly spread. 5,000 clients are then
 * 333 a second; API Gateway admits 500 new connections a second to an account,
 * by its default quota. Whoever has something to send is not kept waiting as
 * long: the first try within 5 s, which stays below that quota as long as no
 * more than a quarter of the clients are writing. (Without a socket for three
 * seconds, edits go by HTTP anyway.)
 *
 * A socket that this side gave up, because nothing came on it any more, was cut
 * off at its own time: the first try comes within 1 s.
 */
import { backoff } from "../runtime/backoff.ts";

/** remote: the socket was closed from outside. local: it was found dead here, or never opened. */
export type LossCause = "local" | "remote";

/** Within this time after a mass cut, everybody's first try. */
export const spreadMs = 15_000;
/** Without a socket for this long, though one was tried, or something waits to be sent, things go by HTTP. */
export const fallbackMs = 3_000;
/** The same for a client that has something to send. */
export const urgentMs = 5_000;
const localMs = 1_000;
const capMs = 30_000;

/** The wait before the next try; `failures` since the loss, 0 before the first try. Milliseconds. */
export function reconnectPause(cause: LossCause, failures: number, random: () => number): number {
  return backoff(failures, cause === "local" ? localMs : spreadMs, capMs, random);
}

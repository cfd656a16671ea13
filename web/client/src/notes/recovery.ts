import type { Api } from "../api/api.ts";
import type { NotesEvent } from "../api/types.ts";
import { RapportError } from "../errors.ts";
import type { Change } from "../ot/change.ts";
import { transform } from "../ot/operations.ts";
import type { InFlight } from "../ot/pending.ts";
import type { FlightOutcome } from "../ot/replica.ts";

const pageLength = 200;

/** Who sent a change: its author and window. */
export interface ClientIdentity {
  readonly userId: string;
  readonly clientId: string;
}

/** What has become of the change in flight, and what was committed since its base where it was not. */
export interface Recovery {
  readonly outcome: FlightOutcome;
  readonly history: readonly NotesEvent[];
}

const committed: Recovery = { outcome: { kind: "committed" }, history: [] };
const lost: Recovery = { outcome: { kind: "lost" }, history: [] };

/** The committed changes after `from` up to `to`, all of them. Rejects with HISTORY_GONE where some are gone. */
async function readHistory(api: Api, meetingId: string, from: number, to: number, signal: AbortSignal): Promise<NotesEvent[]> {
  const history: NotesEvent[] = [];
  for (let at = from; at < to; ) {
    const page = await api.notes.changes(meetingId, { from: at, limit: pageLength }, { signal });
    for (const change of page.items) {
      if (change.version !== ++at) throw new RapportError({ code: "PROTOCOL", detail: `version ${at} is missing`, status: 200 });
      if (at <= to) history.push(change);
    }
    if (page.items.length === 0) throw new RapportError({ code: "PROTOCOL", detail: `no versions after ${at}`, status: 200 });
  }
  return history;
}

/**
 * What has become of the change in flight at `version`, read from the history
 * since its base. Where that is gone: whether it is in what is kept. So it is
 * neither lost nor sent twice. With `restored` the base is of another epoch: a
 * change that was committed before the restored moment still stands behind it,
 * since up to there both histories are one; on any other base the history here
 * says nothing.
 */
export async function resolveInFlight(
  api: Api, meetingId: string, flight: InFlight, client: ClientIdentity, version: number, restored: boolean, signal: AbortSignal,
): Promise<Recovery> {
  const isFlight = (change: NotesEvent) =>
    change.authorId === client.userId && change.clientId === client.clientId && change.clientSeq === flight.clientSeq;
  // The server has lost what it once had: this base will never be right again.
  if (flight.baseVersion > version) return lost;
  try {
    const history = await readHistory(api, meetingId, flight.baseVersion, version, signal);
    if (history.some(isFlight)) return committed;
    if (restored) return lost;
    const change = history.reduce<Change>((ours, { ops }) => transform(ops, ours), flight.ops);
    return { outcome: { kind: "open", change }, history };
  } catch (error) {
    if (!(error instanceof RapportError) || error.code !== "HISTORY_GONE") throw error;
    // `oldest` is the first that is kept.
    if (error.oldest === undefined || error.oldest > version) return lost;
    const kept = await readHistory(api, meetingId, Math.max(0, error.oldest - 1), version, signal);
    return kept.some(isFlight) ? committed : lost;
  }
}

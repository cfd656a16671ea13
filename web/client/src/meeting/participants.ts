import type { Api } from "../api/api.ts";
import type { Participant } from "../api/types.ts";

/** The participants of a meeting, page after page as they are asked for. */
export async function* participantsOf(api: Api, meetingId: string, signal: AbortSignal): AsyncGenerator<Participant> {
  let cursor: string | null = null;
  do {
    const page = await api.participants.list(meetingId, { limit: 200, ...(cursor === null ? {} : { cursor }) }, { signal });
    yield* page.items;
    cursor = page.nextCursor;
  } while (cursor !== null);
}

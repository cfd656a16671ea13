/** What a page loads when it first opens notes, adds to a transcript, or finds that no socket opens: everything that only these need. */
export { Batcher } from "./batch.ts";
export { forget } from "./claims.ts";
export { Fallback } from "./fallback.ts";
export { browserOffline } from "./indexeddb.ts";
export { MeetingReader } from "./meetingreader.ts";
export { openNotes } from "./opennotes.ts";

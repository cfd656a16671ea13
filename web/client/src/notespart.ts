/** What a page loads when it first opens notes, adds to a transcript, or finds that no socket opens: everything that only these need. */
export { Batcher } from "./meeting/batch.ts";
export { forget } from "./offline/claims.ts";
export { Fallback } from "./net/fallback.ts";
export { browserOffline } from "./offline/indexeddb.ts";
export { MeetingReader } from "./meeting/meetingreader.ts";
export { openNotes } from "./notes/opennotes.ts";

/** What a page loads when it first opens notes, adds to a transcript, or finds that no socket opens: everything that only these need. */
export { Batcher } from "./meeting/batcher.ts";
export { forgetEdits } from "./offline/leases.ts";
export { Fallback } from "./net/fallback.ts";
export { browserOffline } from "./offline/indexeddb.ts";
export { MeetingReader } from "./meeting/reader.ts";
export { openNotes } from "./notes/open.ts";

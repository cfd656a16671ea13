/** What a page loads when it first opens notes or a meeting, adds to a transcript, or finds that no socket opens: everything that only these need. */
export { Batcher } from "./meeting/batcher.ts";
export { PresenceSequence } from "./meeting/presencesender.ts";
export { MeetingReader } from "./meeting/reader.ts";
export { MeetingSession } from "./meeting/session.ts";
export { Fallback } from "./net/fallback.ts";
export { openNotes } from "./notes/open.ts";
export { browserOffline } from "./offline/indexeddb.ts";
export { forgetEdits } from "./offline/leases.ts";

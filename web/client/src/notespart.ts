/** What a page loads when it first opens notes, or when no socket opens: everything that only these need. */
export { forget } from "./claims.ts";
export { Fallback } from "./fallback.ts";
export { browserOffline } from "./indexeddb.ts";
export { MeetingReader } from "./meetingreader.ts";
export { openNotes } from "./opennotes.ts";

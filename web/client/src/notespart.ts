/** What a page loads when it first opens notes: everything that only notes need. */
export { forget } from "./claims.ts";
export { browserOffline } from "./indexeddb.ts";
export { openNotes } from "./opennotes.ts";

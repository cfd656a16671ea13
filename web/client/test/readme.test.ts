/** The README names every state and error that the types have. */
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import type { ClosedReason, ConnectionState, DraftReason, EndReason, ErrorCode, NotesState, NotesStatus, StorageState } from "../src/index.ts";

const readme = readFileSync(new URL("../README.md", import.meta.url), "utf8");

/** A union that has more or fewer members than these does not compile. */
type Each<T extends string> = Readonly<Record<T, true>>;

const connection: Each<ConnectionState["kind"]> = { idle: true, connecting: true, open: true, waiting: true, closed: true };
const closed: Each<ClosedReason> = { caller: true, session_ended: true, unauthorized: true };
const status: Each<NotesStatus["kind"]> = { saved: true, saving: true, offline: true, reloading: true, readonly: true, draft: true, closed: true };
const state: Each<NotesState> = { synced: true, saving: true, offline: true, reloading: true, readonly: true, closed: true };
const storage: Each<StorageState> = { kept: true, tab: true };
const drafts: Each<DraftReason> = { history_gone: true, meeting_over: true, forbidden: true, refused: true };
const ends: Each<EndReason> = { removed: true, meeting_ended: true, refused: true };
const codes: Each<ErrorCode> = {
  UNAUTHORIZED: true, FORBIDDEN: true, NOT_FOUND: true, METHOD_NOT_ALLOWED: true, VALIDATION_ERROR: true, PAYLOAD_TOO_LARGE: true,
  UNSUPPORTED_MEDIA_TYPE: true, CONFLICT: true, MEETING_NOT_ACTIVE: true, HISTORY_GONE: true, RATE_LIMITED: true, PROVIDER_ERROR: true,
  INTERNAL: true, NETWORK: true, TIMEOUT: true, DISCONNECTED: true, CLOSED: true, PROTOCOL: true,
};

describe("the README names every", () => {
  for (const [what, members] of Object.entries({ connection, closed, status, state, storage, drafts, ends, codes })) {
    test(what, () => {
      const section = readme.slice(readme.indexOf("## States and errors"), readme.indexOf("## What holds"));
      for (const member of Object.keys(members)) expect(section).toContain(`\`${member}\``);
    });
  }
});

/** How a notes session begins, and how edits are taken up that an earlier window left. */
import { notesAccess } from "./access.ts";
import type { NotesAccess } from "./access.ts";
import { Claims, discard } from "../offline/claims.ts";
import type { Claim } from "../offline/claims.ts";
import { Draft } from "../ot/draft.ts";
import { draftOfSaved, reasonOf } from "../offline/drafts.ts";
import { RapportError } from "../errors.ts";
import { NotesSession } from "./notes.ts";
import type { NotesDependencies } from "./notesapi.ts";
import { patient } from "../offline/patience.ts";
import { isPassing } from "./sender.ts";
import { DraftShelf } from "../offline/shelf.ts";

/** How often a window that is open looks for edits that others have left since; the first time soon: some have only just ended. */
const lookMs = 60_000;
const firstLookMs = 3_000;
/** How long to wait for the caller's rights, where edits are here already and can be shown. */
const accessMs = 1_500;

/**
 * Opens the notes. Edits that an earlier window left are taken up: the newest
 * as this session's own, so that they are in its text even without a network;
 * any others are sent beside it. Rejects with RapportError when the notes can't
 * be read; what was left behind then stays, or is a draft where it was refused.
 */
export async function openNotes(from: NotesDependencies, meetingId: string): Promise<NotesSession> {
  const { clock, newId } = from.platform;
  const offline = from.offline && { ...from.offline, storage: patient(from.offline.storage, clock) };
  const claims = new Claims(offline, from.userId, meetingId, newId);
  const shelf = new DraftShelf(offline, from.userId, meetingId);
  const [orphans] = await Promise.all([claims.orphans(), shelf.refresh()]);
  const own = orphans.shift();
  const heirs = new Heirs(from, meetingId, claims, shelf);
  for (const orphan of orphans) heirs.send(orphan);
  try {
    const session = own === undefined
      ? await openFresh(from, meetingId, claims, shelf)
      : await openSaved(from, meetingId, own, shelf);
    heirs.watch(session);
    session.start();
    return session;
  } catch (error) {
    heirs.close();
    throw error;
  }
}

async function openFresh(from: NotesDependencies, meetingId: string, claims: Claims, shelf: DraftShelf): Promise<NotesSession> {
  const claim = await claims.fresh();
  try {
    const never = new AbortController().signal;
    const [notes, access] = await Promise.all([
      from.api.notes.get(meetingId),
      notesAccess(from.api, meetingId, from.userId, never),
    ]);
    return new NotesSession(from, meetingId, { draft: new Draft(notes.version, notes.content), access, claim, shelf });
  } catch (error) {
    claim.release();
    throw error;
  }
}

/** Goes on where an earlier window was; the topic then brings what happened since. */
async function openSaved(from: NotesDependencies, meetingId: string, claim: Claim, shelf: DraftShelf): Promise<NotesSession> {
  const { saved } = claim;
  if (saved === undefined) throw new TypeError("the claim has nothing saved");
  try {
    const access = await accessOrUnknown(from, meetingId);
    return new NotesSession(from, meetingId, { draft: Draft.restore(saved), access, claim, shelf });
  } catch (error) {
    // Anything else, as an end of the client, says nothing about the edits: they stay for the next window.
    if (error instanceof RapportError && (error.code === "FORBIDDEN" || error.code === "NOT_FOUND")) {
      const { newId, clock } = from.platform;
      const moved = await shelf.move(draftOfSaved({ id: newId(), meetingId, createdAt: clock.now() }, reasonOf(error), saved));
      if (moved) await discard(claim).catch(() => {}); // Kept twice, it is a draft twice: better than never.
    }
    claim.release();
    throw error;
  }
}

/** Without an answer soon, whether edits are taken shows when they are sent. */
async function accessOrUnknown(from: NotesDependencies, meetingId: string): Promise<NotesAccess | undefined> {
  const { clock } = from.platform;
  const giveUp = new AbortController();
  const cancel = clock.after(accessMs, () => giveUp.abort(new RapportError({ code: "TIMEOUT", detail: "no answer soon" })));
  try {
    return await notesAccess(from.api, meetingId, from.userId, giveUp.signal);
  } catch (error) {
    if (!(error instanceof RapportError) || !isPassing(error)) throw error;
    return undefined;
  } finally {
    cancel();
  }
}

/** Sends what other windows left behind, in sessions that nobody looks at. */
class Heirs {
  readonly #from: NotesDependencies;
  readonly #meetingId: string;
  readonly #claims: Claims;
  readonly #shelf: DraftShelf;
  readonly #sessions = new Set<NotesSession>();
  #closed = false;
  #cancelLook = () => {};

  constructor(from: NotesDependencies, meetingId: string, claims: Claims, shelf: DraftShelf) {
    this.#from = from;
    this.#meetingId = meetingId;
    this.#claims = claims;
    this.#shelf = shelf;
  }

  send(orphan: Claim): void {
    openSaved(this.#from, this.#meetingId, orphan, this.#shelf).then(
      (session) => {
        if (this.#closed) {
          session.close();
          return;
        }
        this.#sessions.add(session);
        session.start();
        const done = () => {
          this.#sessions.delete(session);
          session.close();
        };
        // Rejected, what was left is a draft.
        session.whenSynced().then(done, done);
      },
      (error: unknown) => {
        // Refused: it is a draft, and the visible session hears the same refusal itself.
        if (!(error instanceof RapportError)) throw error;
      },
    );
  }

  /** Looks again now and then, as long as the session is open. */
  watch(session: NotesSession): void {
    if (this.#from.offline === undefined) return;
    const stop = session.on("state", (state) => {
      if (state !== "closed") return;
      stop();
      this.close();
    });
    this.#lookLater(firstLookMs);
  }

  close(): void {
    this.#closed = true;
    this.#cancelLook();
    for (const session of this.#sessions) session.close();
    this.#sessions.clear();
  }

  #lookLater(ms: number): void {
    this.#cancelLook = this.#from.platform.clock.after(ms, () => void this.#look());
  }

  async #look(): Promise<void> {
    const [orphans] = await Promise.all([this.#claims.orphans(), this.#shelf.refresh()]);
    for (const orphan of orphans) {
      if (this.#closed) orphan.release();
      else this.send(orphan);
    }
    if (!this.#closed) this.#lookLater(lookMs);
  }
}

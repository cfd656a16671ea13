/** How a notes session begins, and how edits are taken up that an earlier window left. */
import { RapportError } from "../errors.ts";
import { draftFromState, reasonOf } from "../offline/conflicts.ts";
import { DraftRepository } from "../offline/drafts.ts";
import { Leases, discard } from "../offline/leases.ts";
import type { Lease } from "../offline/leases.ts";
import { withTimeouts } from "../offline/timeouts.ts";
import { Replica } from "../ot/replica.ts";
import { notesAccess } from "./access.ts";
import type { NotesAccess } from "./access.ts";
import { isTransient } from "./changesender.ts";
import { NotesSession } from "./session.ts";
import type { NotesDependencies } from "./types.ts";

/** How often a window that is open looks for edits that others have left since; the first time soon: some have only just ended. */
const takeOverMs = 60_000;
const firstTakeOverMs = 3_000;
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
  const offline = from.offline && { ...from.offline, storage: withTimeouts(from.offline.storage, clock) };
  const leases = new Leases(offline, from.userId, meetingId, newId);
  const drafts = new DraftRepository(offline, from.userId, meetingId);
  const [orphans] = await Promise.all([leases.takeOver(), drafts.refresh()]);
  const own = orphans.shift();
  const background = new BackgroundSessions(from, meetingId, leases, drafts);
  for (const orphan of orphans) background.send(orphan);
  try {
    const session = own === undefined
      ? await openNew(from, meetingId, leases, drafts)
      : await openSaved(from, meetingId, own, drafts);
    background.watch(session);
    session.start();
    return session;
  } catch (error) {
    background.close();
    throw error;
  }
}

async function openNew(from: NotesDependencies, meetingId: string, leases: Leases, drafts: DraftRepository): Promise<NotesSession> {
  const lease = await leases.create();
  try {
    const never = new AbortController().signal;
    const [notes, access] = await Promise.all([
      from.api.notes.get(meetingId),
      notesAccess(from.api, meetingId, from.userId, never),
    ]);
    return new NotesSession(from, meetingId, { replica: new Replica(notes.version, notes.content, notes.epoch), access, lease, drafts });
  } catch (error) {
    lease.release();
    throw error;
  }
}

/** Goes on where an earlier window was; the topic then brings what happened since. */
async function openSaved(from: NotesDependencies, meetingId: string, lease: Lease, drafts: DraftRepository): Promise<NotesSession> {
  const { saved } = lease;
  if (saved === undefined) throw new TypeError("the lease has nothing saved");
  try {
    const access = await accessOrUnknown(from, meetingId);
    return new NotesSession(from, meetingId, { replica: Replica.restore(saved), access, lease, drafts });
  } catch (error) {
    // Anything else, as an end of the client, says nothing about the edits: they stay for the next window.
    if (error instanceof RapportError && (error.code === "FORBIDDEN" || error.code === "NOT_FOUND")) {
      const { newId, clock } = from.platform;
      const moved = await drafts.move(draftFromState({ id: newId(), meetingId, createdAt: clock.now() }, reasonOf(error), saved));
      if (moved) await discard(lease).catch(() => {}); // Kept twice, it is a draft twice: better than never.
    }
    lease.release();
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
    if (!(error instanceof RapportError) || !isTransient(error)) throw error;
    return undefined;
  } finally {
    cancel();
  }
}

/** Sends what other windows left behind, in sessions that nobody looks at. */
class BackgroundSessions {
  readonly #from: NotesDependencies;
  readonly #meetingId: string;
  readonly #leases: Leases;
  readonly #drafts: DraftRepository;
  readonly #sessions = new Set<NotesSession>();
  #closed = false;
  #cancelTakeOver = () => {};

  constructor(from: NotesDependencies, meetingId: string, leases: Leases, drafts: DraftRepository) {
    this.#from = from;
    this.#meetingId = meetingId;
    this.#leases = leases;
    this.#drafts = drafts;
  }

  send(orphan: Lease): void {
    openSaved(this.#from, this.#meetingId, orphan, this.#drafts).then(
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
    this.#takeOverLater(firstTakeOverMs);
  }

  close(): void {
    this.#closed = true;
    this.#cancelTakeOver();
    for (const session of this.#sessions) session.close();
    this.#sessions.clear();
  }

  #takeOverLater(ms: number): void {
    this.#cancelTakeOver = this.#from.platform.clock.after(ms, () => void this.#takeOver());
  }

  async #takeOver(): Promise<void> {
    const [orphans] = await Promise.all([this.#leases.takeOver(), this.#drafts.refresh()]);
    for (const orphan of orphans) {
      if (this.#closed) orphan.release();
      else this.send(orphan);
    }
    if (!this.#closed) this.#takeOverLater(takeOverMs);
  }
}

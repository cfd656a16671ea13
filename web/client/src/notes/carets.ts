import type { NotesEvent } from "../api/types.ts";
import type { MeetingSession } from "../meeting/session.ts";
import type { Cursor, PresenceStatus, Present } from "../meeting/types.ts";
import type { Change } from "../ot/change.ts";
import { caretAfter, mapPosition, mapPositionBack } from "../ot/positions.ts";
import { Emitter } from "../runtime/emitter.ts";
import type { NotesHandlers } from "./types.ts";

/** A selection of somebody else in the local text, in code points; `head` is where their caret is. */
export interface Caret {
  readonly clientKey: string;
  readonly userId: string;
  readonly displayName: string;
  readonly status: PresenceStatus;
  readonly anchor: number;
  readonly head: number;
}

/** A selection in the local text, in code points; `head` is where the caret is. */
export interface Selection {
  readonly anchor: number;
  readonly head: number;
}

/** What carets need of a notes session. */
export interface CaretText {
  readonly clientId: string;
  readonly version: number;
  readonly confirmed: { readonly version: number };
  readonly unconfirmed: Change;
  readonly pending: boolean;
  on<K extends keyof NotesHandlers>(event: K, handler: NotesHandlers[K]): () => void;
}

/** Somebody's selection on the confirmed text. */
interface TrackedSelection {
  /** As it was reported. */
  readonly reported: Cursor;
  /** Undefined while it is not known: reported at a version that is not here yet, or no longer. */
  readonly at: Selection | undefined;
}

/** Changes kept to bring a selection to the present that was reported at an earlier version. */
const keptChanges = 256;

/**
 * Where the others' carets are in the notes, and where the others believe this
 * one to be. A caret is reported when it was moved by its person. What edits do to
 * carets everybody works out alike, without a frame: an author's caret is behind
 * the last thing that they did, everybody else's stays on its words.
 *
 * Made by `NotesSession.carets`.
 */
export class Carets {
  readonly #notes: CaretText;
  readonly #meeting: MeetingSession;
  /** Names a client to others, as the server does; undefined where the machine can't work it out. */
  readonly #keyOf: (userId: string, clientId: string) => Promise<string | undefined>;
  readonly #tracked = new Map<string, TrackedSelection>();
  readonly #recent: NotesEvent[] = [];
  /** By client id, of those whose changes came. */
  readonly #keys = new Map<string, string | undefined>();
  readonly #emitter = new Emitter<{ change(carets: readonly Caret[]): void }>();
  readonly #stops: (() => void)[];
  /** What the others believe, on the confirmed text. */
  #announced: Selection | undefined;
  #own: { readonly status: PresenceStatus; readonly selection: Selection | undefined } | undefined;
  #status: PresenceStatus | undefined;

  constructor(notes: CaretText, meeting: MeetingSession, keyOf: (userId: string, clientId: string) => Promise<string | undefined>) {
    this.#notes = notes;
    this.#meeting = meeting;
    this.#keyOf = keyOf;
    meeting.presentAs(notes.clientId);
    void this.#learnKey(meeting.userId, notes.clientId);
    this.#stops = [
      notes.on("committed", (event) => this.#committed(event)),
      notes.on("remote", (change) => {
        const own = this.#own;
        if (own?.selection !== undefined) this.#own = { ...own, selection: mapped(own.selection, change) };
      }),
      notes.on("reset", () => this.#reset()),
      notes.on("state", () => this.#announce(false)),
      meeting.on("presence", () => this.#updateRoster()),
    ];
    this.#updateRoster();
  }

  /** Everybody else's, where they are in the local text at this moment. */
  get list(): readonly Caret[] {
    const { unconfirmed } = this.#notes;
    return this.#others.flatMap(({ clientKey, userId, displayName, status }) => {
      const at = this.#tracked.get(clientKey)?.at;
      return at === undefined ? [] : [{
        clientKey, userId, displayName, status,
        anchor: mapPosition(at.anchor, unconfirmed), head: mapPosition(at.head, unconfirmed),
      }];
    });
  }

  /** Calls back when somebody's caret came, went or moved otherwise than by an edit of this window. */
  onChange(callback: (carets: readonly Caret[]) => void): () => void {
    return this.#emitter.on("change", callback);
  }

  /** This window's status, and its selection in the local text; undefined for none. Call it with every move. */
  tell(status: PresenceStatus, selection?: Selection): void {
    this.#own = { status, selection };
    this.#announce(false);
  }

  /** Follows no more; both sessions stay open. */
  close(): void {
    for (const stop of this.#stops) stop();
  }

  get #others(): readonly Present[] {
    const own = this.#keys.get(this.#notes.clientId);
    // A window that can't tell itself from the person's others shows none of them.
    return this.#meeting.here.filter((one) => (own === undefined ? one.userId !== this.#meeting.userId : one.clientKey !== own));
  }

  #updateRoster(): void {
    const here = this.#others;
    const keys = new Set(here.map(({ clientKey }) => clientKey));
    const newcomers = here.some(({ clientKey }) => !this.#tracked.has(clientKey));
    for (const key of this.#tracked.keys()) if (!keys.has(key)) this.#tracked.delete(key);
    for (const { clientKey, cursor } of here) {
      const reported = cursor ?? noCursor;
      const before = this.#tracked.get(clientKey);
      if (before === undefined || !same(before.reported, reported)) this.#tracked.set(clientKey, { reported, at: this.#locate(clientKey, reported) });
    }
    this.#emitter.emit("change", this.list);
    // Who comes knows only what was reported last, at a version that may be long past.
    if (newcomers) this.#announce(true);
  }

  /** A selection that was reported at a version, on the confirmed text. */
  #locate(clientKey: string, reported: Cursor): Selection | undefined {
    const { version } = this.#notes.confirmed;
    if (reported === noCursor || reported.version > version || version - reported.version > this.#recent.length) return undefined;
    return this.#recent.slice(this.#recent.length - (version - reported.version))
      .reduce<Selection>((at, event) => this.#moved(clientKey, at, event), reported);
  }

  #moved(clientKey: string, at: Selection, event: NotesEvent): Selection {
    const caret = this.#isBy(clientKey, event) ? caretAfter(event.ops) : undefined;
    return caret === undefined ? mapped(at, event.ops) : { anchor: caret, head: caret };
  }

  #isBy(clientKey: string, { authorId, clientId }: NotesEvent): boolean {
    const key = this.#keys.get(clientId);
    if (key !== undefined) return key === clientKey;
    // Not worked out yet, or not possible: right for a person who is there once.
    const windows = this.#meeting.here.filter(({ userId }) => userId === authorId);
    return windows.length === 1 && windows[0]?.clientKey === clientKey;
  }

  #committed(event: NotesEvent): void {
    void this.#learnKey(event.authorId, event.clientId);
    this.#recent.push(event);
    if (this.#recent.length > keptChanges) this.#recent.shift();
    for (const [key, { reported, at }] of this.#tracked) {
      this.#tracked.set(key, { reported, at: at === undefined ? this.#locate(key, reported) : this.#moved(key, at, event) });
    }
    if (this.#announced !== undefined) {
      const caret = event.clientId === this.#notes.clientId ? caretAfter(event.ops) : undefined;
      this.#announced = caret === undefined ? mapped(this.#announced, event.ops) : { anchor: caret, head: caret };
    }
    this.#emitter.emit("change", this.list);
    this.#announce(false);
  }

  /** The text was read again: what was between is not known. */
  #reset(): void {
    this.#recent.length = 0;
    for (const [key, { reported }] of this.#tracked) this.#tracked.set(key, { reported, at: undefined });
    this.#announced = undefined;
    this.#emitter.emit("change", this.list);
  }

  /** Sends what the others can't derive themselves. */
  #announce(always: boolean): void {
    if (this.#own === undefined) return;
    const { status, selection } = this.#own;
    const { unconfirmed, version } = this.#notes;
    // While an edit is on its way the caret moves with it; afterwards it shows whether it moved otherwise.
    const waits = this.#notes.pending && this.#announced !== undefined;
    const at = selection && !waits ? back(selection, unconfirmed) : this.#announced;
    const moved = !sameSelection(at, this.#announced);
    if (!moved && status === this.#status && !always) return;
    this.#announced = at;
    this.#status = status;
    this.#meeting.setPresence({ status, ...(at === undefined ? {} : { cursor: { ...at, version } }) });
  }

  async #learnKey(userId: string, clientId: string): Promise<void> {
    if (this.#keys.has(clientId)) return;
    if (this.#keys.size > keptChanges) this.#keys.clear();
    this.#keys.set(clientId, undefined);
    const key = await this.#keyOf(userId, clientId);
    this.#keys.set(clientId, key);
    // Changes that came before this was known may have moved another caret than they should.
    for (const [other, { reported, at }] of this.#tracked) this.#tracked.set(other, { reported, at: this.#locate(other, reported) ?? at });
    this.#updateRoster();
  }
}

const noCursor: Cursor = { anchor: 0, head: 0, version: -1 };

function mapped({ anchor, head }: Selection, change: Change): Selection {
  return { anchor: mapPosition(anchor, change), head: mapPosition(head, change) };
}

function back({ anchor, head }: Selection, unconfirmed: Change): Selection {
  return { anchor: mapPositionBack(anchor, unconfirmed), head: mapPositionBack(head, unconfirmed) };
}

function same(a: Cursor, b: Cursor): boolean {
  return a.version === b.version && sameSelection(a, b);
}

function sameSelection(a: Selection | undefined, b: Selection | undefined): boolean {
  return a?.anchor === b?.anchor && a?.head === b?.head;
}

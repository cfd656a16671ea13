/** Joins an editor and the carets of the people in the notes. */
import type { Extension } from "@codemirror/state";
import { type EditorView, ViewPlugin, type ViewUpdate } from "@codemirror/view";
import { type Caret, type Carets, codePointOffset, mapPosition, mapPositionBack } from "@rapport/client";
import { fromSession, unshown } from "../binding/annotations.ts";
import type { Activity } from "./activity.ts";
import { type Peer, peerLayer, peers, setPeers } from "./layer.ts";

/** How long a caret that was moved shows its whole name. */
const namedMs = 2_500;

export interface PresenceLink {
  /** Who is at this window. */
  readonly userId: string;
  readonly carets: Pick<Carets, "list" | "onChange" | "tell">;
  readonly activity: Pick<Activity, "status" | "typed" | "onStatus">;
  readonly colourOf: (userId: string) => number;
}

export function presence(link: PresenceLink): Extension {
  return [peerLayer, ViewPlugin.define((view) => new Link(view, link))];
}

class Link {
  readonly #view: EditorView;
  readonly #link: PresenceLink;
  readonly #stops: readonly (() => void)[];
  /** Until when each caret shows its whole name. */
  readonly #named = new Map<string, number>();
  #frame = 0;
  #fading: ReturnType<typeof setTimeout> | undefined;
  /** The caret means something only once somebody has put it there. */
  #placed = false;

  constructor(view: EditorView, link: PresenceLink) {
    this.#view = view;
    this.#link = link;
    this.#stops = [link.carets.onChange(() => this.#soon()), link.activity.onStatus(() => this.#tell())];
    this.#tell();
    this.#soon();
  }

  update(update: ViewUpdate): void {
    this.#placed ||= update.view.hasFocus && !update.state.readOnly;
    const typed = update.transactions.some((transaction) => transaction.docChanged && !transaction.annotation(fromSession));
    if (typed) this.#link.activity.typed();
    if (update.docChanged || update.selectionSet || update.focusChanged) this.#tell();
  }

  destroy(): void {
    for (const stop of this.#stops) stop();
    cancelAnimationFrame(this.#frame);
    clearTimeout(this.#fading);
    this.#link.carets.tell(this.#link.activity.status);
  }

  #tell(): void {
    const { status } = this.#link.activity;
    if (!this.#placed) {
      this.#link.carets.tell(status);
      return;
    }
    const text = this.#view.state.doc.toString();
    const { anchor, head } = this.#view.state.selection.main;
    const held = this.#view.state.facet(unshown)();
    const place = (offset: number): number => mapPosition(codePointOffset(text, wholeOffset(text, offset)), held);
    this.#link.carets.tell(status, { anchor: place(anchor), head: place(head) });
  }

  /** Once a frame, however much happened in it. */
  #soon(): void {
    if (this.#frame !== 0) return;
    this.#frame = requestAnimationFrame(() => {
      this.#frame = 0;
      this.#show();
    });
  }

  #show(): void {
    const list = ofLiveWindows(this.#link.carets.list, this.#link.userId);
    const now = performance.now();
    for (const [key, until] of this.#named) if (until <= now) this.#named.delete(key);
    const held = this.#view.state.facet(unshown)();
    const offsets = offsetsOf(this.#view.state.doc.toString(), list.flatMap(({ anchor, head }) => [mapPositionBack(anchor, held), mapPositionBack(head, held)]));
    const before = new Map(this.#view.state.field(peers).map((peer) => [peer.key, peer.head]));
    const next = list.map((caret, i) => this.#peer(caret, offsets[2 * i] ?? 0, offsets[2 * i + 1] ?? 0, before.get(caret.clientKey), now));
    if (next.length > 0 || before.size > 0) this.#view.dispatch({ effects: setPeers.of(next) });

    clearTimeout(this.#fading);
    if (this.#named.size > 0) this.#fading = setTimeout(() => this.#soon(), Math.min(...this.#named.values()) - now);
  }

  /** `before` is where the view's edits have pushed the caret: one that is elsewhere was moved by its person. */
  #peer({ clientKey: key, userId, displayName, status }: Caret, anchor: number, head: number, before: number | undefined, now: number): Peer {
    if (before !== head && status !== "idle") this.#named.set(key, now + namedMs);
    return { key, name: displayName, colour: this.#link.colourOf(userId), idle: status === "idle", anchor, head, named: status === "typing" || this.#named.has(key) };
  }
}

/** Who is at one window shows no caret in another that they left, or that a reload left behind. */
function ofLiveWindows(carets: readonly Caret[], self: string): readonly Caret[] {
  const live = new Set([self, ...carets.flatMap(({ userId, status }) => (status === "idle" ? [] : [userId]))]);
  return carets.filter(({ userId, status }) => status !== "idle" || !live.has(userId));
}

/** The same, or the start of the character that it is inside of. */
function wholeOffset(text: string, offset: number): number {
  return (text.charCodeAt(offset) & 0xfc00) === 0xdc00 ? Math.max(0, offset - 1) : offset;
}

/** The UTF-16 offsets of places in code points, in one walk over the text; what lies beyond it is its end. */
export function offsetsOf(text: string, places: readonly number[]): number[] {
  const order = places.map((_, i) => i).sort((a, b) => (places[a] ?? 0) - (places[b] ?? 0));
  const offsets = new Array<number>(places.length).fill(0);
  let offset = 0;
  let count = 0;
  for (const i of order) {
    for (const place = places[i] ?? 0; count < place && offset < text.length; count++) offset += (text.charCodeAt(offset) & 0xfc00) === 0xd800 ? 2 : 1;
    offsets[i] = offset;
  }
  return offsets;
}

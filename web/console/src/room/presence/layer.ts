/** Draws others' carets and selections over the text, so that the text itself stays untouched. */
import { EditorSelection, type Extension, StateEffect, StateField } from "@codemirror/state";
import { type EditorView, layer, type LayerMarker, RectangleMarker } from "@codemirror/view";
import { initials } from "../../ui/initials.ts";

/** Another's caret in this view, in UTF-16 units. */
export interface Peer {
  readonly key: string;
  readonly name: string;
  readonly colour: number;
  readonly anchor: number;
  readonly head: number;
  /** Show the whole name, not only the initials. */
  readonly named: boolean;
  readonly idle: boolean;
}

export const setPeers = StateEffect.define<readonly Peer[]>();

/** Until the next `setPeers`, carets are pushed along by edits of the view. */
export const peers = StateField.define<readonly Peer[]>({
  create: () => [],
  update(shown, transaction) {
    let next = shown;
    if (transaction.docChanged && next.length > 0) {
      next = next.map((peer) => ({ ...peer, anchor: transaction.changes.mapPos(peer.anchor, -1), head: transaction.changes.mapPos(peer.head, -1) }));
    }
    for (const effect of transaction.effects) {
      if (!effect.is(setPeers)) continue;
      const end = transaction.newDoc.length;
      next = effect.value.map((peer) => ({ ...peer, anchor: Math.min(peer.anchor, end), head: Math.min(peer.head, end) }));
    }
    return next;
  },
});

/** A bar at the caret, with a tag that says whose it is. */
class CaretMarker implements LayerMarker {
  readonly peer: Peer;
  readonly left: number;
  readonly top: number;
  readonly height: number;
  /** Whether the tag would leave the text on the right. */
  readonly atEnd: boolean;
  /** How many others' tags stand there already. */
  readonly after: number;

  constructor(peer: Peer, left: number, top: number, height: number, atEnd: boolean, after: number) {
    this.peer = peer;
    this.left = left;
    this.top = top;
    this.height = height;
    this.atEnd = atEnd;
    this.after = after;
  }

  eq(other: CaretMarker): boolean {
    const { key, name, colour, named, idle } = other.peer;
    const mine = this.peer;
    return (
      mine.key === key && mine.name === name && mine.colour === colour && mine.named === named && mine.idle === idle &&
      this.left === other.left && this.top === other.top && this.height === other.height && this.atEnd === other.atEnd && this.after === other.after
    );
  }

  draw(): HTMLElement {
    const caret = document.createElement("div");
    // A name is not this line's text: whatever direction it runs in, it turns nothing around it.
    const tag = document.createElement("bdi");
    tag.className = "peer-tag";
    tag.dir = "auto"; // a name runs in the direction of its own letters
    caret.append(tag);
    this.#fill(caret, tag);
    return caret;
  }

  update(caret: HTMLElement, before: CaretMarker): boolean {
    const tag = caret.firstElementChild;
    if (before.peer.key !== this.peer.key || !(tag instanceof HTMLElement)) return false;
    this.#fill(caret, tag);
    return true;
  }

  #fill(caret: HTMLElement, tag: HTMLElement): void {
    const { name, colour, named, idle, key } = this.peer;
    caret.className = `peer-caret colour-${colour}`;
    caret.dataset["peer"] = key;
    caret.dataset["name"] = name;
    caret.dataset["idle"] = String(idle);
    caret.dataset["end"] = String(this.atEnd);
    caret.style.left = `${this.left}px`;
    caret.style.top = `${this.top}px`;
    caret.style.height = `${this.height}px`;
    caret.style.setProperty("--after", String(this.after));
    tag.dataset["named"] = String(named);
    tag.textContent = named ? name : initials(name);
  }
}

/** What styles/people.css allows a tag, and some room beside it. */
const widestTag = 160;

function caretsIn(view: EditorView): CaretMarker[] {
  const width = view.scrollDOM.clientWidth;
  const standing = new Map<number, number>();
  return view.state.field(peers).flatMap((peer) => {
    const [at] = RectangleMarker.forRange(view, "", EditorSelection.cursor(peer.head));
    if (!at) return [];
    const after = standing.get(peer.head) ?? 0;
    standing.set(peer.head, after + 1);
    return [new CaretMarker(peer, at.left, at.top, at.height, at.left > Math.max(width - widestTag, width / 2), after)];
  });
}

function selectionsIn(view: EditorView): readonly RectangleMarker[] {
  return view.state.field(peers).flatMap(({ anchor, head, colour }) =>
    anchor === head ? [] : RectangleMarker.forRange(view, `peer-selection colour-${colour}`, EditorSelection.range(anchor, head)),
  );
}

const changed = (update: { readonly docChanged: boolean; readonly viewportChanged: boolean; readonly geometryChanged: boolean; readonly startState: EditorView["state"]; readonly state: EditorView["state"] }): boolean =>
  update.docChanged || update.viewportChanged || update.geometryChanged || update.startState.field(peers) !== update.state.field(peers);

export const peerLayer: Extension = [
  peers,
  layer({ above: false, class: "peer-selections", markers: selectionsIn, update: changed }),
  layer({ above: true, class: "peer-carets", markers: caretsIn, update: changed }),
];

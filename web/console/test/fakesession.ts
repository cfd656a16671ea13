import { apply, type Change, invert, type NotesHandlers, transform } from "@rapport/client";
import type { BoundSession } from "../src/room/binding.ts";

/** A session that believes everything at once, or refuses everything. */
export class FakeSession implements BoundSession {
  text: string;
  refuse: Error | undefined;
  readonly edits: Change[] = [];
  /** What undoes each edit, and what does it again, on the present text. */
  private back: Change[] = [];
  private forth: Change[] = [];
  steps = 0;
  private readonly handlers: { [K in keyof NotesHandlers]?: Set<NotesHandlers[K]> } = {};
  duringEdit: (() => void) | undefined;

  constructor(text = "") {
    this.text = text;
  }
  edit(change: Change): void {
    if (this.refuse) throw this.refuse;
    this.back.push(invert(this.text, change));
    this.forth = [];
    this.text = apply(this.text, change);
    this.edits.push(change);
    this.duringEdit?.();
  }
  undo(): Change | undefined {
    return this.step(this.back, this.forth);
  }
  redo(): Change | undefined {
    return this.step(this.forth, this.back);
  }
  endUndoStep(): void {
    this.steps++;
  }
  private step(from: Change[], to: Change[]): Change | undefined {
    if (this.refuse) throw this.refuse;
    const change = from.pop();
    if (!change) return undefined;
    to.push(invert(this.text, change));
    this.text = apply(this.text, change);
    return change;
  }
  private others(change: Change): void {
    this.back = this.back.map((step) => transform(change, step));
    this.forth = this.forth.map((step) => transform(change, step));
  }
  on<K extends keyof NotesHandlers>(event: K, handler: NotesHandlers[K]): () => void {
    const set = (this.handlers[event] ??= new Set() as never) as Set<NotesHandlers[K]>;
    set.add(handler);
    return () => set.delete(handler);
  }
  get listeners(): number {
    return (this.handlers.remote?.size ?? 0) + (this.handlers.reset?.size ?? 0);
  }
  remote(change: Change): void {
    this.text = apply(this.text, change);
    this.others(change);
    for (const handler of this.handlers.remote ?? []) handler(change);
  }
  reset(text: string): void {
    this.text = text;
    this.back = [];
    this.forth = [];
    for (const handler of this.handlers.reset ?? []) handler(text);
  }
}

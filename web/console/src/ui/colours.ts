/**
 * Eight colours for people, after Okabe and Ito ("Color Universal Design",
 * 2008), made lighter or darker until they hold their contrast on the page in
 * light and dark (`--person-…` in tokens.css; a test measures contrast, and how
 * far apart they are for people with colour blindness). Colour is never alone: a
 * name or initials stand with it.
 */
import { createContext } from "preact";
import { useContext } from "preact/hooks";

export const colourCount = 8;

/** The same small number for the same id, always (FNV-1a). */
export function colourOf(id: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < id.length; i++) hash = Math.imul(hash ^ id.charCodeAt(i), 0x01000193) >>> 0;
  return hash % colourCount;
}

/** Each id's own colour where it is free, else the next that fewest have: the first eight all differ. */
export function assignColours(ids: readonly string[]): ReadonlyMap<string, number> {
  const colours = new Map<string, number>();
  const taken = new Array<number>(colourCount).fill(0);
  for (const id of ids) {
    const least = Math.min(...taken);
    let colour = colourOf(id);
    while (taken[colour] !== least) colour = (colour + 1) % colourCount;
    taken[colour] = least + 1;
    colours.set(id, colour);
  }
  return colours;
}

/** The colours of the people in the room that is shown. */
export const Colours = createContext<ReadonlyMap<string, number>>(new Map());

export function useColour(id: string): number {
  return useContext(Colours).get(id) ?? colourOf(id);
}

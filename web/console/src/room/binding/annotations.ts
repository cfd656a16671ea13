/** What the parts of the binding, and those who draw over the text, know of each other. */
import { Annotation, Facet } from "@codemirror/state";
import type { Change } from "@rapport/client";

/** Marks transactions that show what the session already has. */
export const fromSession = Annotation.define<true>();

/** What the session has and the view doesn't show yet, on the view's text. */
export const unshown = Facet.define<() => Change, () => Change>({ combine: ([change]) => change ?? (() => []) });

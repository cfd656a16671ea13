/** Letters that run from right to left, and characters that say how what follows runs. */
const turns = /[\u0590-\u08ff\u200e\u200f\u202a-\u202e\u2066-\u2069\ufb1d-\ufdff\ufe70-\ufefc\u{10800}-\u{10fff}\u{1e800}-\u{1efff}]/u;
const controls = /[\u202a-\u202e\u2066-\u2069]/gu;

/**
 * What somebody else has named, for words of ours around it that have no markup,
 * as in a label or the tab's title: it runs in the direction of its own letters
 * and changes nothing beside it. Where there is markup, use `bdi` or `dir="auto"`.
 */
export function isolate(name: string): string {
  return turns.test(name) ? `\u2068${name.replace(controls, "")}\u2069` : name;
}

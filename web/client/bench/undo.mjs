// @ts-check
/**
 * An hour in which two others type, at eight frames a second together, while
 * one types in a line of their own. Printed are what hearing of a frame costs in
 * the first and in the last minute, what the history takes in memory, and what
 * taking all back costs. Needs `npm run build`.
 */
import { cpus } from "node:os";
import { apply, invert } from "../dist/index.js";
import { UndoHistory } from "../dist/ot/undo.js";

const minutes = Number(process.env.MINUTES ?? "60");
const framesPerSecond = 8;
const keysPerSecond = 5;
// A pause after every few words, as people make them.
const keysPerBurst = 25;

const history = new UndoHistory();
const lines = { own: 0, others: 0 };

/** @param {import("../dist/index.js").Change} change */
const withText = (change) => invert("x".repeat(lines.own) + "\n" + "y".repeat(lines.others), change);

let now = 0;
/** Microseconds of each frame and each key, by minute. */
const spent = Array.from({ length: minutes }, () => ({ frames: 0, keys: 0, frameCount: 0, keyCount: 0 }));
for (const minute of spent) {
  for (let second = 0; second < 60; second++) {
    for (let i = 0; i < framesPerSecond; i++) {
      // One types at the end, the other in the middle of what is there.
      const position = lines.own + 1 + (i % 2 === 0 ? lines.others : lines.others >> 1);
      const begun = performance.now();
      history.applyRemote([{ type: "insert", position, content: "y" }]);
      minute.frames += performance.now() - begun;
      minute.frameCount++;
      lines.others++;
    }
    for (let i = 0; i < keysPerSecond; i++) {
      // Now and then a letter is taken back, or something is typed further up.
      const key = lines.own % keysPerBurst;
      now += key === 0 ? 800 : 180;
      const at = key === 0 && lines.own > 100 ? lines.own >> 1 : lines.own;
      /** @type {import("../dist/index.js").Change} */
      const change = key === 7 && i === 3 ? [{ type: "delete", position: at - 1, length: 1 }] : [{ type: "insert", position: at, content: "x" }];
      const inverse = withText(change);
      const begun = performance.now();
      history.edited(change, inverse, now);
      minute.keys += performance.now() - begun;
      minute.keyCount++;
      lines.own += change[0]?.type === "insert" ? 1 : -1;
    }
  }
}

const each = (/** @type {number} */ ms, /** @type {number} */ count) => `${((ms * 1000) / count).toFixed(2)} us`;
const [first, last] = [spent[0], spent[minutes - 1]];
if (first === undefined || last === undefined) throw new Error("MINUTES must be at least 1");
console.log(`${cpus()[0]?.model}, Node ${process.versions.node}, MINUTES=${minutes}`);
console.log(`a frame of others: ${each(first.frames, first.frameCount)} in the first minute, ${each(last.frames, last.frameCount)} in the last`);
console.log(`a key:             ${each(first.keys, first.keyCount)} in the first minute, ${each(last.keys, last.keyCount)} in the last`);
if (history.bytes !== undefined) console.log(`in memory:         ${(history.bytes / 1024).toFixed(0)} KB`);

let text = "x".repeat(lines.own) + "\n" + "y".repeat(lines.others);
let steps = 0;
const begun = performance.now();
let longest = 0;
for (;;) {
  const step = performance.now();
  const change = history.undo((back) => {
    const inverse = invert(text, back);
    text = apply(text, back);
    return inverse;
  });
  if (change === undefined) break;
  longest = Math.max(longest, performance.now() - step);
  steps++;
}
const left = text.indexOf("\n");
console.log(`undoing all:       ${steps} steps in ${(performance.now() - begun).toFixed(0)} ms, the longest ${longest.toFixed(2)} ms; ${left} letters can't be taken back`);

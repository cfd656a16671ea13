// @ts-check
/**
 * The operations of this package beside those of ot-text-unicode, which does
 * the same with other rules for inserts at one place. Both get the same changes
 * on the same texts, in turns, in one run; printed are the medians and how many
 * times as long this package takes (below 1, it is faster). Needs `npm run
 * build` and `make oracle`.
 */
import { createRequire } from "node:module";
import { cpus } from "node:os";
import { apply, compose, transform } from "../dist/index.js";

/** @typedef {import("../dist/index.js").Change} Change */

const theirs = createRequire(new URL("../../../infra/oracle/package.json", import.meta.url))("ot-text-unicode").type;

const seed = Number(process.env.RAPPORT_SEED ?? "1");
const rounds = Number(process.env.ROUNDS ?? "41");
const batchMs = 15;

let state = seed;
function random() {
  state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
  return state / 4294967296;
}
/** @param {number} n */
const below = (n) => Math.floor(random() * n);

/** @param {number} length */
function text(length) {
  const signs = ["a", "b", "c", "d", "e", " ", "\n", "é", "漢", "😀"];
  return Array.from({ length }, () => signs[below(signs.length)]).join("");
}

/** A change of `count` ops, spread over a text of `length` code points. @param {number} length @param {number} count @returns {Change} */
function change(length, count) {
  const step = Math.floor(length / count);
  /** @type {import("../dist/index.js").Op[]} */
  const ops = [];
  for (let i = 0; i < count; i++) {
    const position = i * step + below(Math.max(1, step - 4));
    ops.push(random() < 0.6 ? { type: "insert", position, content: text(1 + below(4)) } : { type: "delete", position, length: 1 + below(3) });
  }
  return ops;
}

/** As ot-text-unicode writes it: how far to skip, what to insert, how much to delete. @param {Change} ops */
function translated(ops) {
  /** @type {(number | string | { d: number })[]} */
  const out = [];
  let at = 0;
  for (const op of ops) {
    if (op.position > at) out.push(op.position - at);
    at = op.position;
    if (op.type === "insert") out.push(op.content);
    else if (op.type === "delete") {
      out.push({ d: op.length });
      at += op.length;
    }
  }
  return theirs.normalize(out);
}

/** Microseconds a call, over a batch that takes long enough to be measured. @param {() => unknown} run @param {number} calls */
function time(run, calls) {
  const begun = performance.now();
  for (let i = 0; i < calls; i++) run();
  return ((performance.now() - begun) * 1000) / calls;
}

/** @param {readonly number[]} values */
function median(values) {
  return [...values].sort((a, b) => a - b)[values.length >> 1] ?? NaN;
}

/** @param {string} name @param {() => unknown} ours @param {() => unknown} other */
function compare(name, ours, other) {
  let calls = 1;
  while (time(ours, calls) * calls + time(other, calls) * calls < batchMs * 2_000) calls *= 2;
  const [mine, its] = [/** @type {number[]} */ ([]), /** @type {number[]} */ ([])];
  for (let i = 0; i < rounds; i++) {
    mine.push(time(ours, calls));
    its.push(time(other, calls));
  }
  const ratio = median(mine.map((each, i) => each / (its[i] ?? NaN)));
  console.log(`${name.padEnd(44)} ${median(mine).toFixed(2).padStart(10)} us ${median(its).toFixed(2).padStart(10)} us ${ratio.toFixed(2).padStart(8)}`);
}

console.log(`${cpus()[0]?.model}, Node ${process.versions.node}, RAPPORT_SEED=${seed} ROUNDS=${rounds}`);
console.log(`${"".padEnd(44)} ${"here".padStart(13)} ${"ot-text-unicode".padStart(13)} ${"ratio".padStart(6)}`);
for (const [length, count] of /** @type {const} */ ([[1_000, 1], [1_000, 50], [100_000, 1], [100_000, 500]])) {
  const doc = text(length);
  const a = change(length, count);
  const after = apply(doc, a);
  const b = change([...after].length, count);
  const c = change(length, count);
  const [a2, b2, c2] = [translated(a), translated(b), translated(c)];
  // Both must do the same, or the comparison means nothing.
  if (theirs.apply(doc, a2) !== after) throw new Error("apply differs");
  if (theirs.apply(doc, theirs.compose(a2, b2)) !== apply(doc, compose(a, b))) throw new Error("compose differs");
  if (theirs.apply(after, theirs.transform(c2, a2, "right")) !== apply(after, transform(a, c))) throw new Error("transform differs");
  const on = `${count} ${count === 1 ? "op" : "ops"} on ${length} characters`;
  compare(`apply      ${on}`, () => apply(doc, a), () => theirs.apply(doc, a2));
  compare(`compose    ${on}`, () => compose(a, b), () => theirs.compose(a2, b2));
  compare(`transform  ${on}`, () => transform(a, c), () => theirs.transform(c2, a2, "right"));
}

// Answers, for each line of JSON on standard input, what ot-text-unicode makes
// of the same changes. It is the second opinion of shared/core/ot's tests; nothing
// else uses it.
//
// In:  {"doc","committed","change","next"}: two changes to doc, and one to the
//      document after committed, as the contract writes them.
// Out: {"wantCommitted","wantChange","composed","committedFirst","changeFirst"}:
//      each of the two after the other, committed and next as one change, and
//      the document reached by either order.
import { once } from "node:events";
import { createInterface } from "node:readline";
import { type } from "ot-text-unicode";

/** The contract's ops as the library's components: a number keeps, a string inserts, {d} deletes. */
function components(ops) {
  const out = [];
  let at = 0;
  for (const op of ops) {
    if (op.type === "retain") continue;
    if (op.position > at) out.push(op.position - at);
    at = op.position;
    if (op.type === "insert") {
      out.push(op.content);
    } else {
      out.push({ d: op.length });
      at += op.length;
    }
  }
  // The library wants neighbouring inserts joined; of several it would take
  // only the first before a concurrent one.
  return type.normalize(out);
}

function ops(components) {
  const out = [];
  let at = 0;
  for (const component of components) {
    if (typeof component === "number") {
      at += component;
    } else if (typeof component === "string") {
      out.push({ type: "insert", position: at, content: component });
    } else {
      out.push({ type: "delete", position: at, length: component.d });
      at += component.d;
    }
  }
  return out;
}

function answer({ doc, committed, change, next }) {
  const a = components(committed);
  const b = components(change);
  // Of two inserts at one position the left side's comes first.
  const a2 = type.transform(a, b, "left");
  const b2 = type.transform(b, a, "right");
  return {
    wantCommitted: ops(a2),
    wantChange: ops(b2),
    composed: ops(type.compose(a, components(next))),
    committedFirst: type.apply(type.apply(doc, a), b2),
    changeFirst: type.apply(type.apply(doc, b), a2),
  };
}

for await (const line of createInterface({ input: process.stdin })) {
  if (!process.stdout.write(`${JSON.stringify(answer(JSON.parse(line)))}\n`)) {
    await once(process.stdout, "drain");
  }
}

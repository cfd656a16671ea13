/** Which folder of the client imports which, and that no file imports itself by way of others; types count, too. */
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";

const source = fileURLToPath(new URL("../src", import.meta.url));

/** The folders that each may import beside itself; `""` is the files at the top. */
const allowed: Readonly<Record<string, readonly string[]>> = {
  // What a text is, and what is done to it: no network, no storage, no clock.
  ot: [],
  // The machine: time, chance, network events, and small things that all stand on.
  runtime: [],
  generated: ["ot"],
  // HTTP, the socket and topics, whatever they carry.
  net: ["runtime"],
  api: ["generated", "net", "ot", "runtime"],
  offline: ["api", "ot", "runtime"],
  meeting: ["api", "net", "runtime"],
  notes: ["api", "meeting", "net", "offline", "ot", "runtime"],
  "": ["api", "generated", "meeting", "net", "notes", "offline", "ot", "runtime"],
};
/** Imports nothing, so everybody may import it. */
const errors = "errors.ts";

const files = (readdirSync(source, { recursive: true }) as string[]).filter((file) => file.endsWith(".ts"));

/** Static and dynamic imports, exports from, and types by `import(…)`. */
function importsOf(file: string, text = readFileSync(join(source, file), "utf8")): string[] {
  return [...text.matchAll(/(?:\bfrom|\bimport|\bimport\()\s*"([^"]+)"/gu)].map(([, path = ""]) => {
    expect(path, `${file} imports a file of the package, by a relative path`).toMatch(/^\.{1,2}\/.*\.ts$/u);
    return normalize(join(dirname(file), path));
  });
}

const graph = new Map(files.map((file) => [file, importsOf(file)]));
const folderOf = (file: string): string => (file.includes("/") ? dirname(file) : "");

/** The first way from a file back to itself; undefined where there is none. */
function cycleIn(imports: ReadonlyMap<string, readonly string[]>): readonly string[] | undefined {
  const done = new Set<string>();
  const walk = (file: string, path: readonly string[]): readonly string[] | undefined => {
    const before = path.indexOf(file);
    if (before >= 0) return [...path.slice(before), file];
    if (done.has(file)) return undefined;
    for (const next of imports.get(file) ?? []) {
      const cycle = walk(next, [...path, file]);
      if (cycle !== undefined) return cycle;
    }
    done.add(file);
    return undefined;
  };
  for (const file of imports.keys()) {
    const cycle = walk(file, []);
    if (cycle !== undefined) return cycle;
  }
  return undefined;
}

describe("imports of the client", () => {
  test("every import leads to a file of the package", () => {
    for (const [file, imports] of graph) for (const each of imports) expect(files, `${file} imports ${each}`).toContain(each);
  });

  test.each(files)("%s imports in the folders' directions", (file) => {
    const folder = folderOf(file);
    const mayImport = allowed[folder] ?? expect.fail(`the folder ${folder} has no direction`);
    if (file === errors) expect(graph.get(file)).toEqual([]);
    for (const each of graph.get(file) ?? []) {
      if (each !== errors && folderOf(each) !== folder) expect(mayImport, `${file} imports ${each}`).toContain(folderOf(each));
    }
  });

  test("nothing imports itself by way of others", () => {
    expect(cycleIn(graph)).toBeUndefined();
  });

  test("the directions themselves have no circle", () => {
    expect(cycleIn(new Map(Object.entries(allowed)))).toBeUndefined();
  });

  test("a circle of types and a dynamic import would be found", () => {
    const circle = new Map([
      ["a.ts", importsOf("a.ts", 'import type { B } from "./b.ts";')],
      ["b.ts", importsOf("b.ts", 'const c = typeof import("./c.ts");')],
      ["c.ts", importsOf("c.ts", 'export { a } from "./a.ts";')],
    ]);
    expect(cycleIn(circle)).toEqual(["a.ts", "b.ts", "c.ts", "a.ts"]);
  });
});

import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { build } from "vite";
import { describe, expect, test } from "vitest";

const entry = fileURLToPath(new URL("../src/index.ts", import.meta.url));
const readme = readFileSync(new URL("../README.md", import.meta.url), "utf8");
const kilobyte = 1000;
/** What a page may load of this package before it opens notes, whatever it imports. */
const limit = 15 * kilobyte;

interface Chunk {
  readonly fileName: string;
  readonly isEntry: boolean;
  readonly imports: readonly string[];
  readonly size: number;
}

/** What a bundler makes of a script with `code`: minified, each file compressed by itself. */
async function bundle(code: string): Promise<Chunk[]> {
  const built = await build({
    configFile: false,
    logLevel: "silent",
    plugins: [{
      name: "page",
      resolveId: (id) => (id === "virtual:page" ? `\0${id}` : undefined),
      load: (id) => (id === "\0virtual:page" ? code : undefined),
    }],
    build: {
      write: false, minify: true, target: "es2022", modulePreload: false,
      // strict: a page may share what it loads at first only through a third file, which is the worst case.
      rolldownOptions: { input: "virtual:page", preserveEntrySignatures: "strict" },
    },
  });
  return (Array.isArray(built) ? built : [built])
    .flatMap((each) => ("output" in each ? each.output : []))
    .flatMap((each) => (each.type === "chunk"
      ? [{ fileName: each.fileName, isEntry: each.isEntry, imports: each.imports, size: gzipSync(each.code, { level: 9 }).length }]
      : []));
}

/** The compressed size of what loads before the script runs, and of all. */
function sizes(chunks: readonly Chunk[]): { first: number; all: number } {
  const wanted = new Set(chunks.filter(({ isEntry }) => isEntry).map(({ fileName }) => fileName));
  for (const name of wanted) for (const other of chunks.find(({ fileName }) => fileName === name)?.imports ?? []) wanted.add(other);
  const sum = (some: readonly Chunk[]) => some.reduce((n, { size }) => n + size, 0);
  return { first: sum(chunks.filter(({ fileName }) => wanted.has(fileName))), all: sum(chunks) };
}

/** A row of the README's table of sizes, in KB: at first, and with notes. */
function documented(row: string): { first: number; all: number } {
  const [, first, all] = new RegExp(`^\\| ${row} \\| ([\\d.]+) KB \\| ([\\d.]+) KB \\|$`, "mu").exec(readme) ?? [];
  return { first: Number(first), all: Number(all) };
}

const page = `import { Rapport } from ${JSON.stringify(entry)}; globalThis.rapport = new Rapport(globalThis.options);`;
const everything = `export * from ${JSON.stringify(entry)};`;

describe("size, minified and compressed", () => {
  for (const [row, code] of [["`Rapport`", page], ["everything that is exported", everything]] as const) {
    test(`${row}: below 15 KB before notes are opened, and as the README says`, async () => {
      const { first, all } = sizes(await bundle(code));
      console.log(`client, ${row}: ${first} bytes at first, ${all} with the notes`);
      expect(first).toBeGreaterThan(5 * kilobyte);
      expect(first).toBeLessThan(limit);
      const said = documented(row);
      expect(Math.abs(first / kilobyte - said.first), `the README says ${said.first} KB`).toBeLessThan(0.3);
      expect(Math.abs(all / kilobyte - said.all), `the README says ${said.all} KB`).toBeLessThan(0.3);
    });
  }

  test("nothing else is imported", async () => {
    const chunks = await bundle(everything);
    const own = new Set(chunks.map(({ fileName }) => fileName));
    for (const { imports } of chunks) expect(imports.filter((name) => !own.has(name))).toEqual([]);
  });
});

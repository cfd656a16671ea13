import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { build } from "vite";
import { describe, expect, test } from "vitest";

const entry = fileURLToPath(new URL("../src/index.ts", import.meta.url));
const kilobyte = 1024;

interface Chunk {
  readonly fileName: string;
  readonly isEntry: boolean;
  readonly imports: readonly string[];
  readonly size: number;
}

/** What a bundler makes of a page that has `code` as its script: minified, compressed. */
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
      rolldownOptions: { input: "virtual:page", preserveEntrySignatures: "strict" },
    },
  });
  return (Array.isArray(built) ? built : [built])
    .flatMap((each) => ("output" in each ? each.output : []))
    .flatMap((each) => (each.type === "chunk"
      ? [{ fileName: each.fileName, isEntry: each.isEntry, imports: each.imports, size: gzipSync(each.code, { level: 9 }).length }]
      : []));
}

/** The compressed size of what loads before the page runs, and of all. */
function sizes(chunks: readonly Chunk[]): { first: number; all: number } {
  const wanted = new Set(chunks.filter(({ isEntry }) => isEntry).map(({ fileName }) => fileName));
  for (const name of wanted) for (const other of chunks.find(({ fileName }) => fileName === name)?.imports ?? []) wanted.add(other);
  const sum = (some: readonly Chunk[]) => some.reduce((n, { size }) => n + size, 0);
  return { first: sum(chunks.filter(({ fileName }) => wanted.has(fileName))), all: sum(chunks) };
}

describe("size, minified and compressed", () => {
  test("a page with a client loads less than 15 KB; the notes come with the first that are opened", async () => {
    const { first, all } = sizes(await bundle(`import { Rapport } from ${JSON.stringify(entry)}; globalThis.rapport = new Rapport(globalThis.options);`));
    console.log(`client: ${first} bytes at first, ${all} with the notes`);
    expect(first).toBeGreaterThan(5 * kilobyte);
    expect(first).toBeLessThan(15 * kilobyte);
    expect(all - first).toBeLessThan(15 * kilobyte);
  });

  test("also when it uses all that the package has", async () => {
    const chunks = await bundle(`export * from ${JSON.stringify(entry)};`);
    const { first, all } = sizes(chunks);
    console.log(`client, with everything that can be imported: ${first} bytes at first, ${all} with the notes`);
    expect(first).toBeLessThan(15 * kilobyte);
  });

  test("nothing else is imported", async () => {
    const chunks = await bundle(`export * from ${JSON.stringify(entry)};`);
    const own = new Set(chunks.map(({ fileName }) => fileName));
    for (const { imports } of chunks) expect(imports.filter((name) => !own.has(name))).toEqual([]);
  });
});

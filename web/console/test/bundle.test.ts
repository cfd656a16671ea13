// @vitest-environment node
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { build, type Rolldown } from "vite";
import { beforeAll, describe, expect, it } from "vitest";

type File = Rolldown.OutputChunk | Rolldown.OutputAsset;

const root = fileURLToPath(new URL("..", import.meta.url));
let files: readonly File[] = [];

beforeAll(async () => {
  const built = await build({ root, logLevel: "silent", build: { write: false } });
  files = ([built].flat() as Rolldown.RolldownOutput[]).flatMap(({ output }) => output);
}, 120_000);

const size = (file: File): number => gzipSync(file.type === "chunk" ? file.code : file.source).length;

/** A chunk, what it imports at once, and their styles. */
function withImports(name: string, seen = new Set<string>()): ReadonlySet<string> {
  const file = files.find(({ fileName }) => fileName === name);
  if (!file || seen.has(name)) return seen;
  seen.add(name);
  if (file.type === "chunk") {
    for (const other of [...file.imports, ...(file.viteMetadata?.importedCss ?? [])]) withImports(other, seen);
  }
  return seen;
}

function chunkOf(source: string): string {
  const found = files.find((file) => file.type === "chunk" && file.facadeModuleId?.endsWith(source));
  return found?.fileName ?? expect.fail(`nothing is built of ${source}`);
}

describe("what a browser fetches, compressed", () => {
  const entry = (): string => files.find((file) => file.type === "chunk" && file.isEntry)?.fileName ?? expect.fail("there is no entry");
  const total = (names: Iterable<string>): number => [...names].reduce((sum, name) => sum + size(files.find(({ fileName }) => fileName === name) ?? expect.fail(name)), 0);

  it("is less than 200 KB until the first page is there, and until a room is", () => {
    const first = new Set(withImports(entry()));
    first.add("index.html");
    const room = new Set([...first, ...withImports(chunkOf("/lazy.ts"))]);
    const kb = (names: Iterable<string>): number => Math.round(total(names) / 102.4) / 10;
    console.log(`first page ${kb(first)} KB, room ${kb(room)} KB, everything ${kb(files.map(({ fileName }) => fileName))} KB`);
    expect(total(first)).toBeLessThan(200 * 1024);
    expect(total(room)).toBeLessThan(200 * 1024);
  });

  it.each(["/History.tsx", "/Ops.tsx", "/DraftReview.tsx"])("%s only when it is shown", (source) => {
    expect(withImports(entry()).has(chunkOf(source))).toBe(false);
  });
});

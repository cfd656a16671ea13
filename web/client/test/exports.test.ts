/** What the package exports says what it is for: editors and declaration files show it. */
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";

const read = (file: string): string => readFileSync(new URL(`../src/${file}`, import.meta.url), "utf8");

/** Every name that `file` exports from another, with that file; of `export type *` all of its names. */
function exportsOf(file: string): (readonly [name: string, from: string])[] {
  return [...read(file).matchAll(/^export (?:type )?(?:\*|\{([^}]*)\}) from "\.\/([^"]+)";$/gmu)].flatMap(([, names, from = ""]) =>
    (names ?? declared(read(from)).join()).split(",").map((name) => [name.trim(), from] as const));
}

/** What the text itself declares and exports. */
function declared(text: string): string[] {
  return [...text.matchAll(/^export (?:interface|type|class|function) (\w+)/gmu)].map(([, name = ""]) => name);
}

describe("the doc comment of", () => {
  const all = exportsOf("index.ts");

  test("nothing is missing from this list", () => {
    expect(all.map(([name]) => name)).toEqual(expect.arrayContaining(["Rapport", "RapportError", "apply", "Meeting", "NotesHandlers"]));
    expect(all.length).toBeGreaterThan(70);
  });

  test.each(all)("%s", (name, from) => {
    const lines = read(from).split("\n");
    const at = lines.findIndex((line) => new RegExp(`^export (?:interface|type|class|function) ${name}\\b`, "u").test(line));
    expect(at, `${from} declares ${name}`).toBeGreaterThan(0);
    expect(lines[at - 1]).toMatch(/\*\/$/u);
  });
});

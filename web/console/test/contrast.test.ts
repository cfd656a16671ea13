// @vitest-environment node
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";

const css = readFileSync(new URL("../src/styles/tokens.css", import.meta.url), "utf8");
const colours = new Map([...css.matchAll(/--([a-z-]+): light-dark\((#[0-9a-f]{6}), (#[0-9a-f]{6})\)/g)].map(([, name, light, dark]) => [name, { light, dark }]));

/** WCAG 2.2, relative luminance and contrast ratio. */
function luminance(hex: string): number {
  const [r = 0, g = 0, b = 0] = [1, 3, 5].map((at) => {
    const channel = parseInt(hex.slice(at, at + 2), 16) / 255;
    return channel <= 0.04045 ? channel / 12.92 : ((channel + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

function contrast(a: string, b: string): number {
  const [light, dark] = [luminance(a), luminance(b)].sort((x, y) => y - x) as [number, number];
  return (light + 0.05) / (dark + 0.05);
}

const plain = ["ground", "surface", "sunken"];
/** Text on its grounds: at least 4.5. */
const text: readonly (readonly [string, readonly string[]])[] = [
  ["ink", plain],
  ["ink-soft", plain],
  ["ink-faint", plain],
  ["accent", ["ground", "surface", "accent-soft"]],
  ["accent-strong", ["accent-soft"]],
  ["on-accent", ["accent", "accent-strong"]],
  ["good", ["good-soft"]],
  ["warn", ["warn-soft", "surface"]],
  ["bad", ["bad-soft", "surface"]],
];
/** Borders of controls, outlines, dots: at least 3. */
const shapes: readonly (readonly [string, readonly string[]])[] = [
  ["border", ["surface", "ground"]],
  ["accent", plain],
  ["good", ["surface"]],
  ["warn", ["surface"]],
  ["bad", ["surface"]],
];

describe.each(["light", "dark"] as const)("%s", (theme) => {
  const value = (name: string): string => colours.get(name)?.[theme] ?? expect.fail(`no colour ${name}`);
  const cases = [...text.map((row) => [...row, 4.5] as const), ...shapes.map((row) => [...row, 3] as const)];
  it.each(cases)("%s on %s has %d", (name, grounds, least) => {
    for (const ground of grounds) expect(contrast(value(name), value(ground)), `${name} on ${ground}`).toBeGreaterThanOrEqual(least);
  });
});

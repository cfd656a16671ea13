// @vitest-environment node
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";

const css = readFileSync(new URL("../src/styles/tokens.css", import.meta.url), "utf8");
const colours = new Map([...css.matchAll(/--([a-z-]+): light-dark\((#[0-9a-f]{6}), (#[0-9a-f]{6})\)/g)].map(([, name, light, dark]) => [name, { light, dark }]));

type Rgb = readonly [number, number, number];

/** Linear light, 0 to 1. */
function linear(hex: string): Rgb {
  return [1, 3, 5].map((at) => {
    const channel = parseInt(hex.slice(at, at + 2), 16) / 255;
    return channel <= 0.04045 ? channel / 12.92 : ((channel + 0.055) / 1.055) ** 2.4;
  }) as unknown as Rgb;
}

/** WCAG 2.2, relative luminance and contrast ratio. */
function luminance(hex: string): number {
  const [r, g, b] = linear(hex);
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

function contrast(a: string, b: string): number {
  const [light, dark] = [luminance(a), luminance(b)].sort((x, y) => y - x) as [number, number];
  return (light + 0.05) / (dark + 0.05);
}

const people = [..."abcdefgh"];
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
  ...people.map((letter) => [`on-person-${letter}`, [`person-${letter}`]] as const),
];
/** Borders of controls, outlines, dots: at least 3. */
const shapes: readonly (readonly [string, readonly string[]])[] = [
  ["border", ["surface", "ground"]],
  ["accent", plain],
  ["good", ["surface"]],
  ["warn", ["surface"]],
  ["bad", ["surface"]],
  ...people.map((letter) => [`person-${letter}`, ["surface", "ground"]] as const),
];

describe.each(["light", "dark"] as const)("%s", (theme) => {
  const value = (name: string): string => colours.get(name)?.[theme] ?? expect.fail(`no colour ${name}`);
  const cases = [...text.map((row) => [...row, 4.5] as const), ...shapes.map((row) => [...row, 3] as const)];
  it.each(cases)("%s on %s has %d", (name, grounds, least) => {
    for (const ground of grounds) expect(contrast(value(name), value(ground)), `${name} on ${ground}`).toBeGreaterThanOrEqual(least);
  });
});

/** What people see who lack a kind of cone: Machado, Oliveira and Fernandes, "A Physiologically-based Model for Simulation of Color Vision Deficiency" (2009), severity 1. */
const sights: Readonly<Record<string, readonly (readonly [number, number, number])[]>> = {
  "full colour vision": [[1, 0, 0], [0, 1, 0], [0, 0, 1]],
  protanopia: [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
  deuteranopia: [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.01182, 0.04294, 0.968881]],
  tritanopia: [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]],
};

/** Oklab (Ottosson 2020): equal distances look about equally different; 0.02 can just be seen side by side. */
function oklab([r, g, b]: Rgb): Rgb {
  const l = Math.cbrt(0.4122214708 * r + 0.5363325363 * g + 0.0514459929 * b);
  const m = Math.cbrt(0.2119034982 * r + 0.6806995451 * g + 0.1073969566 * b);
  const s = Math.cbrt(0.0883024619 * r + 0.2817188376 * g + 0.6299787005 * b);
  return [0.2104542553 * l + 0.793617785 * m - 0.0040720468 * s, 1.9779984951 * l - 2.428592205 * m + 0.4505937099 * s, 0.0259040371 * l + 0.7827717662 * m - 0.808675766 * s];
}

function seen(hex: string, sight: readonly (readonly [number, number, number])[]): Rgb {
  const light = linear(hex);
  return oklab(sight.map((row) => Math.min(1, Math.max(0, row[0] * light[0] + row[1] * light[1] + row[2] * light[2]))) as unknown as Rgb);
}

describe.each(Object.entries(sights))("people's colours with %s", (_name, sight) => {
  it.each(["light", "dark"] as const)("are told apart, %s", (theme) => {
    const all = people.map((letter) => seen(colours.get(`person-${letter}`)?.[theme] ?? expect.fail(`no colour ${letter}`), sight));
    const nearest = all.flatMap((a, i) => all.slice(0, i).map((b, j) => ({ pair: `${people[j]}${people[i]}`, distance: Math.hypot(a[0] - b[0], a[1] - b[1], a[2] - b[2]) })))
      .reduce((one, other) => (other.distance < one.distance ? other : one));
    expect(nearest.distance, `persons ${nearest.pair}`).toBeGreaterThanOrEqual(0.075);
  });
});

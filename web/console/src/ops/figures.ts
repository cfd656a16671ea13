/** Readings over time: what is shown as lines, and figures in words. */
import type { Reading } from "./reading.ts";

/** Five minutes, at one reading in two seconds. */
export const keptReadings = 150;

export interface Point {
  readonly at: number;
  /** Undefined where it isn't known. */
  readonly value: number | undefined;
}

export function withReading(readings: readonly Reading[], next: Reading): readonly Reading[] {
  return [...readings.slice(-(keptReadings - 1)), next];
}

export function levels(readings: readonly Reading[], of: (reading: Reading) => number | undefined): readonly Point[] {
  return readings.map((reading) => ({ at: reading.at, value: of(reading) }));
}

/** How fast a count grew between one reading and the next, in a second. A count that fell began anew with its runner. */
export function rates(readings: readonly Reading[], of: (reading: Reading) => number): readonly Point[] {
  return readings.slice(1).map((reading, i) => {
    const before = readings[i];
    const seconds = before ? (reading.at - before.at) / 1000 : 0;
    const grown = before ? of(reading) - of(before) : 0;
    return { at: reading.at, value: seconds > 0 && grown >= 0 ? grown / seconds : undefined };
  });
}

export function newest(points: readonly Point[]): number | undefined {
  return points.at(-1)?.value;
}

const plain = new Intl.NumberFormat(undefined, { maximumFractionDigits: 0 });
const one = new Intl.NumberFormat(undefined, { maximumFractionDigits: 1 });

export function countText(value: number | undefined): string {
  return value === undefined ? "–" : plain.format(value);
}

export function rateText(value: number | undefined): string {
  if (value === undefined) return "–";
  return `${(value < 10 ? one : plain).format(value)}/s`;
}

/** Seconds as a person reads them: "0.4 ms", "37 ms", "1.2 s", "3 min". */
export function durationText(seconds: number | undefined): string {
  if (seconds === undefined) return "–";
  if (seconds < 0.01) return `${one.format(seconds * 1000)} ms`;
  if (seconds < 1) return `${plain.format(seconds * 1000)} ms`;
  return seconds < 120 ? `${one.format(seconds)} s` : `${plain.format(seconds / 60)} min`;
}

import { useId } from "preact/hooks";
import { newest, type Point } from "./figures.ts";

export interface Line {
  readonly name: string;
  readonly points: readonly Point[];
}

interface Props {
  readonly title: string;
  readonly lines: readonly Line[];
  readonly text: (value: number | undefined) => string;
  /** How much time it shows, ending now. */
  readonly spanMs: number;
  readonly now: number;
}

const width = 320;
const height = 84;
/** Lines differ by their dashes as well as by their colour. */
const dashes = ["", "5 3", "1.5 2.5", "8 3 1.5 3"];

/** Up to four lines over time, with a legend that has the newest figures. */
export function Chart({ title, lines, text, spanMs, now }: Props) {
  const id = useId();
  const values = lines.flatMap(({ points }) => points.flatMap(({ value }) => value ?? []));
  const most = Math.max(0, ...values);
  const top = niceAbove(most);
  const summary = lines.map(({ name, points }) => `${name} ${text(newest(points))}`).join(", ");
  return (
    <figure class="chart">
      <svg viewBox={`0 0 ${width} ${height}`} preserveAspectRatio="none" role="img" aria-labelledby={id}>
        <title id={id}>{`${title}, the last ${spanText(spanMs)}. Now: ${summary}. Highest: ${text(most)}.`}</title>
        <path class="chart-grid" d={`M0 .5H${width}M0 ${height / 2}H${width}M0 ${height - 0.5}H${width}`} />
        {lines.map(({ name, points }, i) => (
          <path key={name} class={`chart-line chart-line-${i}`} stroke-dasharray={dashes[i] || undefined} d={pathOf(points, top, spanMs, now)} />
        ))}
      </svg>
      <span class="chart-top" aria-hidden="true">
        {values.length > 0 ? text(top) : "nothing measured yet"}
      </span>
      <figcaption>
        {lines.map(({ name, points }, i) => (
          <span key={name} class="chart-key">
            <svg viewBox="0 0 22 8" width="22" height="8" aria-hidden="true">
              <path class={`chart-line chart-line-${i}`} stroke-dasharray={dashes[i] || undefined} d="M0 4H22" />
            </svg>
            {name} <b>{text(newest(points))}</b>
          </span>
        ))}
      </figcaption>
    </figure>
  );
}

/** "minute", "3 minutes". */
export function spanText(ms: number): string {
  const minutes = Math.round(ms / 60_000);
  return minutes === 1 ? "minute" : `${minutes} minutes`;
}

/** A line with gaps where nothing is known. */
export function pathOf(points: readonly Point[], top: number, spanMs: number, now: number): string {
  let path = "";
  let drawing = false;
  for (const { at, value } of points) {
    if (value === undefined || at < now - spanMs) {
      drawing = false;
      continue;
    }
    const x = width * (1 - (now - at) / spanMs);
    const y = height - 1 - (height - 2) * (top > 0 ? value / top : 0);
    path += `${drawing ? "L" : "M"}${x.toFixed(1)} ${y.toFixed(1)}`;
    drawing = true;
  }
  return path;
}

/** The next of 1, 2, 5, 10, 20 … at or above. */
export function niceAbove(value: number): number {
  if (value <= 0) return 1;
  const unit = 10 ** Math.floor(Math.log10(value));
  return ([1, 2, 5, 10].find((step) => step * unit >= value * (1 - 1e-9)) ?? 10) * unit;
}

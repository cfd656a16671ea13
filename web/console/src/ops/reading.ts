/** What the runner counts, at one moment; the names are those of docs/realtime.md, as /metrics writes them. */
import type { Sample } from "./prometheus.ts";

export const lanes = ["express", "durable", "replay", "revocation"] as const;
export const outcomes = ["posted", "failed", "dropped"] as const;
export type Lane = (typeof lanes)[number];
export type Outcome = (typeof outcomes)[number];

/** Seconds; undefined where nothing was measured in the last minute. */
export interface Quantiles {
  readonly p50: number | undefined;
  readonly p95: number | undefined;
  readonly p99: number | undefined;
  readonly count: number;
}

export interface FunctionReading {
  readonly name: string;
  readonly duration: Quantiles;
  readonly calls: number;
  readonly failures: number;
  readonly refusals: number;
}

export interface ReaderReading {
  readonly name: string;
  readonly behind: number;
  readonly age: number;
  readonly records: number;
  readonly failures: number;
  readonly discarded: number;
}

/** Counts grow since the runner began. */
export interface Reading {
  /** Milliseconds since the epoch, by a clock that is not set while the page is open: rates are taken from it. */
  readonly at: number;
  readonly sockets: number;
  readonly frames: Readonly<Record<Outcome, Readonly<Record<Lane, number>>>>;
  /** By kind of topic. */
  readonly fanout: ReadonlyMap<string, Quantiles>;
  readonly breakers: { readonly opened: number; readonly closed: number; readonly givenUp: number };
  readonly functions: readonly FunctionReading[];
  readonly readers: readonly ReaderReading[];
  readonly units: { readonly read: number; readonly write: number; readonly calls: number };
}

export function readingOf(samples: readonly Sample[], at: number): Reading {
  const byName = new Map<string, Sample[]>();
  for (const sample of samples) {
    const same = byName.get(sample.name);
    if (same) same.push(sample);
    else byName.set(sample.name, [sample]);
  }
  const all = (name: string): readonly Sample[] => byName.get(`rapport_${name}`) ?? [];
  const sum = (name: string, where: Readonly<Record<string, string>> = {}): number =>
    all(name).reduce((total, { labels, value }) => (Object.entries(where).every(([key, wanted]) => labels[key] === wanted) ? total + value : total), 0);
  const frames = (outcome: Outcome): Readonly<Record<Lane, number>> =>
    Object.fromEntries(lanes.map((lane) => [lane, sum(`frames_${outcome}_total`, { lane })])) as Record<Lane, number>;
  const values = (name: string, key: string): readonly string[] => [...new Set(all(name).flatMap(({ labels }) => labels[key] ?? []))].sort();

  return {
    at,
    sockets: sum("sockets_open"),
    frames: { posted: frames("posted"), failed: frames("failed"), dropped: frames("dropped") },
    fanout: new Map(values("fanout_latency_seconds", "kind").map((kind) => [kind, quantiles(all, "fanout_latency_seconds", { kind })])),
    breakers: { opened: sum("breakers_opened_total"), closed: sum("breakers_closed_total"), givenUp: sum("sockets_given_up_total") },
    functions: values("call_duration_seconds", "function").map((name) => {
      const duration = quantiles(all, "call_duration_seconds", { function: name });
      const failed = sum("failures_total", { function: name }) + sum("function_errors_total", { function: name }) + sum("function_timeouts_total", { function: name });
      return { name, duration, calls: duration.count, failures: failed, refusals: sum("refusals_total", { function: name }) };
    }),
    readers: all("stream_behind_seconds").map(({ labels, value }) => {
      const of = (name: string): number => sum(name, labels);
      return {
        name: [labels["function"], labels["table"]].filter(Boolean).join(" · "),
        behind: value,
        age: of("stream_iterator_age_seconds"),
        records: of("stream_records_total"),
        failures: of("stream_failures_total"),
        discarded: of("stream_discarded_total"),
      };
    }),
    units: { read: sum("read_units_total"), write: sum("write_units_total"), calls: sum("table_calls_total") },
  };
}

function quantiles(all: (name: string) => readonly Sample[], name: string, where: Readonly<Record<string, string>>): Quantiles {
  const matches = ({ labels }: Sample): boolean => Object.entries(where).every(([key, wanted]) => labels[key] === wanted);
  const at = (quantile: string): number | undefined => {
    const value = all(name).find((sample) => sample.labels["quantile"] === quantile && matches(sample))?.value;
    return value === undefined || Number.isNaN(value) ? undefined : value;
  };
  return { p50: at("0.5"), p95: at("0.95"), p99: at("0.99"), count: all(`${name}_count`).find(matches)?.value ?? 0 };
}

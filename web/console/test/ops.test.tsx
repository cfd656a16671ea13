import { render } from "preact";
import { act } from "preact/test-utils";
import { afterEach, describe, expect, it } from "vitest";
import { Chart, niceAbove, pathOf } from "../src/ops/Chart.tsx";
import { countText, durationText, keptReadings, levels, rates, rateText, withReading } from "../src/ops/figures.ts";
import { parseMetrics } from "../src/ops/prometheus.ts";
import { type Reading, readingOf } from "../src/ops/reading.ts";

/** As the runner writes it. */
const text = `# HELP rapport_sockets_open WebSockets that are open.
# TYPE rapport_sockets_open gauge
rapport_sockets_open 12
rapport_frames_posted_total{kind="notes",lane="express"} 1.5e+03
rapport_frames_posted_total{kind="state",lane="express"} 7
rapport_frames_posted_total{kind="notes",lane="durable"} 40
rapport_frames_failed_total{kind="notes",lane="express"} 3
rapport_fanout_latency_seconds{kind="notes",quantile="0.5"} 0.0123
rapport_fanout_latency_seconds{kind="notes",quantile="0.95"} 0.09
rapport_fanout_latency_seconds{kind="notes",quantile="0.99"} NaN
rapport_fanout_latency_seconds_sum{kind="notes"} 8.5
rapport_fanout_latency_seconds_count{kind="notes"} 300
rapport_breakers_opened_total{kind="notes"} 4
rapport_breakers_closed_total{kind="notes"} 3
rapport_call_duration_seconds{function="notes/append",quantile="0.5"} 0.002
rapport_call_duration_seconds{function="notes/append",quantile="0.95"} 0.02
rapport_call_duration_seconds{function="notes/append",quantile="0.99"} 0.2
rapport_call_duration_seconds_count{function="notes/append"} 900
rapport_failures_total{function="notes/append"} 2
rapport_function_errors_total{function="notes/append"} 1
rapport_refusals_total{function="notes/append"} 5
rapport_stream_behind_seconds{event="Log",function="streams/project",table="Log"} 1.25
rapport_stream_iterator_age_seconds{event="Log",function="streams/project",table="Log"} 0.25
rapport_stream_records_total{event="Log",function="streams/project",table="Log"} 5000
rapport_stream_records_total{event="Data",function="streams/fanout",table="Data"} 7
rapport_read_units_total{function="notes/append"} 10.5
rapport_read_units_total{function="notes/get"} 4
rapport_write_units_total{function="notes/append"} 900
go_info{version="go1.26.8"} 1
broken{ 1
`;

describe("metrics", () => {
  it("are read with their labels", () => {
    expect(parseMetrics(`a{x="1",y="two \\"quoted\\" \\\\ \\n"} 2.5 1700000000\nb +Inf\nc NaN\n`)).toEqual([
      { name: "a", labels: { x: "1", y: 'two "quoted" \\ \n' }, value: 2.5 },
      { name: "b", labels: {}, value: Infinity },
      { name: "c", labels: {}, value: NaN },
    ]);
    expect(parseMetrics("# a comment\n\nnot a sample at all\n")).toEqual([]);
  });

  it("become a reading", () => {
    const reading = readingOf(parseMetrics(text), 5_000);
    expect(reading.sockets).toBe(12);
    expect(reading.frames.posted).toEqual({ express: 1507, durable: 40, replay: 0, revocation: 0 });
    expect(reading.frames.failed.express).toBe(3);
    expect(reading.fanout.get("notes")).toEqual({ p50: 0.0123, p95: 0.09, p99: undefined, count: 300 });
    expect(reading.breakers).toEqual({ opened: 4, closed: 3, givenUp: 0 });
    expect(reading.functions).toEqual([{ name: "notes/append", duration: { p50: 0.002, p95: 0.02, p99: 0.2, count: 900 }, calls: 900, failures: 3, refusals: 5 }]);
    expect(reading.readers).toEqual([{ name: "streams/project · Log", behind: 1.25, age: 0.25, records: 5000, failures: 0, discarded: 0 }]);
    expect(reading.units).toEqual({ read: 14.5, write: 900, calls: 0 });
  });

  it("of a runner that has just begun are zeros", () => {
    const reading = readingOf([], 0);
    expect([reading.sockets, reading.functions, reading.readers, reading.units.read]).toEqual([0, [], [], 0]);
  });
});

describe("figures over time", () => {
  const reading = (at: number, write: number): Reading => ({ ...readingOf([], at), units: { read: 0, write, calls: 0 } });

  it("are rates of what grows, with a gap where the runner began anew", () => {
    const readings = [reading(0, 100), reading(2_000, 120), reading(4_000, 5), reading(6_000, 6)];
    expect(rates(readings, ({ units }) => units.write)).toEqual([{ at: 2_000, value: 10 }, { at: 4_000, value: undefined }, { at: 6_000, value: 0.5 }]);
    expect(levels(readings, ({ units }) => units.write).map(({ value }) => value)).toEqual([100, 120, 5, 6]);
  });

  it("are kept for a while", () => {
    let readings: readonly Reading[] = [];
    for (let i = 0; i < keptReadings + 20; i++) readings = withReading(readings, reading(i, i));
    expect([readings.length, readings[0]?.at, readings.at(-1)?.at]).toEqual([keptReadings, 20, keptReadings + 19]);
  });

  it("are words", () => {
    expect([undefined, 0.0004, 0.037, 1.24, 180].map(durationText)).toEqual(["–", `${(0.4).toLocaleString()} ms`, "37 ms", `${(1.2).toLocaleString()} s`, "3 min"]);
    expect([undefined, 0, 3.25, 1234].map(rateText)).toEqual(["–", "0/s", `${(3.3).toLocaleString()}/s`, `${(1234).toLocaleString()}/s`]);
    expect(countText(undefined)).toBe("–");
  });
});

describe("a chart", () => {
  afterEach(() => {
    document.body.textContent = "";
  });

  it("has round tops", () => {
    expect([0, 0.3, 1, 1.1, 42, 100, 730].map(niceAbove)).toEqual([1, 0.5, 1, 2, 50, 100, 1000]);
  });

  it("leaves gaps, and what is too old out", () => {
    const points = [{ at: 0, value: 9 }, { at: 50, value: 1 }, { at: 60, value: undefined }, { at: 75, value: 2 }, { at: 100, value: 0 }];
    expect(pathOf(points, 2, 50, 100)).toBe("M0.0 42.0M160.0 1.0L320.0 83.0");
    expect(pathOf([], 0, 50, 100)).toBe("");
  });

  it("says in words what it shows, and tells lines apart by their dashes", () => {
    act(() => {
      render(<Chart title="Frames" text={rateText} spanMs={300_000} now={2_000} lines={[{ name: "express", points: [{ at: 0, value: 3 }, { at: 2_000, value: 1 }] }, { name: "durable", points: [] }]} />, document.body);
    });
    expect(document.querySelector("title")?.textContent).toBe("Frames, the last 5 minutes. Now: express 1/s, durable –. Highest: 3/s.");
    expect([...document.querySelectorAll(".chart-key path")].map((path) => path.getAttribute("stroke-dasharray"))).toEqual([null, "5 3"]);
  });
});

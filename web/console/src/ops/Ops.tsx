import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import { usePage } from "../ui/page.ts";
import { Chart, type Line, spanText } from "./Chart.tsx";
import { countText, durationText, levels, newest, rates, rateText } from "./figures.ts";
import { type Lane, lanes, outcomes, type Quantiles, type Reading } from "./reading.ts";
import { Table } from "./Table.tsx";
import { useReadings } from "./useReadings.ts";
import "../styles/ops.css";

/** The charts show all that was read, but no more and no less than this. */
const longestMs = 5 * 60_000;
const shortestMs = 60_000;

/** What the runner does now, from /metrics. */
export function Ops() {
  const heading = usePage("Operations");
  const { readings, silentSince } = useReadings();
  const last = readings.at(-1);
  return (
    <div class="page ops">
      <div class="page-head">
        <h1 ref={heading} tabIndex={-1}>
          Operations
        </h1>
        <p class="ops-source">
          {last && `The last ${spanText(spanOf(readings, last))}. `}From <a href="/metrics">/metrics</a>, every 2 seconds
        </p>
      </div>
      {silentSince && (
        <p class="banner" data-tone="bad" role="alert">
          The runner has not answered since {silentSince.toLocaleTimeString()}. What you see is how it was then.
        </p>
      )}
      {last ? <Figures readings={readings} last={last} /> : !silentSince && <p class="waiting">Reading…</p>}
    </div>
  );
}

function spanOf(readings: readonly Reading[], last: Reading): number {
  return Math.min(longestMs, Math.max(shortestMs, last.at - (readings[0] ?? last).at));
}

function Figures({ readings, last }: { readonly readings: readonly Reading[]; readonly last: Reading }) {
  const spanMs = spanOf(readings, last);
  const chart = { spanMs, now: last.at };
  const sockets: Line = { name: "open", points: levels(readings, ({ sockets: open }) => open) };
  const posted: readonly Line[] = lanes.map((lane) => ({ name: lane, points: rates(readings, ({ frames }) => frames.posted[lane]) }));
  const troubled: readonly Line[] = (["failed", "dropped"] as const).map((outcome) => ({
    name: outcome,
    points: rates(readings, ({ frames }) => lanes.reduce((sum, lane) => sum + frames[outcome][lane], 0)),
  }));
  const breakers: readonly Line[] = [
    { name: "opened", points: rates(readings, (reading) => reading.breakers.opened) },
    { name: "closed", points: rates(readings, (reading) => reading.breakers.closed) },
    { name: "sockets given up", points: rates(readings, (reading) => reading.breakers.givenUp) },
  ];
  const units: readonly Line[] = [
    { name: "read", points: rates(readings, (reading) => reading.units.read) },
    { name: "write", points: rates(readings, (reading) => reading.units.write) },
  ];
  const behind = levels(readings, ({ readers }) => (readers.length > 0 ? Math.max(...readers.map((reader) => reader.behind)) : undefined));
  return (
    <>
      <div class="ops-cards">
        <Card title="Connections" figure={countText(newest(sockets.points))} note="WebSockets open">
          <Chart title="Open WebSockets" lines={[sockets]} text={countText} {...chart} />
        </Card>
        <Fanout readings={readings} last={last} spanMs={spanMs} />
        <Card title="Frames posted" figure={rateText(total(posted))} note="by lane">
          <Chart title="Frames posted" lines={posted} text={rateText} {...chart} />
        </Card>
        <Card title="Frames not posted" figure={rateText(total(troubled))} note="failed, or dropped without trying">
          <Chart title="Frames not posted" lines={troubled} text={rateText} {...chart} />
        </Card>
        <Card title="Breakers" figure={countText(last.breakers.opened - last.breakers.closed - last.breakers.givenUp)} note="opened and not closed again">
          <Chart title="Breakers" lines={breakers} text={rateText} {...chart} />
        </Card>
        <Card title="Stream readers" figure={durationText(newest(behind))} note="the furthest behind">
          <Chart title="Age of the oldest record that isn't done" lines={[{ name: "behind", points: behind }]} text={durationText} {...chart} />
        </Card>
        <Card title="Capacity" figure={rateText(total(units))} note="read and write units">
          <Chart title="Capacity units" lines={units} text={rateText} {...chart} />
        </Card>
      </div>
      <Tables readings={readings} last={last} />
    </>
  );
}

function Card({ title, figure, note, children }: { readonly title: string; readonly figure: string; readonly note: ComponentChildren; readonly children: ComponentChildren }) {
  return (
    <section class="panel ops-card" aria-label={title}>
      <h2>{title}</h2>
      <p class="ops-figure">
        {figure} <span>{note}</span>
      </p>
      {children}
    </section>
  );
}

/** The way from a commit to the end of the post that carried it, for one kind of topic. */
function Fanout({ readings, last, spanMs }: { readonly readings: readonly Reading[]; readonly last: Reading; readonly spanMs: number }) {
  const kinds = [...last.fanout.keys()];
  const [chosen, setChosen] = useState("notes");
  const kind = kinds.includes(chosen) ? chosen : kinds[0];
  const of = (pick: (quantiles: Quantiles) => number | undefined) =>
    levels(readings, ({ fanout }) => {
      const quantiles = kind === undefined ? undefined : fanout.get(kind);
      return quantiles && pick(quantiles);
    });
  const lines: readonly Line[] = [{ name: "p50", points: of(({ p50 }) => p50) }, { name: "p95", points: of(({ p95 }) => p95) }, { name: "p99", points: of(({ p99 }) => p99) }];
  const note = (
    <>
      p95 of{" "}
      {kinds.length > 1 ? (
        <select class="ops-kind" aria-label="Kind of topic" value={kind} onChange={(event) => setChosen(event.currentTarget.value)}>
          {kinds.map((each) => (
            <option key={each} value={each}>
              {each}
            </option>
          ))}
        </select>
      ) : (
        (kind ?? "nothing yet")
      )}
    </>
  );
  return (
    <Card title="Fan-out latency" figure={durationText(newest(lines[1]?.points ?? []))} note={note}>
      <Chart title="From commit to the end of the post" lines={lines} text={durationText} spanMs={spanMs} now={last.at} />
    </Card>
  );
}

/** Everything that the charts show as figures, and what is too much for charts. */
function Tables({ readings, last }: { readonly readings: readonly Reading[]; readonly last: Reading }) {
  const before = readings.at(-6) ?? readings[0];
  const callsOf = new Map(before?.functions.map(({ name, calls }) => [name, calls]));
  const seconds = before ? (last.at - before.at) / 1000 : 0;
  const rate = (name: string, calls: number): number | undefined => (seconds > 0 ? Math.max(0, calls - (callsOf.get(name) ?? 0)) / seconds : undefined);
  const functions = [...last.functions].sort((a, b) => b.calls - a.calls);
  return (
    <>
      <Table title="Functions" rows={functions} nameOf={({ name }) => name} nameLabel="Function" columns={[
        { label: "Calls", text: ({ calls }) => countText(calls) },
        { label: "Now", text: ({ name, calls }) => rateText(rate(name, calls)) },
        { label: "p50", text: ({ duration }) => durationText(duration.p50) },
        { label: "p95", text: ({ duration }) => durationText(duration.p95) },
        { label: "p99", text: ({ duration }) => durationText(duration.p99) },
        { label: "Failures", text: ({ failures }) => countText(failures), bad: ({ failures }) => failures > 0 },
        { label: "Refusals", text: ({ refusals }) => countText(refusals) },
      ]} />
      <Table title="Stream readers" rows={last.readers} nameOf={({ name }) => name} nameLabel="Reader" columns={[
        { label: "Behind", text: ({ behind }) => durationText(behind), bad: ({ behind }) => behind > 10 },
        { label: "Age at its last batch", text: ({ age }) => durationText(age) },
        { label: "Records", text: ({ records }) => countText(records) },
        { label: "Failed batches", text: ({ failures }) => countText(failures), bad: ({ failures }) => failures > 0 },
        { label: "Given up", text: ({ discarded }) => countText(discarded), bad: ({ discarded }) => discarded > 0 },
      ]} />
      <Table title="Frames since the runner began" rows={lanes} nameOf={(lane) => lane} nameLabel="Lane"
        columns={outcomes.map((outcome) => ({ label: capital(outcome), text: (lane: Lane) => countText(last.frames[outcome][lane]) }))} />
      <Table title="Fan-out latency of the last minute" rows={[...last.fanout]} nameOf={([kind]) => kind} nameLabel="Kind of topic" columns={[
        { label: "p50", text: ([, { p50 }]) => durationText(p50) },
        { label: "p95", text: ([, { p95 }]) => durationText(p95) },
        { label: "p99", text: ([, { p99 }]) => durationText(p99) },
        { label: "Posts", text: ([, { count }]) => countText(count) },
      ]} />
      <Table title="Other counts" rows={[
        ["WebSockets open", last.sockets], ["Breakers opened", last.breakers.opened], ["Breakers closed", last.breakers.closed], ["Sockets given up", last.breakers.givenUp],
        ["Read units", last.units.read], ["Write units", last.units.write], ["Calls to tables", last.units.calls],
      ] as const} nameOf={([name]) => name} nameLabel="What" columns={[{ label: "Count", text: ([, value]) => countText(value) }]} />
    </>
  );
}

function total(lines: readonly Line[]): number | undefined {
  const values = lines.map(({ points }) => newest(points));
  return values.every((value) => value === undefined) ? undefined : values.reduce<number>((sum, value) => sum + (value ?? 0), 0);
}

function capital(word: string): string {
  return word.charAt(0).toUpperCase() + word.slice(1);
}

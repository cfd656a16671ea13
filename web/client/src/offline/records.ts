/**
 * Edits as they are kept between tabs: a base, which is a replica as it once was,
 * and a journal of what happened to it since, in segments with ascending
 * numbers. So a letter costs a small write, however long the text is.
 */
import { parseOps, parsePlaces } from "../api/changes.ts";
import type { Change } from "../ot/change.ts";
import { apply, compose } from "../ot/operations.ts";
import { advance } from "../ot/pending.ts";
import type { InFlight, PendingEdits, Step } from "../ot/pending.ts";
import type { ReplicaState } from "../ot/replica.ts";
import { asArray, asCount, asFields, asString, readEach, readShape } from "../runtime/json.ts";

/** What is stored as the base. Format 1, of earlier versions, had no journal; others are left alone. */
export interface BaseRecord extends ReplicaState {
  readonly format: 2;
  /** The number of the first segment that counts: those before are of an older base. */
  readonly segment: number;
}

/** What is stored as one segment of the journal. */
export interface SegmentRecord {
  readonly format: 2;
  readonly steps: readonly Step[];
}

/** Undefined for what is nothing of this version's. */
export function parseBase(value: unknown): { readonly saved: ReplicaState; readonly segment: number } | undefined {
  const fields = asFields(value);
  const saved = readShape<Omit<ReplicaState, "inFlight" | "places" | "epoch">>(value, {
    version: asCount,
    confirmed: asString,
    buffer: parseOps,
    waiting: (waiting) => asCount(waiting) ?? 1,
    nextSeq: asCount,
  });
  const flight = fields?.["inFlight"];
  const inFlight = parseInFlight(flight);
  if (saved === undefined || (inFlight === undefined && flight !== undefined)) return undefined;
  // Without a journal, no segment counts.
  const segment = fields?.["format"] === 1 ? Infinity : fields?.["format"] === 2 ? asCount(fields["segment"]) : undefined;
  return segment === undefined ? undefined : {
    // Records of earlier versions have no epoch.
    saved: { ...saved, inFlight, places: parsePlaces(value).places ?? [], epoch: asString(fields?.["epoch"]) }, segment,
  };
}

/** Undefined for what is no segment, or only partly one. */
export function parseSegment(value: unknown): readonly Step[] | undefined {
  const fields = asFields(value);
  const list = asArray(fields?.["steps"]);
  const steps = readEach(list, parseStep);
  return fields?.["format"] === 2 && list?.length === steps.length ? steps : undefined;
}

/**
 * The saved edits with what happened since. The confirmed text is put together
 * once, at the end: a journal takes no longer for a long text. Throws
 * RapportError where a step doesn't fit.
 */
export function replay(saved: ReplicaState, steps: readonly Step[]): ReplicaState {
  const { confirmed, epoch, ...base } = saved;
  let pending: PendingEdits = base;
  let since: Change = [];
  for (const step of steps) {
    const next = advance(pending, step);
    pending = next.pending;
    since = compose(since, next.committed);
  }
  return { confirmed: apply(confirmed, since), epoch, ...pending };
}

function parseStep(value: unknown): Step | undefined {
  const kind = asFields(value)?.["kind"];
  switch (kind) {
    case "edit":
      return readShape<Extract<Step, { kind: "edit" }>>(value, { kind: () => kind, change: parseOps });
    case "own":
      return readShape<Extract<Step, { kind: "own" }>>(value, { kind: () => kind, ops: parseOps });
    case "others":
      return readShape<Extract<Step, { kind: "others" }>>(value, { kind: () => kind, ops: parseOps });
    case "begin":
    case "recall":
      return { kind };
    default:
      return undefined;
  }
}

function parseInFlight(value: unknown): InFlight | undefined {
  const flight = readShape<Omit<InFlight, "places">>(value, {
    clientSeq: asCount,
    baseVersion: asCount,
    ops: parseOps,
    change: parseOps,
    edits: (edits) => asCount(edits) ?? 1,
  });
  return flight && { ...flight, ...parsePlaces(value) };
}

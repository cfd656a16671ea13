/** Operations and places as they come from outside: in frames, answers and records. */
import type { Change, Delete, Insert, Op, Retain } from "../ot/change.ts";
import type { Place } from "../ot/places.ts";
import { asArray, asCount, asFields, asString, readEach, readShape } from "../runtime/json.ts";

/** Undefined when it is not a list of operations. Whether they fit is seen when they are applied. */
export function parseOps(value: unknown): Change | undefined {
  const ops = readEach(value, parseOp);
  return asArray(value)?.length === ops.length ? ops : undefined;
}

function parseOp(value: unknown): Op | undefined {
  switch (asFields(value)?.["type"]) {
    case "insert":
      return readShape<Insert>(value, { type: () => "insert", position: asCount, content: asString });
    case "delete":
      return readShape<Delete>(value, { type: () => "delete", position: asCount, length: asCount });
    case "retain":
      return readShape<Retain>(value, { type: () => "retain", position: asCount, length: asCount });
    default:
      return undefined;
  }
}

/** The field of a change, where it has one. */
export function parsePlaces(change: unknown): { readonly places?: readonly Place[] } {
  const places = readEach(asFields(change)?.["places"], (place) =>
    readShape<Place>(place, { offset: asCount, version: asCount, after: asCount }));
  return places.length > 0 ? { places } : {};
}

/** Reads fields of JSON that came from outside: what has another type is undefined. */

export type Fields = Readonly<Record<string, unknown>>;
type Reader<T> = (value: unknown) => T | undefined;

/** An object with every field that `readers` names; undefined where one of them can't be read. Others are left out. */
export function readShape<T extends object>(value: unknown, readers: { readonly [K in keyof T]: Reader<T[K]> }): T | undefined {
  const fields = asFields(value);
  const shape: Partial<T> = {};
  for (const name in readers) {
    const field = readers[name](fields?.[name]);
    if (field === undefined) return undefined;
    shape[name] = field;
  }
  return shape as T;
}

/** What can be read of a list; the rest is left out. */
export function readEach<T>(list: unknown, read: Reader<T>): T[] {
  return (asArray(list) ?? []).flatMap((item) => read(item) ?? []);
}

export function parseFields(text: string): Fields | undefined {
  try {
    return asFields(JSON.parse(text));
  } catch {
    return undefined; // Not JSON is one of the things that "undefined" says.
  }
}

export function asFields(value: unknown): Fields | undefined {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Fields) : undefined;
}

export function asString(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}

/** RFC 3339 as milliseconds since the epoch. */
export function asTime(value: unknown): number | undefined {
  const at = Date.parse(asString(value) ?? "");
  return Number.isNaN(at) ? undefined : at;
}

export function asNumber(value: unknown): number | undefined {
  return typeof value === "number" ? value : undefined;
}

export function asBoolean(value: unknown): boolean | undefined {
  return typeof value === "boolean" ? value : undefined;
}

/** A position, version or count: a whole number from 0. */
export function asCount(value: unknown): number | undefined {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0 ? value : undefined;
}

export function asArray(value: unknown): readonly unknown[] | undefined {
  return Array.isArray(value) ? value : undefined;
}

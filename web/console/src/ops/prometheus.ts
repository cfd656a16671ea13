/** Reads Prometheus's text format, as far as /metrics uses it: names, labels and values. */
export interface Sample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

const line = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})?[ \t]+(\S+)(?:[ \t]+-?\d+)?$/u;
const label = /([a-zA-Z_]\w*)="((?:[^"\\]|\\.)*)"[, ]*/guy;
const escapes: Readonly<Record<string, string>> = { n: "\n", "\\": "\\", '"': '"' };

/** Lines that are no samples are passed over: comments, and what a later version may add. */
export function parseMetrics(text: string): readonly Sample[] {
  const samples: Sample[] = [];
  for (const raw of text.split("\n")) {
    const found = raw.startsWith("#") ? null : line.exec(raw.trim());
    if (!found) continue;
    const [, name = "", labels = "", value = ""] = found;
    samples.push({ name, labels: parseLabels(labels), value: parseValue(value) });
  }
  return samples;
}

function parseLabels(text: string): Readonly<Record<string, string>> {
  const labels: Record<string, string> = {};
  for (const [, name = "", value = ""] of text.matchAll(label)) labels[name] = value.replace(/\\(.)/gu, (_, letter: string) => escapes[letter] ?? letter);
  return labels;
}

function parseValue(text: string): number {
  if (text === "+Inf") return Infinity;
  return text === "-Inf" ? -Infinity : Number(text);
}

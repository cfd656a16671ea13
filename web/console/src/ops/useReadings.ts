import { useEffect, useState } from "preact/hooks";
import { withReading } from "./figures.ts";
import { parseMetrics } from "./prometheus.ts";
import { type Reading, readingOf } from "./reading.ts";

const everyMs = 2_000;
/** A runner that takes longer is taken for gone until it answers. */
const timeoutMs = 10_000;

export interface Readings {
  readonly readings: readonly Reading[];
  /** Since when there was no answer, if so. */
  readonly silentSince: Date | undefined;
}

/** /metrics, read every two seconds while the page is looked at. */
export function useReadings(): Readings {
  const [state, setState] = useState<Readings>({ readings: [], silentSince: undefined });
  useEffect(() => {
    const controller = new AbortController();
    let timer: ReturnType<typeof setTimeout> | undefined;
    const read = async (): Promise<void> => {
      try {
        const response = await fetch("/metrics", { signal: AbortSignal.any([controller.signal, AbortSignal.timeout(timeoutMs)]) });
        if (!response.ok) throw new Error(`status ${response.status}`);
        const reading = readingOf(parseMetrics(await response.text()), performance.timeOrigin + performance.now());
        setState(({ readings }) => ({ readings: withReading(readings, reading), silentSince: undefined }));
      } catch {
        if (!controller.signal.aborted) setState((before) => ({ ...before, silentSince: before.silentSince ?? new Date() }));
      }
      next();
    };
    const next = (): void => {
      clearTimeout(timer);
      if (!controller.signal.aborted && !document.hidden) timer = setTimeout(() => void read(), everyMs);
    };
    void read();
    document.addEventListener("visibilitychange", next);
    return () => {
      controller.abort();
      clearTimeout(timer);
      document.removeEventListener("visibilitychange", next);
    };
  }, []);
  return state;
}

import type { ConnectionState } from "@rapport/client";
import { useEffect, useState } from "preact/hooks";
import { slowerBecause } from "./status.ts";

/** A connection that opens after all within this time is no news. */
const settleMs = 1_500;

/** Says in one line that it goes slower than it should, and why; to a screen reader once, however often a live connection is tried. */
export function Slower({ state, over }: { readonly state: ConnectionState; readonly over: boolean }) {
  const why = over ? undefined : slowerBecause(state);
  const [shown, setShown] = useState<string>();
  useEffect(() => {
    if (why === undefined || shown !== undefined) {
      setShown(why);
      return;
    }
    const timer = setTimeout(() => setShown(why), settleMs);
    return () => clearTimeout(timer);
  }, [why]);
  return (
    <div class="slower" role="status">
      {shown !== undefined && (
        <p class="banner" data-tone="warn" data-slower>
          {shown}
        </p>
      )}
    </div>
  );
}

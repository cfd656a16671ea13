import type { ComponentType } from "preact";
import { useEffect, useState } from "preact/hooks";
import { describe } from "../problem.ts";

/** A part of the console that is fetched when it is first shown. */
export function lazy<P extends object>(load: () => Promise<ComponentType<P>>): ComponentType<P> {
  let loaded: ComponentType<P> | undefined;
  return function Lazy(props: P) {
    const [Part, setPart] = useState<{ readonly of: ComponentType<P> } | undefined>(loaded && { of: loaded });
    const [error, setError] = useState<unknown>();
    const fetchIt = (): void => {
      setError(undefined);
      load().then((part) => {
        loaded = part;
        setPart({ of: part });
      }, setError);
    };
    useEffect(() => {
      if (!Part) fetchIt();
    }, []);
    if (Part) return <Part.of {...props} />;
    if (error === undefined) return <p class="waiting">Loading…</p>;
    return (
      <p class="waiting" role="alert">
        This part of the page can't be loaded. {describe(error)}{" "}
        <button type="button" onClick={fetchIt}>
          Try again
        </button>
      </p>
    );
  };
}

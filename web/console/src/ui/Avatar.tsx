import { useColour } from "./colours.ts";
import { initials } from "./initials.ts";

/** A person as a disc with initials. Decorative: the name stands beside it. */
export function Avatar({ id, name, large }: { readonly id: string; readonly name: string; readonly large?: boolean }) {
  return (
    <span class={large ? "avatar avatar-large" : "avatar"} data-colour={useColour(id)} aria-hidden="true">
      {initials(name)}
    </span>
  );
}

import type { Status as Shown } from "../room/status.ts";

/** A coloured dot and its words. */
export function Status({ status, label, name }: { readonly status: Shown; readonly label: string; readonly name: string }) {
  return (
    <span class="status" data-tone={status.tone} data-status={name}>
      <span class="status-dot" aria-hidden="true" />
      <span class="hidden">{label}: </span>
      {status.words}
    </span>
  );
}

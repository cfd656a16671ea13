import type { MeetingState } from "@rapport/client";

const words: Readonly<Record<MeetingState, string>> = {
  scheduled: "Planned",
  active: "Live now",
  concluded: "Ended",
  cancelled: "Cancelled",
};

export function StatePill({ state }: { readonly state: MeetingState }) {
  return (
    <span class="pill" data-state={state}>
      {words[state]}
    </span>
  );
}

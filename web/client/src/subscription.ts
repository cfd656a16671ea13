/** Why a topic ended for good. `refused`: the server refused the subscription (see the error). */
export type EndReason = "removed" | "meeting_ended" | "session_ended" | "refused";

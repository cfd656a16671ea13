import { RapportError } from "../errors.ts";
import { routes } from "../generated/api.gen.ts";
import type { Methods } from "../generated/api.gen.ts";
import type { Http } from "../net/http.ts";
import { bindRoutes } from "./routes.ts";
import type { CallOptions } from "./routes.ts";
import type { AssignedRole, Participant } from "./types.ts";

/** Every method rejects with RapportError, or with the signal's reason when aborted. */
export interface Api extends Omit<Methods<CallOptions>, "participants"> {
  readonly participants: Omit<Methods<CallOptions>["participants"], "changeRole"> & {
    /** Gives a participant another role; it holds at once. */
    changeRole(meetingId: string, userId: string, role: AssignedRole, options?: CallOptions): Promise<Participant>;
  };
}

/**
 * The methods over `http`: those of the declarations, and what some of them know
 * beside. `newId` makes the Idempotency-Keys.
 */
export function createApi(http: Http, newId: () => string): Api {
  const { participants, presence, tickets, ...methods } = bindRoutes<Methods<CallOptions>>(routes, http, newId);
  return {
    ...methods,
    participants: { ...participants, changeRole: (meetingId, userId, role, options) => participants.changeRole(meetingId, userId, { role }, options) },
    // The next report tells all again.
    presence: { ...presence, tell: (meetingId, report, options) => presence.tell(meetingId, report, { ...options, once: true }) },
    tickets: {
      // Not repeated: the first answer again would be a ticket that may be used up.
      create: async (options) => {
        const ticket = await tickets.create({ ...options, once: true });
        if (typeof ticket?.url !== "string") throw new RapportError({ code: "PROTOCOL", detail: "the answer is no ticket", status: 200 });
        return ticket;
      },
    },
  };
}

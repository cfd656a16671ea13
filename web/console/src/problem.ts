/** Turns failures into words for people. */
import { type ErrorCode, type ErrorItem, RapportError } from "@rapport/client";

/** The parts of an RFC 9457 body that are used here; all may be missing. */
export interface Problem {
  readonly code?: ErrorCode;
  readonly title?: string;
  readonly detail?: string;
  readonly requestId?: string;
  readonly errors?: readonly ErrorItem[];
}

export function problemError(status: number, problem: Problem = {}): RapportError {
  return new RapportError({
    code: problem.code ?? "PROTOCOL",
    detail: problem.detail ?? problem.title ?? `The server answered ${status}.`,
    status,
    errors: problem.errors ?? [],
    ...(problem.requestId !== undefined && { requestId: problem.requestId }),
  });
}

/** One sentence that says what went wrong. */
export function describe(error: unknown): string {
  if (!(error instanceof RapportError)) return "Something went wrong in this page. Reload it to go on.";
  switch (error.code) {
    case "NETWORK":
    case "TIMEOUT":
    case "DISCONNECTED":
      return navigator.onLine ? "The server can't be reached. Check that it runs, then try again." : "You are offline. Try again once you are connected.";
    case "RATE_LIMITED":
      return "Too much at once. Wait a moment, then try again.";
    case "INTERNAL":
    case "PROTOCOL":
      return error.requestId ? `The server failed (request ${error.requestId}).` : "The server failed. Try again.";
    default:
      return sentence(error.detail);
  }
}

/** What is wrong with one field of a request: `fieldProblem(error, "body.title")`; nested locations count too. */
export function fieldProblem(error: unknown, location: string): string | undefined {
  if (!(error instanceof RapportError)) return undefined;
  const own = error.errors.filter((item) => item.location === location || item.location.startsWith(`${location}[`) || item.location.startsWith(`${location}.`));
  return own.length > 0 ? own.map((item) => sentence(item.detail)).join(" ") : undefined;
}

/** What a form shows above its fields: the whole, unless every part of it stands at a field. */
export function formProblem(error: unknown, fields: readonly string[]): string | undefined {
  if (error === undefined) return undefined;
  if (error instanceof RapportError && error.errors.length > 0 && error.errors.every((item) => fields.some((field) => fieldProblem(new RapportError({ code: error.code, detail: "", errors: [item] }), field)))) {
    return undefined;
  }
  return describe(error);
}

/** With a capital letter and a full stop. */
export function sentence(text: string): string {
  const trimmed = text.trim();
  const first = trimmed.charAt(0).toUpperCase() + trimmed.slice(1);
  return /[.!?…]$/.test(first) ? first : `${first}.`;
}

/** Codes of the contract. */
export type ContractCode =
  | "UNAUTHORIZED"
  | "FORBIDDEN"
  | "NOT_FOUND"
  | "METHOD_NOT_ALLOWED"
  | "VALIDATION_ERROR"
  | "PAYLOAD_TOO_LARGE"
  | "UNSUPPORTED_MEDIA_TYPE"
  | "CONFLICT"
  | "MEETING_NOT_ACTIVE"
  | "HISTORY_GONE"
  | "RATE_LIMITED"
  | "PROVIDER_ERROR"
  | "INTERNAL";

/**
 * Codes that the client itself adds: NETWORK, no answer reached us; TIMEOUT, no
 * answer in time; DISCONNECTED, the socket closed before the answer; CLOSED,
 * the caller closed this object; PROTOCOL, an answer that is not the contract's.
 */
export type ClientCode = "NETWORK" | "TIMEOUT" | "DISCONNECTED" | "CLOSED" | "PROTOCOL";

/** Why something failed. */
export type ErrorCode = ContractCode | ClientCode;

/** One thing to mend: `location` is like `body.chunks[3].text`. */
export interface ErrorItem {
  readonly location: string;
  readonly detail: string;
}

/** What an error is made of. */
export interface RapportErrorFields {
  readonly code: ErrorCode;
  readonly detail: string;
  /** The HTTP status; 0 where there was none. */
  readonly status?: number;
  readonly errors?: readonly ErrorItem[];
  readonly requestId?: string | undefined;
  /** Milliseconds to wait before trying again, where the server said so. */
  readonly retryAfter?: number | undefined;
  /** With HISTORY_GONE: the oldest version that is still kept. */
  readonly oldest?: number | undefined;
  /** With HISTORY_GONE, where an earlier state was restored: what positions belong to now. */
  readonly epoch?: string | undefined;
  /** Whether the server says that trying again makes sense. */
  readonly retryable?: boolean | undefined;
  readonly cause?: unknown;
}

/** Every failure that this package reports, whether the server or the client found it. */
export class RapportError extends Error {
  readonly code: ErrorCode;
  /** What is wrong, for whoever develops or reports it. */
  readonly detail: string;
  /** The HTTP status; 0 where there was none. */
  readonly status: number;
  /** With VALIDATION_ERROR: what to mend, and where. Empty otherwise. */
  readonly errors: readonly ErrorItem[];
  /** Names the call in the server's log. */
  readonly requestId: string | undefined;
  /** Milliseconds to wait before trying again, where the server said so. */
  readonly retryAfter: number | undefined;
  /** With HISTORY_GONE: the oldest version that is still kept. */
  readonly oldest: number | undefined;
  /** With HISTORY_GONE, where an earlier state was restored: what positions belong to now. */
  readonly epoch: string | undefined;
  /** Whether the same, tried again, may succeed. */
  readonly retryable: boolean;

  constructor(fields: RapportErrorFields) {
    super(`${fields.code}: ${fields.detail}`, fields.cause === undefined ? undefined : { cause: fields.cause });
    this.name = "RapportError";
    this.code = fields.code;
    this.detail = fields.detail;
    this.status = fields.status ?? 0;
    this.errors = fields.errors ?? [];
    this.requestId = fields.requestId;
    this.retryAfter = fields.retryAfter;
    this.oldest = fields.oldest;
    this.epoch = fields.epoch;
    this.retryable = fields.retryable ?? mayPass(this.code, this.status);
  }
}

/** Of what the server has not said it: because it was not the server that refused, or it is one of before. */
function mayPass(code: ErrorCode, status: number): boolean {
  switch (code) {
    case "NETWORK":
    case "TIMEOUT":
    case "DISCONNECTED":
    case "RATE_LIMITED":
    case "INTERNAL":
    case "PROVIDER_ERROR":
      return true;
    default:
      return status === 429 || status >= 500;
  }
}

/** An earlier state was restored: positions are those of another epoch. */
export function restoredError(epoch: string): RapportError {
  return new RapportError({ code: "HISTORY_GONE", detail: `an earlier state was restored: this is epoch ${epoch}`, epoch });
}

/** The caller closed what was to be used. */
export function closedError(what: string): RapportError {
  return new RapportError({ code: "CLOSED", detail: `${what} is closed` });
}

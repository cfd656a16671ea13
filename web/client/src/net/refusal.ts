import type { ContractCode, ErrorItem } from "../errors.ts";
import { asBoolean, asCount, asString, readEach, readShape } from "../runtime/json.ts";
import type { Fields } from "../runtime/json.ts";

const contractCodes: ReadonlySet<string> = new Set<ContractCode>([
  "UNAUTHORIZED", "FORBIDDEN", "NOT_FOUND", "METHOD_NOT_ALLOWED", "VALIDATION_ERROR",
  "PAYLOAD_TOO_LARGE", "UNSUPPORTED_MEDIA_TYPE", "CONFLICT", "MEETING_NOT_ACTIVE",
  "HISTORY_GONE", "RATE_LIMITED", "PROVIDER_ERROR", "INTERNAL",
]);

/** What a problem and an error frame say alike; undefined what they don't. */
export function readRefusal(fields: Fields) {
  const code = asString(fields["code"]);
  return {
    code: code !== undefined && contractCodes.has(code) ? (code as ContractCode) : undefined,
    detail: asString(fields["detail"]),
    errors: readEach<ErrorItem>(fields["errors"], (item) => readShape(item, { location: asString, detail: asString })),
    oldest: asCount(fields["oldest"]),
    epoch: asString(fields["epoch"]),
    retryable: asBoolean(fields["retryable"]),
  };
}

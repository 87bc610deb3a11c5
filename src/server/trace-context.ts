/** Which trace of the caller's a request belongs to (W3C Trace Context, `traceparent`). */
import type { TraceContext } from "../audit/events.js";

/** Version, trace id, id of the caller's span, flags; versions to come may add more behind a dash. */
const TRACEPARENT = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}(-.*)?$/;
const NO_TRACE = /^0+$/;
/** Of a version to come; today's has 55 characters. */
const MAX_LENGTH = 256;

/** @param values - of the header; several, or what is malformed, are ignored as the standard demands */
export function traceOf(values: readonly string[]): TraceContext | undefined {
  const [value, ...others] = values;
  if (value === undefined || others.length > 0 || value.length > MAX_LENGTH) return undefined;
  const [, version, traceId, spanId, more] = TRACEPARENT.exec(value) ?? [];
  if (version === undefined || traceId === undefined || spanId === undefined || version === "ff")
    return undefined;
  if (version === "00" && more !== undefined) return undefined;
  return NO_TRACE.test(traceId) || NO_TRACE.test(spanId) ? undefined : { traceId, spanId };
}

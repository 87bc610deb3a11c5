/** One line for each request that was answered, or that nobody waited for any more. */
import type { OperationName } from "../s3/operations.js";
import type { KeyServiceUse } from "./key-service-times.js";

/** What is known of a request; filled while it is served. */
export interface AccessRecord {
  /** Milliseconds since 1970, of the request's beginning. */
  readonly timeMs: number;
  readonly requestId: string;
  /** Address of the client, as far as anybody who is trusted says. */
  readonly remote: string;
  readonly method: string;
  /** Absent while it is not known whose the request is. */
  accessKey?: string;
  operation?: OperationName;
  bucket?: string;
  key?: string;
  status: number;
  /** S3's code of a failure. */
  code?: string;
  /** Of the body as it came. */
  bytesIn: number;
  /** Of the body as it went. */
  bytesOut: number;
  totalMs: number;
  /** Until the first byte of the answer. */
  firstByteMs?: number;
  readonly keyService: KeyServiceUse;
}

/** As nginx has it: the client has closed the connection before it was answered. */
export const STATUS_GONE = 499;

/**
 * A line of JSON with these members, in this order, absent ones as `null`: `time`, `requestId`, `remote`, `accessKey`,
 * `method`, `operation`, `bucket`, `key`, `status`, `code`, `bytesIn`, `bytesOut`, `totalMs`, `firstByteMs`,
 * `keyServiceCalls`, `keyServiceMs`. Queries and headers are left out, since both may carry secrets.
 */
export function accessLine(record: AccessRecord): string {
  const line = JSON.stringify({
    time: new Date(record.timeMs).toISOString(),
    requestId: record.requestId,
    remote: record.remote,
    accessKey: record.accessKey ?? null,
    method: record.method,
    operation: record.operation ?? null,
    bucket: record.bucket ?? null,
    key: record.key ?? null,
    status: record.status,
    code: record.code ?? null,
    bytesIn: record.bytesIn,
    bytesOut: record.bytesOut,
    totalMs: rounded(record.totalMs),
    firstByteMs: record.firstByteMs === undefined ? null : rounded(record.firstByteMs),
    keyServiceCalls: record.keyService.calls,
    keyServiceMs: rounded(record.keyService.ms),
  });
  return `${line.replace(CONTROLS, escaped)}\n`;
}

/** JSON leaves them as they are; a terminal would act on them, and some readers take the last two for line ends. */
const CONTROLS = /[\u007f-\u009f\u2028\u2029]/g;

function escaped(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
}

function rounded(ms: number): number {
  return Math.round(ms * 1000) / 1000;
}

/** What a request leaves behind: one audit event, as stream line (JSON) and as console line. */
import type { LevelName } from "./error-log.js";
import { type Attributes, goDuration, logfmt } from "./logfmt.js";

/** Where a request stands in a trace of its caller's, in hex. */
export interface TraceContext {
  /** 32 digits. */
  readonly traceId: string;
  /** 16 digits: of the step that sent the request. */
  readonly spanId: string;
}

/** One request that reached HTTP, answered or refused. */
export interface AuditEvent {
  /** When the answer was given, milliseconds since the epoch. */
  readonly timeMs: number;
  readonly requestId: string;
  readonly method: string;
  /** Decoded path; as received when it could not be decoded. */
  readonly path: string;
  /** Empty when unknown. */
  readonly ip: string;
  /** Empty when the caller has none. */
  readonly identity: string;
  readonly status: number;
  /** From the receipt of the request to the answer. */
  readonly durationNs: number;
  readonly message: string;
  /** Absent when the caller named none. */
  readonly trace?: TraceContext | undefined;
}

/** Longest path that a log line holds; a longer one is cut, since a client can send what it likes. */
const MAX_PATH = 1024;

/** A line of `/v1/log/audit` (KES reference §11.4); `response.time` in nanoseconds. */
export function toAuditLine(event: AuditEvent): string {
  const { ip, identity, trace } = event;
  return `${JSON.stringify({
    time: new Date(event.timeMs).toISOString(),
    request: {
      ...(ip === "" ? {} : { ip }),
      path: event.path.slice(0, MAX_PATH),
      ...(identity === "" ? {} : { identity }),
      id: event.requestId,
      method: event.method,
      ...(trace === undefined ? {} : { trace_id: trace.traceId, span_id: trace.spanId }),
    },
    response: { code: event.status, time: Math.round(event.durationNs) },
  })}\n`;
}

/** A console line of the audit log (KES reference §11.3), without newline. */
export function toAuditText(event: AuditEvent, level: LevelName = "INFO"): string {
  return logfmt(event.timeMs, level, event.message, [
    ...requestAttributes(event),
    ["res.code", event.status],
    ["res.time", goDuration(event.durationNs)],
    ["req.id", event.requestId],
  ]);
}

/** The request's part of a log line; shared by audit and error log. */
export function requestAttributes(
  request: Pick<AuditEvent, "method" | "path" | "ip" | "identity" | "trace">,
): Attributes {
  const { trace } = request;
  return [
    ["req.method", request.method.slice(0, 32)],
    ["req.path", request.path.slice(0, MAX_PATH)],
    ["req.ip", request.ip],
    ["req.identity", request.identity === "" ? "<unknown>" : request.identity],
    ...(trace === undefined
      ? []
      : ([
          ["req.trace_id", trace.traceId],
          ["req.span_id", trace.spanId],
        ] as const)),
  ];
}

/** A line of `/v1/log/error`. */
export function toErrorLine(text: string): string {
  return `${JSON.stringify({ message: text })}\n`;
}

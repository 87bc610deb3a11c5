/** What a request leaves behind: one audit event, as stream line (JSON) and as console line. */
import type { LineTimes } from "./line-times.js";
import { type Attributes, goDuration, quoted } from "./logfmt.js";

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

/**
 * What a line of `/v1/log/audit` says (KES reference §11.4), as the members of a JSON object without its braces;
 * `response.time` in nanoseconds.
 */
export function auditMembers(event: AuditEvent, times: LineTimes): string {
  return `${requestMember(event, times)},"response":{"code":${event.status},"time":${Math.round(event.durationNs)}}`;
}

/** Of those the members that are known before the request is answered. */
export function requestMember(event: AuditEvent, times: LineTimes): string {
  const { ip, identity, trace } = event;
  return (
    `"time":"${times.utc(event.timeMs)}","request":{${ip === "" ? "" : `"ip":${jsonText(ip)},`}` +
    `"path":${jsonText(event.path.slice(0, MAX_PATH))},` +
    `${identity === "" ? "" : `"identity":${jsonText(identity)},`}` +
    `"id":${jsonText(event.requestId)},"method":${jsonText(event.method)}` +
    `${trace === undefined ? "" : `,"trace_id":${jsonText(trace.traceId)},"span_id":${jsonText(trace.spanId)}`}}`
  );
}

/** What JSON takes as it is. */
const PLAIN = /^[ !#-[\]-~]*$/;

function jsonText(text: string): string {
  return PLAIN.test(text) ? `"${text}"` : JSON.stringify(text);
}

/** A console line of the audit log (KES reference §11.3), without newline. */
export function toAuditText(event: AuditEvent, times: LineTimes): string {
  const { timeMs, status, durationNs, requestId } = event;
  const time = goDuration(durationNs);
  return `time=${times.local(timeMs)}${requestText(event)}${status} res.time=${time} req.id=${quoted(requestId)}`;
}

/** Of that what stands between the time and the status. */
export function requestText(
  event: Pick<AuditEvent, "message" | "method" | "path" | "ip" | "identity" | "trace">,
): string {
  const { identity, trace } = event;
  return (
    ` level=INFO msg=${quoted(event.message)} ` +
    `req.method=${quoted(event.method.slice(0, MAX_METHOD))} req.path=${quoted(event.path.slice(0, MAX_PATH))} ` +
    `req.ip=${quoted(event.ip)} req.identity=${identity === "" ? "<unknown>" : quoted(identity)} ` +
    `${trace === undefined ? "" : `req.trace_id=${quoted(trace.traceId)} req.span_id=${quoted(trace.spanId)} `}` +
    "res.code="
  );
}

/** The longest method that a console line holds. */
const MAX_METHOD = 32;

/** The request's part of a line of the error log. */
export function requestAttributes(
  request: Pick<AuditEvent, "method" | "path" | "ip" | "identity" | "trace">,
): Attributes {
  const { trace } = request;
  return [
    ["req.method", request.method.slice(0, MAX_METHOD)],
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

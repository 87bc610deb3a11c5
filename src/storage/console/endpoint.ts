/** `/_keswick/api/…`: what the console page asks for. The root signs each request as one of S3; each is logged. */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Request, Response } from "express";
import type { CallOptions, ObjectServiceStatus } from "../objects/object-service.js";
import { shownError } from "../s3/error-reply.js";
import type { Query } from "../s3/query.js";
import { newRequestId } from "../s3/reply-headers.js";
import { RequestHeaders } from "../s3/request-headers.js";
import { type AccessRecord, STATUS_GONE } from "../server/access-log.js";
import type { FrontEndOptions } from "../server/front-end.js";
import { peerOf } from "../server/peer.js";
import { rootRequest } from "../server/root-request.js";
import { bucketsReport, objectsReport, statusReport } from "./report.js";

export interface ConsoleParts {
  readonly options: FrontEndOptions;
  /** Not older than a moment; never rejects. */
  readonly status: () => Promise<ObjectServiceStatus>;
  /** Answers a failure of `work` as S3 does. Never rejects. */
  readonly run: (request: Request, response: Response, work: () => Promise<void>) => Promise<void>;
  /** Ends a request with the headers that every answer has. */
  readonly end: (
    request: IncomingMessage,
    response: ServerResponse,
    status: number,
    headers?: Readonly<Record<string, string>>,
    body?: string,
    requestId?: string,
  ) => void;
}

const REPORTS = {
  status: async (parts: ConsoleParts): Promise<object> => statusReport(await parts.status()),
  buckets: async (parts: ConsoleParts, query: Query, call: CallOptions): Promise<object> =>
    bucketsReport(parts.options.service, await parts.status(), query, call),
  objects: ({ options }: ConsoleParts, query: Query, call: CallOptions): Promise<object> =>
    objectsReport(options.service, query, call),
} as const;

export type ReportName = keyof typeof REPORTS;

/**
 * Answers one request with a document of JSON: a report, or `{"code","message"}` of a failure with its status.
 * Never rejects.
 */
export async function answerReport(
  parts: ConsoleParts,
  name: ReportName,
  request: Request,
  response: Response,
): Promise<void> {
  const { options } = parts;
  const started = performance.now();
  const gone = new AbortController();
  response.once("close", () => {
    if (!response.writableFinished) gone.abort();
  });
  const record: AccessRecord = {
    timeMs: options.nowMs(),
    requestId: newRequestId(options.random),
    remote: peerOf(request, new RequestHeaders(request.rawHeaders), options.trustedProxies).remote,
    method: request.method,
    ...{ status: 0, bytesIn: 0, bytesOut: 0, totalMs: 0, keyService: { calls: 0, ms: 0 } },
  };
  const send = (status: number, document: object): void => {
    if (gone.signal.aborted) return;
    const body = JSON.stringify(document);
    record.status = status;
    record.bytesOut = request.method === "HEAD" ? 0 : Buffer.byteLength(body);
    parts.end(request, response, status, { "content-type": "application/json" }, body, record.requestId);
  };
  try {
    const { accessKey, target } = rootRequest(request, options);
    record.accessKey = accessKey;
    const bucket = target.query.filled("bucket");
    if (bucket !== undefined) record.bucket = bucket;
    const work = (): Promise<object> => REPORTS[name](parts, target.query, { signal: gone.signal });
    send(200, await options.times.run(record.keyService, work));
  } catch (thrown) {
    const { code, message, status } = shownError(thrown);
    if (!gone.signal.aborted) {
      record.code = code;
      if (status >= 500) options.failed(thrown, record);
    }
    send(status, { code, message });
  }
  if (gone.signal.aborted) record.status = STATUS_GONE;
  record.totalMs = performance.now() - started;
  options.log(record);
}

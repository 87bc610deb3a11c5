/** Follows a log until it is left, over broken connections and restarts (KES reference §3.22, §11.4). */
import { type ErrorCode, isKesError, type KesError } from "../errors.js";
import { errorOfReply } from "./answer-errors.js";
import type { Caller } from "./caller.js";
import { linesOf } from "./lines.js";
import { invalid, jsonOf, Members } from "./members.js";
import { printable } from "./printable.js";
import type { ApiStream } from "./transport.js";
import type { AuditEvent, ErrorEvent, LogOptions } from "./types.js";

/** Longest line that is read; a path of 8 KiB, escaped, is far below. */
const MAX_LINE_BYTES = 1024 * 1024;
const FIRST_PAUSE_MS = 250;
const MAX_PAUSE_MS = 30_000;
/** Of the transport: what may be over in a while. */
const PASSING: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  "ENDPOINT_UNREACHABLE",
  "ANSWER_LOST",
  "CALL_TIMEOUT",
]);

/** `GET /v1/log/audit`. @throws KesError when the server refuses it */
export function followAuditLog(
  caller: Caller,
  options: LogOptions,
): AsyncGenerator<AuditEvent, void, undefined> {
  return follow(caller, "/v1/log/audit", auditEventOf, options);
}

/** `GET /v1/log/error`. @throws KesError when the server refuses it */
export function followErrorLog(
  caller: Caller,
  options: LogOptions,
): AsyncGenerator<ErrorEvent, void, undefined> {
  return follow(caller, "/v1/log/error", errorEventOf, options);
}

async function* follow<T>(
  caller: Caller,
  path: string,
  read: (members: Members) => T,
  options: LogOptions,
): AsyncGenerator<T, void, undefined> {
  const { signal, onGap, onConnect } = options;
  // The first connection either works or tells why: whoever calls should not wait for a server that never was.
  let wasConnected = false;
  for (let attempt = 0; ; ) {
    let cause: Error | undefined;
    let sinceMs: number | undefined;
    try {
      const stream = await connect(caller, path, signal);
      onConnect?.(stream.endpoint);
      wasConnected = true;
      sinceMs = caller.clock.now();
      const tooLong = (): Error => invalid(stream.endpoint, `a line is longer than ${MAX_LINE_BYTES} bytes`);
      for await (const line of linesOf(stream.body, MAX_LINE_BYTES, tooLong)) {
        attempt = 0;
        yield read(
          new Members(jsonOf({ endpoint: stream.endpoint, body: Buffer.from(line) }), stream.endpoint),
        );
      }
    } catch (error) {
      if (signal?.aborted) return;
      if (!wasConnected || !isPassing(error)) throw error;
      cause = error;
    }
    if (signal?.aborted) return;
    // A server that lets us in and then closes at once is not one that is back.
    if (sinceMs !== undefined && caller.clock.now() - sinceMs >= MAX_PAUSE_MS) attempt = 0;
    attempt++;
    const about = { attempt, ...(cause === undefined ? {} : { cause }) };
    const pauseMs = Math.min(MAX_PAUSE_MS, FIRST_PAUSE_MS * 2 ** (attempt - 1));
    await caller.pause(pauseMs, signal, (retryInMs) => onGap?.({ ...about, retryInMs }));
    if (signal?.aborted) return;
  }
}

async function connect(caller: Caller, path: string, signal: AbortSignal | undefined): Promise<ApiStream> {
  const opened = await caller.transport.stream({
    method: "GET",
    path,
    repeatable: true,
    timeoutMs: 0,
    ...(signal === undefined ? {} : { signal }),
  });
  if ("status" in opened) throw errorOfReply(opened);
  if (opened.contentType !== "application/x-ndjson") {
    await opened.body[Symbol.asyncIterator]().return?.();
    throw invalid(opened.endpoint, "it is no log stream");
  }
  return opened;
}

/** True for what may be over in a while. A refusal is final, and so is a server that is none. */
function isPassing(error: unknown): error is Error {
  return error instanceof LogNote || isOutage(error);
}

/** The server does not answer, or says that it cannot at present. */
export function isOutage(error: unknown): error is KesError {
  if (!isKesError(error)) return false;
  return PASSING.has(error.code) || (error.status >= 500 && error.status !== 501);
}

/** What the server says of the stream itself before it ends it, such as that its reader is too slow. */
class LogNote extends Error {
  override readonly name = "LogNote";
}

function auditEventOf(members: Members): AuditEvent {
  if (members.value("request") === undefined && typeof members.value("message") === "string")
    throw new LogNote(printable(String(members.value("message"))));
  const request = members.object("request");
  const response = members.object("response");
  const optional = (name: string): object => {
    const text = request.anyText(name, "");
    return text === "" ? {} : { [name]: text };
  };
  return {
    time: members.time("time"),
    request: {
      path: request.anyText("path"),
      ...optional("ip"),
      ...optional("identity"),
      ...optional("id"),
      ...optional("method"),
    },
    response: { code: response.count("code"), timeNs: response.count("time") },
  };
}

function errorEventOf(members: Members): ErrorEvent {
  return { message: members.anyText("message") };
}

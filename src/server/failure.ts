/** What a refused or failed request is answered, and what it leaves in the error log. */
import type { Route } from "../api/route.js";
import { errorJson } from "../api/wire.js";
import { causes, type ErrorLog } from "../audit/error-log.js";
import type { Attributes } from "../audit/logfmt.js";
import type { KesError } from "../errors.js";
import { readTarget } from "./canonical-path.js";
import type { ReplyHeaders } from "./exchange.js";
import type { RouteTable } from "./route-table.js";

/**
 * Logs `error` as loudly as it deserves: what the operator can do something about as an error, what a client did wrong
 * for debugging alone.
 *
 * @param route - absent for a request that came to none
 * @param attributes - asked for only where there is a line to write
 */
export function logFailure(
  log: ErrorLog,
  error: KesError,
  route: Route | undefined,
  attributes: () => Attributes,
): void {
  const { cause, code, message, status } = error;
  if (status >= 500 && code !== "NOT_IMPLEMENTED") {
    if (route?.path === "/v1/ready") log.warn(`${message}: ${causes(cause)}`, attributes());
    else log.error(message, cause, attributes());
  } else if (code === "BODY_INVALID" || code === "IMPORT_BODY_INVALID") {
    log.error(message, cause, attributes());
  } else if (log.wants("DEBUG")) {
    log.debug(cause === undefined ? message : causes(cause), attributes());
  }
}

/** The answer that `error` makes (KES reference §2). @param target - of the request, to tell which method it takes */
export function failureAnswer(
  error: KesError,
  target: string,
  table: RouteTable,
): { readonly status: number; readonly headers: ReplyHeaders; readonly body: string } {
  const { code, message, status } = error;
  if (code === "PATH_NOT_FOUND") return { status, headers: TEXT_HEADERS, body: `${message}\n` };
  const headers: ReplyHeaders = { "content-type": "application/json" };
  if (code === "METHOD_NOT_ALLOWED") {
    const method = methodAt(target, table);
    headers.accept = method;
    headers.allow = method === "PUT" ? "PUT, POST" : method;
  }
  if (status === 503) headers["retry-after"] = 1;
  return { status, headers, body: errorJson(message) };
}

function methodAt(target: string, table: RouteTable): string {
  const read = readTarget(target);
  const found = read.kind === "path" ? table.find(read.path, read.raw) : undefined;
  return found?.kind === "route" ? found.route.method : "GET";
}

const TEXT_HEADERS: ReplyHeaders = Object.freeze({
  "content-type": "text/plain; charset=utf-8",
  "x-content-type-options": "nosniff",
});

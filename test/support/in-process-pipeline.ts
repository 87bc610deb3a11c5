/** The server's own way of a request, without a socket and with handlers that do nothing: who is let in. */
import { removedPaths, routes } from "../../src/api/routes.js";
import { AuditLog } from "../../src/audit/audit-log.js";
import { ErrorLog } from "../../src/audit/error-log.js";
import { LogHub } from "../../src/audit/hub.js";
import { Metrics } from "../../src/metrics/metrics.js";
import type { Identity } from "../../src/names.js";
import type { Exchange, ReplyHeaders } from "../../src/server/exchange.js";
import type { Rulebook } from "../../src/server/explanation.js";
import { Pages } from "../../src/server/pages.js";
import { Pipeline } from "../../src/server/pipeline.js";
import { RouteTable } from "../../src/server/route-table.js";
import type { ServerState } from "../../src/server/state.js";
import type { TestServer } from "./test-server.js";

/** `denied`: 403. `none`: no route is there. Everything else, a refused argument too, came past the policy. */
export type Outcome = "allowed" | "denied" | "none";

/** @returns what becomes of a request; redirects are followed */
export function inProcessPipeline(
  site: TestServer,
): (target: string, identity: Identity, book: Pick<Rulebook, "directory" | "openRoutes">) => Outcome {
  const silent = { write: () => undefined, flush: () => undefined };
  const off = { level: Number.POSITIVE_INFINITY, format: "text" } as const;
  let state: ServerState = site.server.state;
  const base = state;
  const pipeline = new Pipeline({
    table: new RouteTable(
      routes.map(({ body, ...route }) => ({ ...route, handle: () => undefined })),
      removedPaths,
    ),
    state: () => state,
    metrics: new Metrics({
      errorEvents: () => 0,
      auditEvents: () => 0,
      firstExpiryMs: () => undefined,
      cache: () => undefined,
      startedAtMs: 0,
    }),
    auditLog: new AuditLog(silent, new LogHub(), off),
    errorLog: new ErrorLog(silent, new LogHub(), off),
    pages: new Pages({ version: "", commit: "" }),
    requestId: () => "",
  });
  return (target, identity, { directory, openRoutes }) => {
    const options = new Map(
      routes.map((route) => {
        const skipAuth = route.maySkipAuth && openRoutes.has(route.path);
        return [route.path, { skipAuth, timeoutMs: 0 }];
      }),
    );
    state = { ...base, services: { ...base.services, directory }, options };
    return outcome(target, (next, method) => answerOf(pipeline, next, method, identity));
  };
}

interface Answer {
  readonly status: number;
  readonly headers: ReplyHeaders;
  readonly body: string;
}

function answerOf(pipeline: Pipeline, target: string, method: string, identity: Identity): Answer {
  let answer: Answer | undefined;
  const exchange: Exchange = {
    peer: { ip: "127.0.0.1", identity },
    method,
    target,
    header: () => [],
    bodyless: true,
    readBody: () => {
      throw new Error("no body to be read");
    },
    onGone: () => undefined,
    finished: () => undefined,
    reply(status, headers, body = "") {
      answer = { status, headers, body };
    },
    stream: () => {
      throw new Error("no handler answers");
    },
  };
  pipeline.serve(exchange);
  if (answer === undefined) throw new Error(`no answer at once: ${target}`);
  return answer;
}

function outcome(target: string, send: (target: string, method: string) => Answer): Outcome {
  let next = target;
  let method = "GET";
  for (let turn = 0; turn < 8; turn++) {
    const { status, headers, body } = send(next, method);
    if (status === 301) next = String(headers.location);
    else if (status === 405) method = String(headers.accept);
    else if (status === 403) return "denied";
    else if (status === 404 || status === 501) return "none";
    else return body.includes("invalid request path") ? "none" : "allowed";
  }
  throw new Error(`no end of redirects: ${target}`);
}

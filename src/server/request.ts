/**
 * The way of a request: path → method → who may → body → handler → answer → audit record. The order of the
 * checks is wire contract (KES reference §2.1).
 */
import { type Call, type Caller, type Reply, type Route, StreamReply, TextReply } from "../api/route.js";
import { toJson } from "../api/wire.js";
import type { AuditLog } from "../audit/audit-log.js";
import { causes, type ErrorLog } from "../audit/error-log.js";
import { type AuditEvent, requestAttributes } from "../audit/events.js";
import { KesError } from "../errors.js";
import type { Metrics } from "../metrics/metrics.js";
import { checkArgument } from "./argument.js";
import { authorize, identify } from "./authorize.js";
import type { BodyFailure } from "./body.js";
import { locationOf, readTarget, type TargetResult } from "./canonical-path.js";
import type { Exchange, ReplyHeaders } from "./exchange.js";
import { failureAnswer, logFailure } from "./failure.js";
import { clientOf } from "./forwarded.js";
import { sendLog } from "./log-stream.js";
import type { Pages } from "./pages.js";
import type { Permit, Permits } from "./permits.js";
import { redirectPage } from "./redirect.js";
import { RequestCall } from "./request-call.js";
import { type RouteTable, takes } from "./route-table.js";
import type { ServerState } from "./state.js";
import { traceOf } from "./trace-context.js";

/** What every request needs and no reload replaces. */
export interface PipelineParts {
  readonly table: RouteTable;
  readonly state: () => ServerState;
  readonly metrics: Metrics;
  readonly auditLog: AuditLog;
  readonly errorLog: ErrorLog;
  readonly pages: Pages;
  readonly requestId: () => string;
}

/** One request on its way. */
export class Request {
  readonly #exchange: Exchange;
  readonly #parts: PipelineParts;
  readonly #permits: Permits;
  readonly #state: ServerState;
  readonly #id: string;
  readonly #startedMs = performance.now();
  #path: string;
  #caller: Caller;
  #ip: string;
  #route: Route | undefined;
  #call: RequestCall | undefined;
  #bodyTimer: NodeJS.Timeout | undefined;
  #auditMessage: string | undefined;
  /** The key that the path names, checked or not. */
  #key = "";
  #isAuthorized = false;
  /** Ip and caller are those of the client, and not of a proxy on his behalf. */
  #isNamed = false;
  #gone = false;
  #done = false;
  #isRecorded = false;

  constructor(exchange: Exchange, parts: PipelineParts, permits: Permits, state: ServerState) {
    this.#exchange = exchange;
    this.#parts = parts;
    this.#permits = permits;
    this.#state = state;
    this.#id = parts.requestId();
    this.#path = exchange.target;
    this.#ip = exchange.peer.ip;
    // For the record of a request that never gets to a route.
    this.#caller = { identity: exchange.peer.identity, admin: false };
    state.lease.take();
  }

  run(): void {
    const { method, target, peer } = this.#exchange;
    const permit = this.#permits.find(peer, target, this.#state);
    if (permit !== undefined && takes(permit.destination.route, method)) return this.#goOn(permit);
    if (target === "*" && method === "OPTIONS") return this.#answer(200, {});
    const result = readTarget(target);
    if (result.kind === "invalid") throw new KesError("PATH_INVALID");
    if (result.kind === "redirect") return this.#redirect(result.location);
    this.#path = result.path;
    const match = this.#parts.table.find(result.path, result.raw);
    if (match.kind === "route") return this.#dispatch(match.route, match.argument, result);
    if (match.kind === "redirect") return this.#redirect(locationOf(match.path, result.query));
    if (match.kind === "removed") throw new KesError("NOT_IMPLEMENTED");
    this.#page(result);
  }

  #dispatch(route: Route, argument: string, target: Extract<TargetResult, { kind: "path" }>): void {
    const exchange = this.#exchange;
    const { method } = exchange;
    if (!takes(route, method)) throw new KesError("METHOD_NOT_ALLOWED", [method, route.method]);
    this.#begin(route, argument);
    const { directory } = this.#state.services;
    const options = this.#state.options.get(route.path);
    const skipAuth = options?.skipAuth === true;
    const open = route.access !== "policy" || skipAuth;
    const { proxy } = this.#state;
    this.#isNamed = true;
    const peer =
      proxy === undefined
        ? exchange.peer
        : clientOf(exchange, proxy, {
            toProxies: open || route.maySkipAuth,
            toAll: route.access === "none" || skipAuth,
          });
    this.#ip = peer.ip;
    // Known before the verdict, so that a refusal is recorded with the name of the refused.
    this.#caller = identify(peer, directory);
    if (!open) {
      this.#caller = authorize(peer, route, target.path, argument, directory);
      this.#isAuthorized = true;
    }
    checkArgument(route.argument, argument);
    const timeoutMs = options?.timeoutMs ?? route.timeoutMs;
    if (this.#isAuthorized) {
      const destination = { route, argument, path: target.path };
      const permit = { destination, caller: this.#caller, timeoutMs };
      this.#permits.keep(exchange.peer, exchange.target, this.#state, permit);
    }
    this.#take(route, argument, target.query, timeoutMs);
  }

  /** What {@link #dispatch} would find out was found out before. */
  #goOn({ destination, caller, timeoutMs }: Permit): void {
    const { route, argument } = destination;
    this.#path = destination.path;
    this.#begin(route, argument);
    this.#isNamed = true;
    this.#caller = caller;
    this.#isAuthorized = true;
    this.#take(route, argument, "", timeoutMs);
  }

  #begin(route: Route, argument: string): void {
    this.#route = route;
    if (route.argument === "key-name") this.#key = argument;
    if (route.counted) this.#parts.metrics.begin();
  }

  /** Reads the whole body, within the route's size and time, and goes on with it. */
  #take(route: Route, argument: string, query: string, timeoutMs: number): void {
    const codec = route.body;
    const exchange = this.#exchange;
    if (codec === undefined) return this.#handle(route, argument, undefined, query, timeoutMs);
    if (exchange.bodyless) return this.#handle(route, argument, codec.decode(undefined), query, timeoutMs);
    let isRead = false;
    exchange.readBody(route.maxBodyBytes, (body) => {
      isRead = true;
      clearTimeout(this.#bodyTimer);
      if (this.#done) return;
      try {
        if (typeof body === "string") return this.#bodyFailed(body, route);
        this.#handle(route, argument, codec.decode(body), query, timeoutMs);
      } catch (error) {
        this.fail(error);
      }
    });
    // A body that came along with the headers needs no timer.
    if (isRead || this.#done || timeoutMs <= 0) return;
    this.#bodyTimer = setTimeout(() => this.fail(new KesError("BODY_TIMEOUT")), timeoutMs);
  }

  #bodyFailed(failure: BodyFailure, route: Route): void {
    // Nobody is left to read an answer, but the request still leaves its record.
    if (failure === "aborted") return this.#finish(CLIENT_GONE, GONE_MESSAGE);
    if (failure === "overloaded") throw new KesError("OVERLOADED");
    throw new KesError("BODY_TOO_LARGE", [route.maxBodyBytes]);
  }

  #handle(route: Route, argument: string, body: unknown, query: string, timeoutMs: number): void {
    const deadlineMs = timeoutMs > 0 ? this.#startedMs + timeoutMs : 0;
    const call = new RequestCall(this.#exchange, argument, body, query, this.#caller, deadlineMs);
    this.#call = call;
    if (route.auditMessage !== undefined && this.#parts.auditLog.required)
      this.#intend(route, argument, call);
    else this.#perform(route, argument, call);
  }

  /** A change is recorded before it is made, for afterwards it may be too late: the disk may be full. */
  #intend(route: Route, argument: string, call: RequestCall): void {
    this.#exchange.onGone(() => this.#abandon(call));
    this.#parts.auditLog
      .intend(this.#event(0, ""))
      .then(() => {
        if (this.#gone) this.#finish(CLIENT_GONE, GONE_MESSAGE);
        else this.#perform(route, argument, call);
      })
      .catch((error) => this.fail(error));
  }

  #perform(route: Route, argument: string, call: RequestCall): void {
    const reply = route.handle(call as Call, this.#state.services);
    if (reply instanceof Promise) {
      // Whoever resets request after request must not leave a queue of work behind that nobody wants.
      this.#exchange.onGone(() => this.#abandon(call));
      reply.then(
        (value) => this.#succeed(route, argument, value),
        (error) => this.fail(error),
      );
    } else this.#succeed(route, argument, reply);
  }

  #abandon(call: RequestCall): void {
    if (this.#done) return;
    this.#gone = true;
    call.abandon();
  }

  #succeed(route: Route, argument: string, reply: Reply): void {
    if (this.#done) return;
    try {
      if (route.auditMessage !== undefined) this.#auditMessage = route.auditMessage.replace("%s", argument);
      if (reply === undefined) return this.#answer(200, {});
      if (reply instanceof StreamReply) return this.#stream(route, reply);
      if (reply instanceof TextReply)
        return this.#answer(200, { "content-type": reply.contentType }, reply.text);
      const body = typeof reply === "string" ? reply : toJson(reply);
      if (route.recordFirst === true && this.#parts.auditLog.required) this.#answerWhenRecorded(body);
      else this.#answer(200, JSON_HEADERS, body);
    } catch (error) {
      this.fail(error);
    }
  }

  /** The record stays when the client has gone meanwhile: the answer was on its way. */
  #answerWhenRecorded(body: string): void {
    this.#parts.auditLog.commit(this.#event(200, "")).then(
      () => {
        this.#isRecorded = true;
        this.#answer(200, JSON_HEADERS, body);
      },
      (error) => this.fail(error),
    );
  }

  #stream(route: Route, reply: StreamReply): void {
    const timeoutMs = this.#state.options.get(route.path)?.timeoutMs ?? route.timeoutMs;
    sendLog(this.#exchange, reply.hub, { "x-request-id": this.#id }, timeoutMs);
    this.#finish(200, "log stream opened");
  }

  #redirect(location: string): void {
    const page = redirectPage(location, this.#exchange.method);
    this.#answer(301, { location, ...page.headers }, page.body);
  }

  /** Everything that is not the key API: the landing page, `/openapi.json`, or nothing. */
  #page(target: Extract<TargetResult, { kind: "path" }>): void {
    const { proxy } = this.#state;
    if (proxy?.only) clientOf(this.#exchange, proxy, { toProxies: true, toAll: false });
    const { method } = this.#exchange;
    const accept = this.#exchange.header("accept");
    const page = this.#parts.pages.serve(method, target.path, this.#state, accept);
    if (page === undefined) throw new KesError("PATH_NOT_FOUND");
    page.then(
      ({ status, headers, body }) => this.#answer(status, headers, body),
      (error) => this.fail(error),
    );
  }

  /** Answers with the error's status and message. Only a {@link KesError} may tell the caller anything. */
  fail(thrown: unknown): void {
    if (this.#done) return;
    this.#nameClient();
    const error = thrown instanceof KesError ? thrown : new KesError("INTERNAL", [], { cause: thrown });
    // Nobody is left to answer, and a time-out that the client's leaving made is no failure of the keystore. What
    // became of a change is told all the same.
    if (this.#gone && error.code !== "INTERNAL") {
      const isChange = error.code === "KEY_CREATE_UNCERTAIN" || error.code === "KEY_DELETE_UNCERTAIN";
      return this.#finish(CLIENT_GONE, isChange ? `${GONE_MESSAGE}: ${error.message}` : GONE_MESSAGE);
    }
    logFailure(this.#parts.errorLog, error, this.#route, () => [
      ...requestAttributes(this.#event(error.status, "")),
      ["req.id", this.#id] as const,
    ]);
    const { status, headers, body } = failureAnswer(error, this.#exchange.target, this.#parts.table);
    if (error.code !== "PATH_NOT_FOUND") this.#auditMessage = `refused: ${error.message}`;
    this.#answer(status, headers, body);
  }

  /** For the record of a request that did not get to a route. Who it was does not change what is answered. */
  #nameClient(): void {
    const { proxy } = this.#state;
    if (proxy === undefined || this.#isNamed) return;
    this.#isNamed = true;
    try {
      const { ip, identity } = clientOf(this.#exchange, proxy, { toProxies: true, toAll: true });
      this.#ip = ip;
      this.#caller = { identity, admin: false };
    } catch (error) {
      // A proxy that forwards no valid certificate is itself to be named.
      if (!(error instanceof KesError)) throw error;
    }
  }

  #answer(status: number, headers: ReplyHeaders, body?: string): void {
    if (this.#done) return;
    this.#nameClient();
    // The record is made even when the client is gone and the answer cannot be sent.
    try {
      this.#exchange.reply(status, { ...headers, "x-request-id": this.#id }, body);
    } catch (error) {
      // Not thrown on: this may be called from a timer, where nobody would catch it but the process.
      this.#parts.errorLog.warn(`an answer could not be sent: ${causes(error)}`, [["req.id", this.#id]]);
    }
    this.#finish(status, this.#auditMessage ?? "");
  }

  #finish(status: number, message: string): void {
    if (this.#done) return;
    this.#done = true;
    clearTimeout(this.#bodyTimer);
    this.#call?.dispose();
    this.#state.lease.give();
    try {
      this.#note(status, message);
    } finally {
      // Last, for a connection serves its next request from within: that one's time is not this one's, nor is its
      // record before this one.
      this.#exchange.finished();
    }
  }

  /** Counts and records what became of the request. */
  #note(status: number, message: string): void {
    const { auditLog, metrics } = this.#parts;
    const elapsedMs = performance.now() - this.#startedMs;
    const seconds = elapsedMs / 1000;
    const route = this.#route;
    const path = route === undefined ? "" : route.path;
    if (route?.counted === true) metrics.end(status, seconds);
    const identity = this.#caller.identity ?? "";
    metrics.full.requests.add(path, status, seconds, this.#key, identity, this.#isAuthorized);
    if (this.#isRecorded) return;
    if (!auditLog.wanted) return auditLog.count();
    auditLog.record(this.#event(status, message, elapsedMs));
  }

  /** What happened, as far as it has. */
  #event(status: number, message: string, elapsedMs = performance.now() - this.#startedMs): AuditEvent {
    const exchange = this.#exchange;
    return {
      timeMs: Date.now(),
      requestId: this.#id,
      method: exchange.method,
      path: this.#path,
      ip: this.#ip,
      identity: this.#caller.identity ?? "",
      trace: traceOf(exchange.header("traceparent")),
      status,
      durationNs: elapsedMs * 1e6,
      message: message || this.#route?.doc.summary || (status < 400 ? "request answered" : "refused"),
    };
  }
}

/** What a record says of a request whose client did not wait: nginx's status for it. */
const CLIENT_GONE = 499;
const GONE_MESSAGE = "request aborted by the client";

const JSON_HEADERS: ReplyHeaders = Object.freeze({ "content-type": "application/json" });

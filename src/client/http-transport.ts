/** {@link Transport} over HTTPS: which endpoint, how often, and what is told when nothing helps. */
import { isKesError, KesError } from "../errors.js";
import { Answer } from "./answer.js";
import { AttemptLate, CallLate, CallScope } from "./call-scope.js";
import { credentialsOf } from "./credentials.js";
import { Dialer } from "./dial.js";
import { type Endpoint, parseEndpoints } from "./endpoints.js";
import { type Candidate, Failover } from "./failover.js";
import { ConnectionGone, StreamRefused, wasNotSent } from "./faults.js";
import { MaterialSource } from "./material.js";
import { machineSurroundings, nearnessOf } from "./nearness.js";
import {
  type ClientOptions,
  DEFAULT_TIMEOUT_MS,
  defaultParts,
  MAX_ROUNDS,
  type TransportParts,
} from "./options.js";
import { ConnectionPool, type Wanted } from "./pool.js";
import { proxyFor } from "./proxy.js";
import type { ApiReply, ApiRequest, ApiStream, Transport } from "./transport.js";

/**
 * Nothing is read or connected before the first call.
 * @param parts - clock and times, for tests; the address of one node
 * @throws KesError `CLIENT_OPTIONS_INVALID`, `CREDENTIALS_INVALID` for what can be seen by then
 */
export function createTransport(options: ClientOptions, parts: Partial<TransportParts> = {}): Transport {
  return new HttpTransport(options, { ...defaultParts, ...parts });
}

/** A request under way. */
interface Call {
  readonly request: ApiRequest;
  readonly isStreamed: boolean;
  readonly scope: CallScope;
  /** Some server may have seen it. */
  wasSent: boolean;
  /** The endpoint that is being asked. */
  url: string;
  /** The last answer, of status 500 and above. */
  reply: Reply | undefined;
  fault: KesError | undefined;
  /** A further round may bring more than this one. */
  mayHelpAgain: boolean;
}

function callOf(request: ApiRequest, isStreamed: boolean, scope: CallScope): Call {
  const seen = { wasSent: false, url: "", reply: undefined, fault: undefined, mayHelpAgain: false };
  return { request, isStreamed, scope, ...seen };
}

type Reply = ApiReply | ApiStream;

/** Failures for which the next endpoint is asked, and this one left alone. */
const ENDPOINT_FAULTS = [
  "ENDPOINT_UNREACHABLE",
  "SERVER_UNTRUSTED",
  "CERTIFICATE_REFUSED",
  "ANSWER_LOST",
  "ANSWER_INVALID",
] as const;

/** What the end of the time means: for what must not be repeated, that the outcome is open. */
function late({ request, scope, wasSent, url, fault }: Call, cause: CallLate): KesError {
  const ms = scope.timeoutMs;
  if (wasSent && !request.repeatable) {
    return new KesError("ANSWER_LOST", [url, `no answer within ${ms} ms`], { cause });
  }
  const last = wasSent ? `${url} has the request and does not answer` : `no connection to ${url}`;
  return new KesError("CALL_TIMEOUT", [ms, fault?.message ?? last], { cause });
}

/** A load balancer's own word that its server is gone, where the next one may serve; key servers answer in JSON. */
function isOfGateway({ status, contentType }: ApiReply): boolean {
  return (status === 502 || status === 504) && contentType !== "application/json";
}

class HttpTransport implements Transport {
  readonly #parts: TransportParts;
  readonly #source: MaterialSource;
  readonly #servers: readonly Server[];
  readonly #failover: Failover<Server>;
  readonly #timeoutMs: number;
  readonly #open = new Set<CallScope>();
  #isClosed = false;

  constructor(options: ClientOptions, parts: TransportParts) {
    const { insecure = false, http2 = true, environment = process.env } = options;
    const { clock, timing, address, addsSystemAuthorities = false } = parts;
    this.#parts = parts;
    this.#timeoutMs = options.timeoutMs ?? DEFAULT_TIMEOUT_MS;
    const credentials = credentialsOf(options, clock, timing.certificateMs);
    const trust = { ca: options.ca, addsSystemAuthorities, insecure, environment };
    this.#source = new MaterialSource(credentials, trust);
    this.#servers = parseEndpoints(options.endpoints).map((endpoint) => {
      const proxy = proxyFor(endpoint, environment);
      const dialing = { proxy, insecure, http2, connectMs: timing.connectMs, address };
      const dialer = new Dialer(endpoint, this.#source, dialing, clock);
      const pool = new ConnectionPool(endpoint, dialer, this.#source, clock, timing);
      return new Server(endpoint, pool, {
        probe: () => this.#probe(endpoint),
        nearness: async () => (proxy === undefined ? nearnessOf(endpoint, machineSurroundings, clock) : 2),
      });
    });
    this.#failover = new Failover(this.#servers, clock, timing.restMs);
  }

  get identity(): string | undefined {
    return this.#source.identity;
  }

  async send(request: ApiRequest): Promise<ApiReply> {
    const reply = await this.#call(request, request.timeoutMs ?? this.#timeoutMs, false);
    if (!("status" in reply)) throw new KesError("INTERNAL");
    return reply;
  }

  /** The time limit holds until the answer begins, and there is one in any case. */
  stream(request: ApiRequest): Promise<Reply> {
    return this.#call(request, request.timeoutMs || this.#timeoutMs || DEFAULT_TIMEOUT_MS, true);
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    const closed = new KesError("CLIENT_CLOSED");
    for (const scope of this.#open) scope.end(closed);
    for (const { pool } of this.#servers) pool.close(closed);
  }

  async #call(request: ApiRequest, timeoutMs: number, isStreamed: boolean): Promise<Reply> {
    if (this.#isClosed) throw new KesError("CLIENT_CLOSED");
    const scope = new CallScope(request.signal, timeoutMs, this.#parts.clock);
    this.#open.add(scope);
    const call = callOf(request, isStreamed, scope);
    let isOngoing = false;
    try {
      const reply = await this.#rounds(call);
      isOngoing = !("status" in reply);
      return reply;
    } catch (cause) {
      throw cause instanceof CallLate ? late(call, cause) : cause;
    } finally {
      if (!isOngoing) this.#over(scope);
    }
  }

  #over(scope: CallScope): void {
    scope.release();
    this.#open.delete(scope);
  }

  async #rounds(call: Call): Promise<Reply> {
    const { pauseMs, pauseJitterMs } = this.#parts.timing;
    const { scope } = call;
    if (!this.#failover.isRanked) await scope.during(this.#failover.rank());
    for (let round = 1; ; round++) {
      call.mayHelpAgain = false;
      const reply = await this.#round(call);
      if (reply !== undefined) return reply;
      if (!call.mayHelpAgain || round === MAX_ROUNDS) break;
      const pause = pauseMs + this.#parts.clock.random() * pauseJitterMs;
      // No time for another round: what is known now says more than "no answer in time".
      if (pause >= scope.leftMs) break;
      await scope.pause(pause);
    }
    if (call.reply !== undefined) return call.reply;
    throw call.fault ?? new KesError("INTERNAL");
  }

  /** Each endpoint once. @returns the answer that ends the call */
  async #round(call: Call): Promise<Reply | undefined> {
    const { request, scope } = call;
    const order = this.#failover.order();
    for (const [i, server] of order.entries()) {
      const left = order.length - i;
      // One endpoint that hangs must leave time for the others; but what must not be repeated is never cut short.
      scope.beginAttempt(request.repeatable && left > 1 ? scope.leftMs / left : Number.POSITIVE_INFINITY);
      try {
        const reply = await this.#attempt(server, call);
        if (!("status" in reply) || reply.status < 500 || reply.status === 501) {
          this.#failover.succeeded(server);
          return reply;
        }
        this.#failover.failed(server);
        // A server that fails may have done it all the same.
        if (!request.repeatable) return reply;
        call.reply = reply;
        call.mayHelpAgain ||= reply.status === 503 || isOfGateway(reply);
      } catch (cause) {
        this.#weigh(cause, server, call);
      } finally {
        scope.endAttempt();
      }
    }
    return undefined;
  }

  /** @throws what ends the call */
  #weigh(cause: unknown, server: Server, call: Call): void {
    const { url } = server.endpoint;
    if (cause instanceof AttemptLate) {
      this.#failover.failed(server);
      call.fault = call.wasSent
        ? new KesError("ANSWER_LOST", [url, "no answer in time"], { cause })
        : new KesError("ENDPOINT_UNREACHABLE", [url, "no connection in time"], { cause });
      return;
    }
    if (cause instanceof CallLate || isKesError(cause, ...ENDPOINT_FAULTS)) this.#failover.failed(server);
    if (!isKesError(cause, ...ENDPOINT_FAULTS)) throw cause;
    if (!call.request.repeatable && !wasNotSent(cause)) throw cause;
    call.fault = cause;
    call.mayHelpAgain ||= isKesError(cause, "ENDPOINT_UNREACHABLE", "ANSWER_LOST");
  }

  /** One endpoint; a connection that turns out to be dead is not held against it. */
  async #attempt(server: Server, call: Call): Promise<Reply> {
    const { request, scope } = call;
    const { method, path, body } = request;
    call.url = server.endpoint.url;
    let wanted: Wanted = {
      isQuick: request.repeatable && !call.isStreamed,
      isCertain: !request.repeatable,
      openedSinceMs: Number.NEGATIVE_INFINITY,
    };
    let isRetry = false;
    for (let gone = 0; ; ) {
      const wasSentBefore = call.wasSent;
      const connection = server.pool.reserveNow(wanted) ?? (await server.pool.reserve(wanted, scope));
      const { wasUsed } = connection;
      const isLane = server.pool.isLane(connection);
      const startMs = this.#parts.clock.now();
      const answer = new Answer(
        server.endpoint.url,
        call.isStreamed,
        () => this.#parts.clock.now() - startMs,
      );
      call.wasSent = true;
      const exchange = connection.exchange({ method, path, body }, answer);
      answer.belongsTo(exchange);
      try {
        const reply = await scope.during(answer.done, () => exchange.cancel());
        if (answer.stream !== undefined) this.#follow(answer.stream, scope);
        return reply;
      } catch (cause) {
        if (cause instanceof StreamRefused && !request.repeatable) {
          throw new KesError("ANSWER_LOST", [server.endpoint.url, cause.message], { cause });
        }
        if (wasNotSent(cause)) call.wasSent = wasSentBefore;
        if (cause instanceof ConnectionGone && gone++ === 2) {
          const reason = "it closes its connections without taking a request";
          throw new KesError("ENDPOINT_UNREACHABLE", [server.endpoint.url, reason], { cause });
        }
        // Most likely the server closed an idle connection, or was restarted since.
        const wasStale = isKesError(cause, "ANSWER_LOST") && wasUsed && !isRetry && !answer.hasBegun;
        if (!(cause instanceof ConnectionGone) && !(wasStale && request.repeatable)) throw cause;
        if (isLane) {
          // Of the connection beside it this says nothing.
          wanted = { ...wanted, isQuick: false };
          continue;
        }
        wanted = { ...wanted, openedSinceMs: startMs };
        isRetry = true;
      }
    }
  }

  /** A stream goes on after its call: until it ends, its reader leaves, or the signal or the client ends it. */
  #follow(stream: NonNullable<Answer["stream"]>, scope: CallScope): void {
    scope.forgetDeadline();
    scope.endAttempt();
    const ended = scope.during(stream.finished, (reason) => stream.abort(reason));
    // The reader hears of it by the stream.
    ended.catch(() => undefined).finally(() => this.#over(scope));
  }

  /** `GET /version`: every server has it, and it needs no key. */
  async #probe(endpoint: Endpoint): Promise<boolean> {
    const server = this.#servers.find((one) => one.endpoint === endpoint);
    if (server === undefined || this.#isClosed) return false;
    const { clock, timing } = this.#parts;
    const scope = new CallScope(undefined, timing.probeMs, clock);
    this.#open.add(scope);
    const request = { method: "GET", path: "/version", repeatable: true } as const;
    try {
      const reply = await this.#attempt(server, callOf(request, false, scope));
      return "status" in reply && (reply.status < 500 || reply.status === 501);
    } catch {
      // Whatever it is, the endpoint is not back.
      return false;
    } finally {
      this.#over(scope);
    }
  }
}

/** An endpoint and its connections. */
class Server implements Candidate {
  readonly endpoint: Endpoint;
  readonly pool: ConnectionPool;
  readonly probe: Candidate["probe"];
  readonly nearness: Candidate["nearness"];

  constructor(endpoint: Endpoint, pool: ConnectionPool, asks: Candidate) {
    this.endpoint = endpoint;
    this.pool = pool;
    this.probe = asks.probe;
    this.nearness = asks.nearness;
  }
}

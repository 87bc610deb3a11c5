/**
 * S3 over HTTP in front of an object service. Express takes a request to the server's own pages or to S3; it decodes
 * and rewrites nothing of what the signature covers.
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { BlockList } from "node:net";
import express, { type Express } from "express";
import type { RandomSource } from "../../crypto/random.js";
import type { ObjectService } from "../objects/object-service.js";
import { type ErrorReply, errorReply } from "../s3/error-reply.js";
import { type S3Failure, s3Error } from "../s3/errors.js";
import type { Owner } from "../s3/listing-xml.js";
import { commonHeaders, newHostId, newRequestId } from "../s3/reply-headers.js";
import { ChunkMemory } from "../s3/signature/chunk-memory.js";
import { bucketOfHost } from "../s3/target.js";
import type { AccessKeys } from "./access-keys.js";
import type { AccessRecord } from "./access-log.js";
import { Exchange, hasOneHost } from "./exchange.js";
import type { KeyServiceTimes } from "./key-service-times.js";
import type { FrontEndLimits } from "./limits.js";
import type { ServerMetrics } from "./metrics.js";
import { OwnPages } from "./own-pages.js";

export interface FrontEndOptions {
  readonly service: ObjectService;
  readonly credentials: AccessKeys;
  readonly owner: Owner;
  /** The only region that requests may be signed for; absent: any. */
  readonly region?: string | undefined;
  /** See `parseTarget`. */
  readonly domains: readonly string[];
  /** Metrics for everybody, not for the root's access key alone. */
  readonly publicMetrics: boolean;
  /** Proxies that end TLS, whose `X-Forwarded-*` are believed. */
  readonly trustedProxies?: BlockList | undefined;
  readonly times: KeyServiceTimes;
  readonly metrics: ServerMetrics;
  /** One call for every request. */
  readonly log: (record: AccessRecord) => void;
  /** A failure that is the server's own: `error` and its causes are for the operator. */
  readonly failed: (error: unknown, record: AccessRecord) => void;
  readonly random: RandomSource;
  /** Milliseconds since 1970. */
  readonly nowMs: () => number;
  readonly limits: FrontEndLimits;
}

export class FrontEnd {
  readonly #options: FrontEndOptions;
  readonly #hostId: string;
  readonly #app: Express;
  readonly #asking = new WeakSet<IncomingMessage>();
  readonly #chunkMemory = new ChunkMemory();
  #pending = 0;
  #isClosing = false;

  constructor(options: FrontEndOptions) {
    this.#options = options;
    this.#hostId = newHostId(options.random);
    this.#app = this.#build();
  }

  /** Requests that are being served. */
  get pending(): number {
    return this.#pending;
  }

  /** From now on every answer is the last of its connection. */
  close(): void {
    this.#isClosing = true;
  }

  /** @param isAsked - the client waits for `100 Continue` before it sends the body */
  handle(request: IncomingMessage, response: ServerResponse, isAsked = false): void {
    if (isAsked) this.#asking.add(request);
    // Express answers targets that it cannot read in words of its own, and looks at the first of two hosts.
    const isPlain = request.url?.startsWith("/") === true && hasOneHost(request);
    if (isPlain) this.#app(request, response);
    else this.#serve(request, response);
  }

  /** The answer to what is no request that could be served. */
  refusal(failure: S3Failure, method: string): ErrorReply {
    const { random, nowMs } = this.#options;
    const ids = { requestId: newRequestId(random), hostId: this.#hostId };
    const reply = errorReply(s3Error(failure), { method, path: "", ...ids });
    return { ...reply, headers: { ...commonHeaders(ids, nowMs()), ...reply.headers } };
  }

  #build(): Express {
    const { domains } = this.#options;
    const app = express();
    // Express reads NODE_ENV otherwise, and outside production its error pages show stack traces.
    app.set("env", "production");
    app.enable("strict routing");
    app.enable("case sensitive routing");
    app.disable("x-powered-by");
    app.disable("etag");
    const pages = new OwnPages(this.#options, this.#hostId).router();
    app.use((request, response, next) => {
      // Below a domain every path is a key of the bucket that the host names.
      if (bucketOfHost(request.headers.host, domains) === undefined) pages(request, response, next);
      else next();
    });
    app.use((request, response) => this.#serve(request, response));
    // Of Express itself: its own handler would answer in its words and write to the console.
    app.use((error: Error, _request: IncomingMessage, response: ServerResponse, _next: () => void) => {
      response.destroy(error);
    });
    return app;
  }

  #serve(request: IncomingMessage, response: ServerResponse): void {
    const { limits } = this.#options;
    const exchange = new Exchange(this.#options, {
      request,
      response,
      isAsked: this.#asking.has(request),
      hostId: this.#hostId,
      isLast: () => this.#isClosing,
      isBusy: this.#pending >= limits.maxRequests,
      chunkMemory: this.#chunkMemory,
    });
    this.#pending++;
    void exchange.run().finally(() => {
      this.#pending--;
    });
  }
}

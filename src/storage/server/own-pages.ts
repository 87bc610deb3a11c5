/** What is not S3: probes for load balancers and metrics for Prometheus under MinIO's paths, and the console. */
import type { IncomingMessage, ServerResponse } from "node:http";
import { type Request, type Response, Router } from "express";
import { consoleRouter } from "../console/console.js";
import type { ObjectServiceStatus } from "../objects/object-service.js";
import { errorReply } from "../s3/error-reply.js";
import { s3Error } from "../s3/errors.js";
import { commonHeaders, newRequestId } from "../s3/reply-headers.js";
import { RequestHeaders } from "../s3/request-headers.js";
import type { FrontEndOptions } from "./front-end.js";
import { isMetricsToken } from "./metrics-token.js";
import { rootRequest } from "./root-request.js";

/** Anybody may ask; the key service is asked no more often than this. */
const STATUS_AGE_MS = 1_000;
const STATUS_TIMEOUT_MS = 5_000;

const LIVE = ["/minio/health/live"];
const READY = ["/minio/health/ready", "/minio/health/cluster", "/minio/health/cluster/read"];
const METRICS = ["/minio/v2/metrics/cluster", "/minio/v2/metrics/node", "/_keswick/metrics"];

export class OwnPages {
  readonly #options: FrontEndOptions;
  readonly #hostId: string;
  #status: { readonly asked: number; readonly answer: Promise<ObjectServiceStatus> } | undefined;

  constructor(options: FrontEndOptions, hostId: string) {
    this.#options = options;
    this.#hostId = hostId;
  }

  router(): Router {
    const router = Router({ strict: true, caseSensitive: true });
    router.get(LIVE, (request, response) => this.#end(request, response, 200));
    router.get(READY, (request, response) =>
      this.#run(request, response, () => this.#ready(request, response)),
    );
    router.get(METRICS, (request, response) =>
      this.#run(request, response, () => this.#metrics(request, response)),
    );
    router.use(
      consoleRouter({
        options: this.#options,
        status: () => this.#currentStatus(),
        run: (request, response, work) => this.#run(request, response, work),
        end: (...answer) => this.#end(...answer),
      }),
    );
    return router;
  }

  /** Ready: storage can be used, and so can the key service where there is one. */
  async #ready(request: Request, response: Response): Promise<void> {
    const { keys, isStorageOnline } = await this.#currentStatus();
    const hasKeys = keys === undefined || keys.endpoints.some(({ isOnline }) => isOnline);
    this.#end(request, response, isStorageOnline && hasKeys ? 200 : 503);
  }

  async #metrics(request: Request, response: Response): Promise<void> {
    if (!this.#options.publicMetrics) this.#requireRootOrToken(request);
    const { type, text } = await this.#options.metrics.text(await this.#currentStatus());
    this.#end(request, response, 200, { "content-type": type }, text);
  }

  /** @throws S3Error those of `rootRequest`, and `ACCESS_DENIED` for a token that is not right */
  #requireRootOrToken(request: IncomingMessage): void {
    const { credentials, nowMs } = this.#options;
    const headers = new RequestHeaders(request.rawHeaders);
    const bearer = /^Bearer ([\w-]+\.[\w-]+\.[\w-]+)$/.exec(headers.get("authorization") ?? "")?.[1];
    if (bearer !== undefined) {
      if (credentials.isRootToken((secret, root) => isMetricsToken(bearer, root, secret, nowMs()))) return;
      throw s3Error("ACCESS_DENIED");
    }
    rootRequest(request, this.#options);
  }

  #currentStatus(): Promise<ObjectServiceStatus> {
    const now = performance.now();
    if (this.#status === undefined || now - this.#status.asked > STATUS_AGE_MS) {
      const answer = this.#askStatus();
      this.#status = { asked: now, answer };
    }
    return this.#status.answer;
  }

  async #askStatus(): Promise<ObjectServiceStatus> {
    try {
      return await this.#options.service.status({ signal: AbortSignal.timeout(STATUS_TIMEOUT_MS) });
    } catch {
      // Whatever is wrong: not ready is all that a probe can say.
      return { isStorageOnline: false };
    }
  }

  async #run(request: Request, response: Response, work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      const requestId = newRequestId(this.#options.random);
      const { status, headers, body } = errorReply(error, {
        method: request.method,
        path: request.path,
        requestId,
        hostId: this.#hostId,
      });
      this.#end(request, response, status, headers, body, requestId);
    }
  }

  #end(
    request: IncomingMessage,
    response: ServerResponse,
    status: number,
    headers: Readonly<Record<string, string>> = {},
    body = "",
    requestId = newRequestId(this.#options.random),
  ): void {
    const ids = { requestId, hostId: this.#hostId };
    response.writeHead(status, {
      ...commonHeaders(ids, this.#options.nowMs()),
      "content-length": String(Buffer.byteLength(body)),
      "cache-control": "no-store",
      ...headers,
      ...(request.complete ? {} : { connection: "close" }),
    });
    response.end(body);
  }
}

/** One request from its head to its log line: who, what, whether, then the handler, then the answer. */
import type { IncomingMessage, ServerResponse } from "node:http";
import { errorDocument, errorReply, shownError } from "../s3/error-reply.js";
import { isS3Error, s3Error } from "../s3/errors.js";
import { checkBucketName, checkKey } from "../s3/names.js";
import type { OperationName } from "../s3/operations.js";
import { withQueryHeaders } from "../s3/query-headers.js";
import { commonHeaders, newRequestId } from "../s3/reply-headers.js";
import { RequestHeaders } from "../s3/request-headers.js";
import { type RoutedRequest, route } from "../s3/routing.js";
import type { ChunkMemory } from "../s3/signature/chunk-memory.js";
import { type FormFields, type VerifiedForm, verifyForm } from "../s3/signature/post-policy.js";
import { type VerifiedRequest, verifyRequest } from "../s3/signature/verify.js";
import { bucketOfHost, parseTarget, type S3Target } from "../s3/target.js";
import { refuseUnmet } from "../s3/unmet.js";
import type { S3Error } from "../s3-error.js";
import { type AccessRecord, STATUS_GONE } from "./access-log.js";
import type { Answer } from "./answer.js";
import { authorize } from "./authorize.js";
import { Call, type CallParts } from "./call.js";
import type { FrontEndOptions } from "./front-end.js";
import { NO_CHAIN, postObject } from "./handlers/post-object.js";
import { handlers } from "./handlers/table.js";
import { type Peer, peerOf } from "./peer.js";
import { Reply } from "./reply.js";
import { RequestBody } from "./request-body.js";

/** Work that grows with what is stored. */
const LONG: ReadonlySet<OperationName> = new Set([
  "CompleteMultipartUpload",
  "CopyObject",
  "UploadPartCopy",
  "DeleteObjects",
]);
const NOTHING = { canWrite: false, scopes: [] } as const;
const DEFAULT_REGION = "us-east-1";

export interface ExchangeParts {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  /** The client waits for `100 Continue`. */
  readonly isAsked: boolean;
  readonly hostId: string;
  readonly isLast: () => boolean;
  /** More is being served than there may be. */
  readonly isBusy: boolean;
  /** Shared by all requests. */
  readonly chunkMemory: ChunkMemory;
}

export class Exchange {
  readonly #options: FrontEndOptions;
  readonly #parts: ExchangeParts;
  /** As they came. */
  readonly #headers: RequestHeaders;
  readonly #peer: Peer;
  readonly #record: AccessRecord;
  readonly #reply: Reply;
  readonly #gone = new AbortController();
  readonly #started = performance.now();
  #isWaiting: boolean;
  #target: S3Target | undefined;
  #body: RequestBody | undefined;
  #call: Call | undefined;

  constructor(options: FrontEndOptions, parts: ExchangeParts) {
    const { request, response } = parts;
    const requestId = newRequestId(options.random);
    const ids = { requestId, hostId: parts.hostId };
    this.#options = options;
    this.#parts = parts;
    this.#isWaiting = parts.isAsked;
    this.#headers = new RequestHeaders(request.rawHeaders);
    this.#peer = peerOf(request, this.#headers, options.trustedProxies);
    this.#record = {
      timeMs: options.nowMs(),
      requestId,
      remote: this.#peer.remote,
      method: request.method ?? "",
      status: 0,
      bytesIn: 0,
      bytesOut: 0,
      totalMs: 0,
      keyService: { calls: 0, ms: 0 },
    };
    this.#reply = new Reply({
      request,
      response,
      common: () => commonHeaders(ids, options.nowMs()),
      isWaiting: () => this.#isWaiting,
      isLast: parts.isLast,
    });
    response.once("close", () => {
      if (!response.writableFinished) this.#gone.abort();
    });
    response.on("timeout", () => this.#stalled());
  }

  /** Never rejects. */
  async run(): Promise<void> {
    const { times, metrics } = this.#options;
    metrics.begin();
    try {
      await times.run(this.#record.keyService, () => this.#serve());
    } catch (error) {
      await this.#fail(error);
    } finally {
      this.#call?.end();
      this.#finish();
    }
  }

  async #serve(): Promise<void> {
    const { request, isBusy } = this.#parts;
    if (!hasOneHost(request)) throw s3Error("REQUEST_MALFORMED");
    const target = parseTarget(request.url ?? "", this.#headers.get("host"), this.#options.domains);
    this.#target = target;
    if (target.bucket !== undefined) this.#record.bucket = target.bucket;
    if (target.key !== undefined) this.#record.key = target.key;
    const headers = withQueryHeaders(this.#headers, target.query);
    const routed = route(request.method ?? "", target, headers);
    this.#record.operation = routed.operation;
    if (isBusy) throw s3Error("SLOW_DOWN");
    const answer = this.#answer(routed, headers);
    if (LONG.has(routed.operation)) await this.#patiently(answer);
    else await this.#send(await answer);
  }

  /** @param headers - with those of a presigned query */
  async #answer(routed: RoutedRequest, headers: RequestHeaders): Promise<Answer> {
    const { operation, bucket, key } = routed;
    if (operation === "PostObject") return this.#form(routed);
    const verified = verifyRequest(
      { method: this.#parts.request.method ?? "", target: routed, headers: this.#headers },
      this.#signatureOptions(),
    );
    const { credential } = verified;
    this.#record.accessKey = credential.accessKey;
    authorize(routed, credential.rights);
    if (bucket !== undefined) checkBucketName(bucket);
    if (key !== undefined) checkKey(key);
    refuseUnmet(routed, headers);
    return handlers[operation](this.#callOf(routed, headers, verified, credential.rights));
  }

  async #form(routed: RoutedRequest): Promise<Answer> {
    const { bucket = "" } = routed;
    checkBucketName(bucket);
    // Who asks stands in the form, and what may be done hangs on that.
    const unsigned = { payload: { kind: "unsigned" }, chain: NO_CHAIN } as const;
    const verify = (fields: FormFields): VerifiedForm => {
      const verified = verifyForm(fields, bucket, this.#signatureOptions());
      this.#record.accessKey = verified.credential.accessKey;
      return verified;
    };
    const call = this.#callOf(routed, this.#headers, unsigned, NOTHING);
    return postObject(call, verify, this.#options.limits.formTimeoutMs);
  }

  #signatureOptions(): Parameters<typeof verifyRequest>[1] {
    const { credentials, region, nowMs } = this.#options;
    return { credentials, region, nowMs: nowMs() };
  }

  #callOf(
    { bucket, key, query }: RoutedRequest,
    headers: RequestHeaders,
    verified: Pick<VerifiedRequest, "payload" | "chain">,
    rights: Call["rights"],
  ): Call {
    const { request, response } = this.#parts;
    const { service, owner, region } = this.#options;
    const body = new RequestBody({
      request,
      headers: this.#headers,
      verified,
      chunkMemory: this.#parts.chunkMemory,
      proceed: () => {
        if (!this.#isWaiting) return;
        this.#isWaiting = false;
        response.writeContinue();
      },
      received: (bytes) => {
        this.#record.bytesIn += bytes;
      },
    });
    this.#body = body;
    this.#call = new Call({
      service,
      owner,
      region: region ?? DEFAULT_REGION,
      isRegionFixed: region !== undefined,
      headers,
      query,
      rights,
      isSecure: this.#peer.isSecure,
      signal: this.#gone.signal,
      body,
      ...this.#place(bucket),
      bucket,
      key,
    });
    return this.#call;
  }

  /** Where the client finds the bucket: by path, or by the name of the host. */
  #place(bucket = ""): Pick<CallParts, "bucketUrl" | "isBesideConsole"> {
    const host = this.#headers.get("host") ?? "";
    const origin = `${this.#peer.isSecure ? "https" : "http"}://${host}`;
    const isByPath = bucketOfHost(host, this.#options.domains) === undefined;
    return { bucketUrl: isByPath ? `${origin}/${bucket}` : origin, isBesideConsole: isByPath };
  }

  async #send(answer: Answer): Promise<void> {
    this.#record.status = answer.status;
    await this.#reply.send(answer);
  }

  /** The answer, or its beginning and signs of life until it is there. */
  async #patiently(work: Promise<Answer>): Promise<void> {
    const { request } = this.#parts;
    const timer = setInterval(() => {
      if (this.#reply.hasBegun) this.#reply.keepAlive();
      else if (request.complete) {
        this.#record.status = 200;
        this.#reply.begin();
      }
    }, this.#options.limits.patienceMs);
    try {
      const answer = await work;
      if (this.#reply.hasBegun) await this.#reply.finish(answer.document ?? "");
      else await this.#send(answer);
    } finally {
      clearInterval(timer);
    }
  }

  async #fail(thrown: unknown): Promise<void> {
    const { request } = this.#parts;
    const error = shownError(thrown);
    if (this.#gone.signal.aborted) return;
    this.#record.code = error.code;
    if (isS3Error(error, "BODY_TIMEOUT")) this.#reply.abandonBody();
    if (isServersOwn(error)) this.#options.failed(thrown, this.#record);
    // Content that failed in the middle has cut the connection.
    if (this.#reply.isGone) return;
    const { rawPath, bucket, key } = this.#target ?? {};
    const path = rawPath ?? (request.url ?? "").split("?")[0] ?? "";
    const { requestId } = this.#record;
    const failed = { method: request.method ?? "", path, bucket, key, requestId, hostId: this.#parts.hostId };
    try {
      if (this.#reply.hasBegun) await this.#reply.finish(errorDocument(error, failed));
      else {
        const { status, headers, body } = errorReply(thrown, failed);
        const document = body === undefined ? {} : { document: body };
        await this.#send({ status, headers, ...document });
      }
    } catch (cause) {
      this.#options.failed(cause, this.#record);
      this.#reply.cut();
    }
  }

  /** Nothing has moved on the connection for the longest time there may be. */
  #stalled(): void {
    if (this.#body?.giveUp() === true) return this.#reply.abandonBody();
    if (this.#reply.hasBegun) this.#reply.cut();
    // The service works: look again later.
    else this.#parts.request.socket.setTimeout(this.#options.limits.idleTimeoutMs);
  }

  #finish(): void {
    const { metrics, log } = this.#options;
    const record = this.#record;
    const isGone = this.#gone.signal.aborted && record.code === undefined;
    if (isGone) record.status = STATUS_GONE;
    const { bytes, firstByteMs } = this.#reply;
    record.bytesOut = bytes;
    record.totalMs = performance.now() - this.#started;
    if (firstByteMs !== undefined) record.firstByteMs = firstByteMs - this.#started;
    metrics.end(record, isGone);
    log(record);
  }
}

/** Of two each reader on the way may take another one; HTTP/1.0 knows none (RFC 9112 §3.2). */
export function hasOneHost({ headersDistinct, httpVersion }: IncomingMessage): boolean {
  const count = headersDistinct.host?.length ?? 0;
  return count === 1 || (count === 0 && httpVersion === "1.0");
}

/** What an operator has to know of; what is not implemented, and a client that is to wait, are no failures. */
function isServersOwn(error: S3Error): boolean {
  return error.status >= 500 && error.status !== 501 && !isS3Error(error, "SLOW_DOWN");
}

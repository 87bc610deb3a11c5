/** A request that may be served, as handlers see it: signed, allowed, its names checked. */
import type { ObjectService } from "../objects/object-service.js";
import { s3Error } from "../s3/errors.js";
import type { Owner } from "../s3/listing-xml.js";
import { percentEncode } from "../s3/percent.js";
import type { Query } from "../s3/query.js";
import type { RequestHeaders } from "../s3/request-headers.js";
import type { Rights } from "../s3/rights.js";
import type { CustomerKey } from "../sse/customer-key.js";
import { readSseRequest, type SseOperation, type SseRequest } from "../sse/request.js";
import { type ShownEncryption, sseResponseHeaders } from "../sse/response.js";
import type { ObjectPath } from "../sse/seal.js";
import type { RequestBody } from "./request-body.js";

export interface CallParts {
  readonly service: ObjectService;
  readonly owner: Owner;
  /** Where buckets are said to be. */
  readonly region: string;
  /** No other region is accepted. */
  readonly isRegionFixed: boolean;
  readonly headers: RequestHeaders;
  readonly query: Query;
  readonly rights: Rights;
  /** Over TLS, or over a proxy that is trusted to have had it so. */
  readonly isSecure: boolean;
  /** The client has gone, or the server ends. */
  readonly signal: AbortSignal;
  readonly body: RequestBody;
  /** `http://host:port/bucket`, or without bucket where the host names it. */
  readonly bucketUrl: string;
  /** The console is to be found under the same host and port. */
  readonly isBesideConsole: boolean;
  /** Absent for the service itself. */
  readonly bucket?: string | undefined;
  /** Absent for the bucket itself. */
  readonly key?: string | undefined;
}

export class Call {
  readonly service: ObjectService;
  readonly owner: Owner;
  readonly region: string;
  readonly isRegionFixed: boolean;
  readonly headers: RequestHeaders;
  readonly query: Query;
  readonly rights: Rights;
  readonly signal: AbortSignal;
  readonly body: RequestBody;
  readonly isSecure: boolean;
  readonly isBesideConsole: boolean;
  readonly #bucketUrl: string;
  readonly #bucket: string | undefined;
  readonly #key: string | undefined;
  readonly #customerKeys: CustomerKey[] = [];

  constructor(parts: CallParts) {
    this.service = parts.service;
    this.owner = parts.owner;
    this.region = parts.region;
    this.isRegionFixed = parts.isRegionFixed;
    this.headers = parts.headers;
    this.query = parts.query;
    this.rights = parts.rights;
    this.signal = parts.signal;
    this.body = parts.body;
    this.isSecure = parts.isSecure;
    this.isBesideConsole = parts.isBesideConsole;
    this.#bucketUrl = parts.bucketUrl;
    this.#bucket = parts.bucket;
    this.#key = parts.key;
  }

  /** For calls on the service. */
  get options(): { readonly signal: AbortSignal } {
    return { signal: this.signal };
  }

  /** Of operations on buckets and objects. */
  get bucket(): string {
    if (this.#bucket === undefined) throw s3Error("INTERNAL", { cause: new Error("no bucket") });
    return this.#bucket;
  }

  /** Of operations on objects. */
  get path(): ObjectPath {
    if (this.#key === undefined) throw s3Error("INTERNAL", { cause: new Error("no key") });
    return { bucket: this.bucket, object: this.#key };
  }

  /** `Location` of an object of the bucket. */
  urlOf(key: string): string {
    return `${this.#bucketUrl}/${percentEncode(key, true)}`;
  }

  /** The encryption headers, once for each request. @throws S3Error as `readSseRequest` */
  sse(operation: SseOperation): SseRequest {
    return this.sseOf(operation, this.headers);
  }

  /** The same of other headers, for example the fields of a form. */
  sseOf(operation: SseOperation, headers: RequestHeaders): SseRequest {
    const sse = readSseRequest(operation, headers.record, { isSecure: this.isSecure });
    if (sse.target?.kind === "SSE-C") this.#customerKeys.push(sse.target.key);
    if (sse.source !== undefined) this.#customerKeys.push(sse.source);
    return sse;
  }

  /** An answer's headers about the encryption of what was stored or read. */
  sseHeaders(encryption: ShownEncryption | undefined, { target }: SseRequest): Record<string, string> {
    return sseResponseHeaders(encryption, target?.kind === "SSE-C" ? target.key : undefined);
  }

  /** The request is over: what it brought of keys is overwritten. */
  end(): void {
    for (const key of this.#customerKeys) key.wipe();
  }
}

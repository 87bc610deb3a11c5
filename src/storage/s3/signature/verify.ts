/** Whether a request was signed by whom it says, as it stands (S3 API reference §3). */
import { s3Error } from "../errors.js";
import { parseHttpDate } from "../http-date.js";
import type { RequestHeaders } from "../request-headers.js";
import type { S3Target } from "../target.js";
import {
  canonicalRequest,
  EMPTY_SHA256,
  formatDateTime,
  parseDateTime,
  type Scope,
  sameSignature,
  signatureOf,
  textToSign,
} from "./canonical.js";
import { type Credential, type Credentials, SERVICE, TERMINATOR } from "./credentials.js";
import { type CredentialField, parseAuthorization, parsePresigned, type SignatureFields } from "./fields.js";
import { type Payload, parsePayload, UNSIGNED } from "./payload.js";

/** A request as the signature covers it. */
export interface SignedRequest {
  readonly method: string;
  readonly target: Pick<S3Target, "path" | "query">;
  readonly headers: RequestHeaders;
}

export interface VerifyOptions {
  readonly credentials: Credentials;
  readonly nowMs: number;
  /** The only region that scopes may name; absent: any. */
  readonly region?: string | undefined;
}

/** A request whose signature is right. The body is not part of it: {@link Payload} says what is to be held against it. */
export interface VerifiedRequest {
  readonly credential: Credential;
  readonly form: "header" | "query";
  readonly payload: Payload;
  /** What the chunks of the body are signed with. */
  readonly chain: SignatureChain;
}

/** Where the signatures of chunks begin. */
export interface SignatureChain {
  readonly signingKey: Buffer;
  readonly scope: Scope;
  /** Signature of the request. */
  readonly seed: string;
}

const MAX_SKEW_MS = 15 * 60 * 1000;
const MAX_EXPIRES_SECONDS = 604_800;

/**
 * Checks the signature. Nothing of the body is needed, so a client that waits for `100 Continue` can be told first.
 *
 * @throws S3Error `ANONYMOUS` without any signature, `AUTHORIZATION_TWICE`, `SIGNATURE_VERSION_UNSUPPORTED`,
 *   `AUTHORIZATION_MALFORMED` and its kin, `TOKEN_INVALID`, `REGION_WRONG`, `TIME_SKEWED`, `URL_EXPIRED`,
 *   `URL_NOT_YET_VALID`, `ACCESS_KEY_UNKNOWN`, `HEADERS_NOT_SIGNED`, `SIGNED_HEADER_ABSENT`, `SIGNATURE_MISMATCH`,
 *   `CONTENT_SHA256_MISSING`, `CONTENT_SHA256_INVALID`
 */
export function verifyRequest(request: SignedRequest, options: VerifyOptions): VerifiedRequest {
  const { query } = request.target;
  const authorization = request.headers.get("authorization");
  const isPresigned =
    query.has("X-Amz-Signature") || query.has("X-Amz-Algorithm") || query.has("X-Amz-Credential");
  const isOlder = query.has("AWSAccessKeyId") && query.has("Signature");
  if (authorization !== undefined && (isPresigned || isOlder)) throw s3Error("AUTHORIZATION_TWICE");
  if (isOlder) throw s3Error("SIGNATURE_VERSION_UNSUPPORTED");
  refuseToken(request);
  if (authorization !== undefined) return verifyHeader(request, parseAuthorization(authorization), options);
  if (isPresigned) return verifyPresigned(request, parsePresigned(query), options);
  throw s3Error("ANONYMOUS");
}

/** Keys of sessions are not issued here; taken for ordinary ones they would outlive their session. */
function refuseToken({ target, headers }: SignedRequest): void {
  if (headers.get("x-amz-security-token") || target.query.get("X-Amz-Security-Token")) {
    throw s3Error("TOKEN_INVALID");
  }
}

function verifyHeader(
  request: SignedRequest,
  fields: SignatureFields,
  options: VerifyOptions,
): VerifiedRequest {
  const { headers } = request;
  checkRegion(fields.credential, options.region, "REGION_WRONG");
  const timeMs = requestTime(headers);
  const scope = scopeOf(timeMs, fields.credential);
  if (scope === undefined) throw s3Error("AUTHORIZATION_MALFORMED");
  if (Math.abs(options.nowMs - timeMs) > MAX_SKEW_MS) {
    throw s3Error("TIME_SKEWED", {
      members: {
        RequestTime: scope.dateTime,
        ServerTime: isoTime(options.nowMs),
        MaxAllowedSkewMilliseconds: String(MAX_SKEW_MS),
      },
    });
  }
  const sent = headers.get("x-amz-content-sha256");
  if (sent === undefined && hasBody(headers)) throw s3Error("CONTENT_SHA256_MISSING");
  return verify(request, fields, scope, sent ?? EMPTY_SHA256, "header", options);
}

function verifyPresigned(
  request: SignedRequest,
  fields: SignatureFields,
  options: VerifyOptions,
): VerifiedRequest {
  const { query } = request.target;
  checkRegion(fields.credential, options.region, "REGION_QUERY_WRONG");
  const timeMs = parseDateTime(query.get("X-Amz-Date") ?? "");
  const scope = timeMs === undefined ? undefined : scopeOf(timeMs, fields.credential);
  const expires = query.get("X-Amz-Expires") ?? "";
  const seconds = /^\d{1,6}$/.test(expires) ? Number(expires) : Number.NaN;
  if (timeMs === undefined || scope === undefined || !(seconds <= MAX_EXPIRES_SECONDS)) {
    throw s3Error("AUTHORIZATION_QUERY_MALFORMED");
  }
  if (timeMs > options.nowMs + MAX_SKEW_MS) throw s3Error("URL_NOT_YET_VALID");
  if (timeMs + seconds * 1000 < options.nowMs) {
    throw s3Error("URL_EXPIRED", {
      members: {
        "X-Amz-Expires": expires,
        Expires: isoTime(timeMs + seconds * 1000),
        ServerTime: isoTime(options.nowMs),
      },
    });
  }
  const inQuery = query.get("X-Amz-Content-Sha256");
  const inHeader = request.headers.get("x-amz-content-sha256");
  // Two that differ: the body would be read in one way and was signed in another.
  if (inQuery !== undefined && inHeader !== undefined && inQuery !== inHeader)
    throw s3Error("CONTENT_SHA256_INVALID");
  return verify(request, fields, scope, inQuery ?? inHeader ?? UNSIGNED, "query", options);
}

function verify(
  request: SignedRequest,
  fields: SignatureFields,
  scope: Scope,
  payloadHash: string,
  form: "header" | "query",
  { credentials }: VerifyOptions,
): VerifiedRequest {
  const { method, target, headers } = request;
  const payload = parsePayload(payloadHash);
  const credential = credentials.find(fields.credential.accessKey);
  if (credential === undefined) {
    throw s3Error("ACCESS_KEY_UNKNOWN", { members: { AWSAccessKeyId: fields.credential.accessKey } });
  }
  const { signedHeaders } = fields;
  const signingKey = credential.signingKey(scope.date, scope.region);
  const canonical = canonicalRequest({
    method,
    path: target.path,
    query: target.query.pairs,
    signedHeaders,
    headers,
    payloadHash,
  });
  const text = textToSign(scope, canonical);
  const seed = signatureOf(signingKey, text);
  if (!sameSignature(fields.signature, seed)) {
    throw s3Error("SIGNATURE_MISMATCH", {
      members: {
        AWSAccessKeyId: credential.accessKey,
        StringToSign: text,
        SignatureProvided: fields.signature.slice(0, seed.length),
        CanonicalRequest: canonical.replace(SECRET_LINE, "$1:..."),
      },
    });
  }
  refuseUnsigned(headers, signedHeaders);
  return { credential, form, payload, chain: { signingKey, scope, seed } };
}

/** Keys and contexts of clients in headers; what is sent back may come to rest in logs. */
const SECRET_LINE =
  /^(x-amz-(?:(?:copy-source-)?server-side-encryption-customer-key|server-side-encryption-context)):.*$/gm;

/** What was added on the way would change what is done in the name of the signer. */
function refuseUnsigned(headers: RequestHeaders, signedHeaders: readonly string[]): void {
  const unsigned = headers
    .names()
    .filter((name) => name.startsWith("x-amz-") && !signedHeaders.includes(name));
  if (unsigned.length > 0) {
    throw s3Error("HEADERS_NOT_SIGNED", { members: { HeadersNotSigned: unsigned.join(", ") } });
  }
}

/** @throws S3Error `DATE_MISSING` */
function requestTime(headers: RequestHeaders): number {
  const own = headers.get("x-amz-date");
  const timeMs = own === undefined ? parseHttpDate(headers.get("date") ?? "") : parseDateTime(own.trim());
  if (timeMs === undefined) throw s3Error("DATE_MISSING");
  return timeMs;
}

/** Undefined when the credential was made for another day. */
function scopeOf(timeMs: number, { date, region }: CredentialField): Scope | undefined {
  const dateTime = formatDateTime(timeMs);
  if (!dateTime.startsWith(date)) return undefined;
  return { dateTime, date, region, text: [date, region, SERVICE, TERMINATOR].join("/") };
}

function checkRegion(
  { region }: CredentialField,
  expected: string | undefined,
  failure: "REGION_WRONG" | "REGION_QUERY_WRONG",
): void {
  if (expected !== undefined && region !== expected)
    throw s3Error(failure, { members: { Region: expected } });
}

function hasBody(headers: RequestHeaders): boolean {
  return headers.has("transfer-encoding") || !/^0*$/.test(headers.get("content-length") ?? "0");
}

function isoTime(timeMs: number): string {
  return new Date(timeMs).toISOString();
}

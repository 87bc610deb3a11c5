/** The texts that Signature Version 4 signs (S3 API reference §3.1). Characters are bytes: hash them as latin1. */
import { createHash, timingSafeEqual } from "node:crypto";
import { s3Error } from "../errors.js";
import { percentEncode } from "../percent.js";
import type { QueryPair } from "../query.js";
import type { RequestHeaders } from "../request-headers.js";
import { hmac } from "./credentials.js";

export const ALGORITHM = "AWS4-HMAC-SHA256";

/** SHA-256 of nothing, hex. */
export const EMPTY_SHA256 = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

/** What goes into the canonical request. */
export interface CanonicalParts {
  readonly method: string;
  /** Decoded once. */
  readonly path: string;
  /** Decoded; `X-Amz-Signature` is left out. */
  readonly query: readonly QueryPair[];
  /** Lower-case names, sorted. */
  readonly signedHeaders: readonly string[];
  readonly headers: RequestHeaders;
  /** Value of `x-amz-content-sha256`, or what stands for it. */
  readonly payloadHash: string;
}

/** @throws S3Error `SIGNED_HEADER_ABSENT` */
export function canonicalRequest(parts: CanonicalParts): string {
  const { method, path, query, signedHeaders, headers, payloadHash } = parts;
  const lines = signedHeaders.map((name) => `${name}:${canonicalHeader(name, headers)}\n`);
  return [
    method,
    percentEncode(path, true),
    canonicalQuery(query),
    lines.join(""),
    signedHeaders.join(";"),
    payloadHash,
  ].join("\n");
}

/** Encoded, then sorted by name and value; by bytes, for encoded text is ASCII. */
export function canonicalQuery(pairs: readonly QueryPair[]): string {
  return pairs
    .filter(([name]) => name.toLowerCase() !== "x-amz-signature")
    .map(([name, value]) => [percentEncode(name, false), percentEncode(value, false)] as const)
    .sort(([a, x], [b, y]) => (a === b ? order(x, y) : order(a, b)))
    .map(([name, value]) => `${name}=${value}`)
    .join("&");
}

function order(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** Trimmed, inner white space to one space. */
function canonicalHeader(name: string, headers: RequestHeaders): string {
  const value = headers.get(name);
  if (value === undefined) {
    // Taken out by proxies and HTTP servers; there is but one value that each can have had.
    if (name === "expect") return "100-continue";
    if (name === "content-length" && !headers.has("transfer-encoding")) return "0";
    throw s3Error("SIGNED_HEADER_ABSENT", { members: { HeadersNotPresent: name } });
  }
  return value.replace(/[ \t]+/g, " ").replace(/^ | $/g, "");
}

/** When and for what a signature was made. */
export interface Scope {
  /** `yyyymmddThhmmssZ`. */
  readonly dateTime: string;
  /** `yyyymmdd`. */
  readonly date: string;
  readonly region: string;
  /** `<date>/<region>/s3/aws4_request`. */
  readonly text: string;
}

export function textToSign(scope: Scope, canonical: string): string {
  const hash = createHash("sha256").update(canonical, "latin1").digest("hex");
  return [ALGORITHM, scope.dateTime, scope.text, hash].join("\n");
}

export function signatureOf(signingKey: Buffer, text: string): string {
  return hmac(signingKey, text).toString("hex");
}

const SIGNATURE = /^[0-9a-f]{64}$/;

/** Compares in constant time. A signature that has not the form of one is never equal. */
export function sameSignature(given: string, computed: string): boolean {
  if (!SIGNATURE.test(given) || !SIGNATURE.test(computed)) return false;
  return timingSafeEqual(Buffer.from(given, "latin1"), Buffer.from(computed, "latin1"));
}

const DATE_TIME = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/;

/** Milliseconds since 1970 of `yyyymmddThhmmssZ`; undefined when it is no such time. */
export function parseDateTime(text: string): number | undefined {
  const match = DATE_TIME.exec(text);
  if (match === null) return undefined;
  const [, year, month, day, hour, minute, second] = match;
  const timeMs = Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}.000Z`);
  // Date.parse takes the 31st of a month that has 30 days for the first of the next.
  return Number.isNaN(timeMs) || formatDateTime(timeMs) !== text ? undefined : timeMs;
}

/** `yyyymmddThhmmssZ`. */
export function formatDateTime(timeMs: number): string {
  return new Date(timeMs).toISOString().replaceAll(/[-:]|\.\d+/g, "");
}

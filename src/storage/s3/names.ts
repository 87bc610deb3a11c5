/** Which names buckets and objects may have (S3 API reference §2, limits). */
import { isIPv4 } from "node:net";
import { s3Error } from "./errors.js";
import { percentDecode } from "./percent.js";

const BUCKET = /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/;

/** Bytes of UTF-8. */
export const MAX_KEY_BYTES = 1024;

/** 3 to 63 of `a-z 0-9 . -`, letter or digit at both ends, no `..`, `.-`, `-.`, no IPv4 address. */
export function isBucketName(name: string): boolean {
  return BUCKET.test(name) && !/\.\.|\.-|-\./.test(name) && !isIPv4(name);
}

/** @throws S3Error `BUCKET_NAME_INVALID` */
export function checkBucketName(name: string): void {
  if (!isBucketName(name)) throw s3Error("BUCKET_NAME_INVALID");
}

/**
 * 1 to {@link MAX_KEY_BYTES} bytes of UTF-8, whatever they are: stores must not take a key for a path.
 * @throws S3Error `KEY_TOO_LONG`, `KEY_INVALID` for an empty one and for half a surrogate pair, which has no UTF-8
 */
export function checkKey(key: string): void {
  if (key === "" || LONE_SURROGATE.test(key)) throw s3Error("KEY_INVALID");
  const bytes = Buffer.byteLength(key);
  if (bytes > MAX_KEY_BYTES) {
    throw s3Error("KEY_TOO_LONG", {
      members: { Size: String(bytes), MaxSizeAllowed: String(MAX_KEY_BYTES) },
    });
  }
}

const LONE_SURROGATE = /\p{Surrogate}/u;

/** An object that is to be copied. */
export interface CopySource {
  readonly bucket: string;
  readonly key: string;
  readonly versionId?: string;
}

const VERSION = "?versionId=";

/**
 * The header `x-amz-copy-source`: `[/]bucket/key[?versionId=v]`, percent-encoded; a plus is a plus.
 * @throws S3Error `COPY_SOURCE_INVALID`, `BUCKET_NAME_INVALID`, `KEY_TOO_LONG`
 */
export function parseCopySource(header: string): CopySource {
  const text = header.startsWith("/") ? header.slice(1) : header;
  const mark = text.lastIndexOf(VERSION);
  const named = mark < 0 ? text : text.slice(0, mark);
  // Who encodes the whole of it encodes the slash behind the bucket as well, which no bucket's name can hold.
  const path = named.includes("/") ? named : named.replace(/^([^%]*)%2F/i, "$1/");
  const versionId = mark < 0 ? "" : percentDecode(text.slice(mark + VERSION.length), false);
  const slash = path.indexOf("/");
  const bucket = slash < 0 ? undefined : percentDecode(path.slice(0, slash), false);
  const key = percentDecode(path.slice(slash + 1), false);
  if (!bucket || !key || versionId === undefined) throw s3Error("COPY_SOURCE_INVALID");
  checkBucketName(bucket);
  checkKey(key);
  return { bucket, key, ...(versionId === "" ? {} : { versionId }) };
}

/** Requests that depend on what is stored: `If-Match` and its kin (S3 API reference §4.1, §4.2, §4.4). */
import { s3Error } from "./errors.js";
import { parseHttpDate } from "./http-date.js";
import type { RequestHeaders } from "./request-headers.js";

/** What a request's conditions are held against. */
export interface ConditionSubject {
  /** As it is shown, without quotes. */
  readonly etag: string;
  readonly modifiedMs: number;
}

/** Conditions on reading, from headers with a prefix: none, or `x-amz-copy-source-`. */
export interface ReadConditions {
  readonly match?: string;
  readonly noneMatch?: string;
  readonly modifiedSinceMs?: number;
  readonly unmodifiedSinceMs?: number;
}

/** Reads the four headers. Dates that cannot be read are passed over, as HTTP has it. */
export function readConditions(
  headers: RequestHeaders,
  prefix: "" | "x-amz-copy-source-" = "",
): ReadConditions {
  const match = headers.get(`${prefix}if-match`);
  const noneMatch = headers.get(`${prefix}if-none-match`);
  const modifiedSinceMs = parseHttpDate(headers.get(`${prefix}if-modified-since`) ?? "");
  const unmodifiedSinceMs = parseHttpDate(headers.get(`${prefix}if-unmodified-since`) ?? "");
  return {
    ...(match === undefined ? {} : { match }),
    ...(noneMatch === undefined ? {} : { noneMatch }),
    ...(modifiedSinceMs === undefined ? {} : { modifiedSinceMs }),
    ...(unmodifiedSinceMs === undefined ? {} : { unmodifiedSinceMs }),
  };
}

/**
 * Decides about a GET or HEAD.
 * @returns `not-modified`: answer 304 with `ETag` and `Last-Modified`
 * @throws S3Error `PRECONDITION_FAILED` with the member `Condition`
 */
export function checkRead(conditions: ReadConditions, subject: ConditionSubject): "ok" | "not-modified" {
  const { match, noneMatch, modifiedSinceMs, unmodifiedSinceMs } = conditions;
  const modified = wholeSeconds(subject.modifiedMs);
  if (match !== undefined) {
    if (!matchesETag(match, subject.etag)) throw failed("If-Match");
  } else if (unmodifiedSinceMs !== undefined && modified > unmodifiedSinceMs) {
    throw failed("If-Unmodified-Since");
  }
  if (noneMatch !== undefined) return matchesETag(noneMatch, subject.etag) ? "not-modified" : "ok";
  return modifiedSinceMs !== undefined && modified <= modifiedSinceMs ? "not-modified" : "ok";
}

/** Decides about the source of a copy: where a GET would answer 304, a copy fails. @throws S3Error `PRECONDITION_FAILED` */
export function checkCopySource(conditions: ReadConditions, source: ConditionSubject): void {
  if (checkRead(conditions, source) === "ok") return;
  throw failed(conditions.noneMatch === undefined ? "If-Modified-Since" : "If-None-Match");
}

/** Conditions on storing or deleting. The check and the act must be one step of the store. */
export interface WriteConditions {
  readonly match?: string;
  readonly noneMatch?: string;
}

export function readWriteConditions(headers: RequestHeaders): WriteConditions {
  const match = headers.get("if-match");
  const noneMatch = headers.get("if-none-match");
  return { ...(match === undefined ? {} : { match }), ...(noneMatch === undefined ? {} : { noneMatch }) };
}

/**
 * Decides about a PUT, Complete or DELETE.
 * @param existing - the object that is there now
 * @throws S3Error `PRECONDITION_FAILED`; `KEY_NOT_FOUND` for `If-Match` where nothing is
 */
export function checkWrite(
  { match, noneMatch }: WriteConditions,
  existing: ConditionSubject | undefined,
): void {
  if (match !== undefined) {
    if (existing === undefined) throw s3Error("KEY_NOT_FOUND");
    if (!matchesETag(match, existing.etag)) throw failed("If-Match");
  }
  if (noneMatch !== undefined && existing !== undefined && matchesETag(noneMatch, existing.etag)) {
    throw failed("If-None-Match");
  }
}

/** Whether a list of ETags holds `etag`: with or without quotes, weak or not, or `*`. */
export function matchesETag(list: string, etag: string): boolean {
  return list.split(",").some((member) => {
    const name = member.trim();
    return name === "*" || unquoteETag(name) === etag;
  });
}

/** An ETag as clients send it, without quotes and without the mark of a weak one. */
export function unquoteETag(text: string): string {
  const bare = text.trim().replace(/^W\//, "");
  return bare.length >= 2 && bare.startsWith('"') && bare.endsWith('"') ? bare.slice(1, -1) : bare;
}

function wholeSeconds(timeMs: number): number {
  return Math.floor(timeMs / 1000) * 1000;
}

function failed(condition: string): Error {
  return s3Error("PRECONDITION_FAILED", { members: { Condition: condition } });
}

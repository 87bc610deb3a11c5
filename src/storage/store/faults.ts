/** What a failed system call means to who asked for it. */

import { s3Error } from "../s3/errors.js";
import type { S3Error } from "../s3-error.js";

/** Name of a system error, for example `ENOENT`; undefined for anything else. */
export function errnoOf(cause: unknown): string | undefined {
  if (!(cause instanceof Error) || !("code" in cause) || typeof cause.code !== "string") return undefined;
  // Codes of S3 are in mixed case.
  return /^E[A-Z0-9]+$/.test(cause.code) ? cause.code : undefined;
}

// EFBIG: the limit for the size of one file, of the file system or of the process.
const FULL = new Set(["ENOSPC", "EDQUOT", "EFBIG"]);

export function isFull(cause: unknown): boolean {
  return FULL.has(errnoOf(cause) ?? "");
}

/** The error of a system call as `STORAGE_FULL` or `INTERNAL`; all else as it is. */
export function storeFault(cause: unknown): unknown {
  if (errnoOf(cause) === undefined) return cause;
  return s3Error(isFull(cause) ? "STORAGE_FULL" : "INTERNAL", { cause });
}

/** The store is not as it must be: `what` is for the error log. */
export function damaged(what: string): S3Error {
  return s3Error("INTERNAL", { cause: new Error(what) });
}

/** Waits for something whose failure changes nothing any more. */
export async function unless(errno: string, work: Promise<void>): Promise<void> {
  try {
    await work;
  } catch (cause) {
    if (errnoOf(cause) !== errno) throw cause;
  }
}

/** A system call whose failure the caller is told as an S3Error. */
export async function onDisk<T>(call: Promise<T>): Promise<T> {
  try {
    return await call;
  } catch (cause) {
    throw storeFault(cause);
  }
}

/** The header `Range` and its likes (S3 API reference §4.2, §6). */
import { s3Error } from "./errors.js";

/** As it was asked for: `first` to `last`, or from `first` on, or the last `suffix` bytes. */
export type RangeRequest = { readonly first: number; readonly last?: number } | { readonly suffix: number };

/** Bytes of an object, both ends included. */
export interface ByteRange {
  readonly first: number;
  readonly last: number;
}

const RANGE = /^bytes=[ \t]*(\d*)-(\d*)[ \t]*$/i;
const COPY_RANGE = /^bytes=(\d+)-(\d+)$/;

/** @returns undefined for what is to be passed over: bad syntax, several ranges, another unit */
export function parseRange(header: string): RangeRequest | undefined {
  const match = RANGE.exec(header);
  if (match === null) return undefined;
  const [, from = "", to = ""] = match;
  if (from === "") return to === "" ? undefined : { suffix: numberOf(to) };
  const first = numberOf(from);
  if (to === "") return { first };
  const last = numberOf(to);
  return last < first ? undefined : { first, last };
}

/** Numbers beyond every object are all alike. */
function numberOf(digits: string): number {
  return Math.min(Number(digits), Number.MAX_SAFE_INTEGER);
}

/**
 * The bytes of an object of `size` that a range means; an end beyond it is cut.
 * @throws S3Error `RANGE_UNSATISFIABLE`: beyond the object, the last 0 bytes, anything of an empty object
 */
export function resolveRange(range: RangeRequest, size: number, header: string): ByteRange {
  const first = "suffix" in range ? Math.max(0, size - range.suffix) : range.first;
  if (first >= size) {
    throw s3Error("RANGE_UNSATISFIABLE", {
      members: { RangeRequested: header, ActualObjectSize: String(size) },
    });
  }
  const last = "suffix" in range ? size - 1 : Math.min(range.last ?? size - 1, size - 1);
  return { first, last };
}

/** `Content-Range` of a 206. */
export function contentRange({ first, last }: ByteRange, size: number): string {
  return `bytes ${first}-${last}/${size}`;
}

/** `Content-Range` of a 416. */
export function unsatisfiedRange(size: number): string {
  return `bytes */${size}`;
}

/**
 * The header `x-amz-copy-source-range` on an object of `size` bytes: both ends are needed and must be inside.
 * @throws S3Error `COPY_RANGE_INVALID`, `RANGE_UNSATISFIABLE`
 */
export function parseCopyRange(header: string, size: number): ByteRange {
  const match = COPY_RANGE.exec(header);
  if (match === null) throw s3Error("COPY_RANGE_INVALID");
  const first = numberOf(match[1] ?? "");
  const last = numberOf(match[2] ?? "");
  if (last < first) throw s3Error("COPY_RANGE_INVALID");
  if (last >= size) {
    throw s3Error("RANGE_UNSATISFIABLE", {
      members: { RangeRequested: header, ActualObjectSize: String(size) },
    });
  }
  return { first, last };
}

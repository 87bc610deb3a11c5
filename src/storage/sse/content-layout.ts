/** Where the packages lie that hold a range of plaintext (S3 reference §6.3, §7). */
import { openSize, PACKAGE_BYTES, SEALED_PACKAGE_BYTES, sealedSize } from "../../crypto/dare-sizes.js";
import { KesError } from "../../errors.js";
import { sseError } from "./errors.js";

/** One stream of packages. */
export interface ContentPart {
  /** Number of the part, 1 to 10,000: its key depends on it. Undefined for an object stored in one piece. */
  readonly number?: number;
  /** Plaintext. */
  readonly bytes: number;
}

/** Both ends included, as in HTTP. */
export interface ByteRange {
  readonly first: number;
  readonly last: number;
}

/** A run of packages of one part. */
export interface ContentSegment {
  readonly part: ContentPart;
  /** Where it begins within the part, for parts in files of their own. */
  readonly sealedOffset: number;
  readonly sealedBytes: number;
  /** Number of its first package. */
  readonly sequence: number;
  /** True when the part's last package is in it; that one is then demanded. */
  readonly reachesEnd: boolean;
  /** Plaintext of the object before the part. */
  readonly partStart: number;
}

/** What to read, and what to give of it. */
export interface ReadPlan {
  /** In the parts put one behind the other. */
  readonly sealedOffset: number;
  readonly sealedBytes: number;
  /** Plaintext that is dropped in front. */
  readonly skip: number;
  /** Plaintext that is given. */
  readonly bytes: number;
  /** In the order of the parts; none for nothing. */
  readonly segments: readonly ContentSegment[];
}

/**
 * The part whose packages take up `sealedBytes`.
 * @throws S3Error `SSE_CONTENT_DAMAGED` for a size that no stream has
 */
export function contentPart(sealedBytes: number, number?: number): ContentPart {
  const bytes = openSize(sealedBytes);
  if (bytes === undefined) throw sseError("SSE_CONTENT_DAMAGED", { cause: new Error("impossible size") });
  return { bytes, ...(number === undefined ? {} : { number }) };
}

/**
 * Plans the reading of all content, or of a range.
 * @param parts - in ascending order of their numbers, which may have gaps; one without number for one piece
 * @param range - within the content; the caller has answered what is not (416)
 * @throws KesError `INTERNAL` for a range outside, or parts out of order
 */
export function planRead(parts: readonly ContentPart[], range?: ByteRange): ReadPlan {
  checkOrder(parts);
  const total = parts.reduce((sum, { bytes }) => sum + bytes, 0);
  if (total === 0 && range === undefined)
    return { sealedOffset: 0, sealedBytes: 0, skip: 0, bytes: 0, segments: [] };
  const { first, last } = range ?? { first: 0, last: total - 1 };
  const isWithin = Number.isSafeInteger(first) && Number.isSafeInteger(last) && first >= 0 && last < total;
  if (!isWithin || first > last) throw internal("the range is outside of the content");

  const segments: ContentSegment[] = [];
  let partStart = 0;
  let sealedStart = 0;
  let sealedOffset = 0;
  let skip = 0;
  for (const part of parts) {
    const partEnd = partStart + part.bytes;
    if (part.bytes > 0 && first < partEnd && last >= partStart) {
      const segment = segmentOf(part, partStart, Math.max(first, partStart), Math.min(last, partEnd - 1));
      if (segments.length === 0) {
        sealedOffset = sealedStart + segment.sealedOffset;
        skip = first - partStart - segment.sequence * PACKAGE_BYTES;
      }
      segments.push(segment);
    }
    partStart = partEnd;
    sealedStart += sealedSize(part.bytes);
  }
  const sealedBytes = segments.reduce((sum, segment) => sum + segment.sealedBytes, 0);
  return { sealedOffset, sealedBytes, skip, bytes: last - first + 1, segments };
}

function segmentOf(part: ContentPart, partStart: number, first: number, last: number): ContentSegment {
  const partBytes = sealedSize(part.bytes);
  const sequence = Math.floor((first - partStart) / PACKAGE_BYTES);
  const sealedOffset = sequence * SEALED_PACKAGE_BYTES;
  const packagesEnd = (Math.floor((last - partStart) / PACKAGE_BYTES) + 1) * SEALED_PACKAGE_BYTES;
  const sealedEnd = Math.min(packagesEnd, partBytes);
  return {
    ...{ part, sealedOffset, sealedBytes: sealedEnd - sealedOffset, sequence, partStart },
    reachesEnd: sealedEnd === partBytes,
  };
}

function checkOrder(parts: readonly ContentPart[]): void {
  let before = 0;
  for (const { number, bytes } of parts) {
    if (!Number.isSafeInteger(bytes) || bytes < 0) throw internal("a part has no size");
    if (number === undefined ? parts.length > 1 : number <= before) throw internal("parts are out of order");
    before = number ?? 0;
  }
}

function internal(reason: string): KesError {
  return new KesError("INTERNAL", [], { cause: new Error(reason) });
}

/** The parts of an object that GetObjectAttributes shows, page by page. */
import type { ChecksumAlgorithm } from "./checksums.js";
import { s3Error } from "./errors.js";
import type { RequestHeaders } from "./request-headers.js";

const MAX_PAGE = 1000;
/** The last number that a part may have. */
const MAX_MARKER = 10_000;

/** A part of an object. */
export interface ObjectPart {
  readonly number: number;
  /** Bytes of plaintext. */
  readonly size: number;
  readonly checksum?: { readonly algorithm: ChecksumAlgorithm; readonly value: string };
}

export interface ObjectPartsQuery {
  readonly maxParts: number;
  /** The page begins behind this number. */
  readonly marker: number;
}

export interface ObjectPartsPage extends ObjectPartsQuery {
  /** Of the object. */
  readonly count: number;
  readonly parts: readonly ObjectPart[];
  readonly isTruncated: boolean;
}

/** `x-amz-max-parts`, 1000 at most, and `x-amz-part-number-marker`. @throws S3Error `ARGUMENT_INVALID` */
export function readObjectParts(headers: RequestHeaders): ObjectPartsQuery {
  return {
    maxParts: Math.min(numberOf(headers, "x-amz-max-parts") ?? MAX_PAGE, MAX_PAGE),
    marker: Math.min(numberOf(headers, "x-amz-part-number-marker") ?? 0, MAX_MARKER),
  };
}

/** @param all - in the order of their numbers */
export function partsPage(
  all: readonly ObjectPart[],
  { maxParts, marker }: ObjectPartsQuery,
): ObjectPartsPage {
  const rest = all.filter(({ number }) => number > marker);
  const parts = rest.slice(0, maxParts);
  return { maxParts, marker, count: all.length, parts, isTruncated: rest.length > parts.length };
}

function numberOf(headers: RequestHeaders, name: string): number | undefined {
  const text = headers.get(name);
  if (text === undefined || text === "") return undefined;
  if (!/^[0-9]{1,9}$/.test(text)) throw s3Error("ARGUMENT_INVALID", { members: { ArgumentName: name } });
  return Number(text);
}

/** What a request says about the checksum of its body (S3 API reference §4.5). */
import {
  allowsChecksumType,
  type ChecksumAlgorithm,
  type ChecksumType,
  checksumAlgorithms,
  checksumNames,
  decodeChecksum,
  defaultChecksumType,
} from "./checksums.js";
import { s3Error } from "./errors.js";
import type { RequestHeaders } from "./request-headers.js";

/** The checksum of a body: its value came in a header, or comes in the trailer. */
export type BodyChecksum =
  | { readonly algorithm: ChecksumAlgorithm; readonly value: Buffer }
  | { readonly algorithm: ChecksumAlgorithm; readonly inTrailer: true };

const PREFIX = "x-amz-checksum-";
/** Names that begin so and are no checksums. */
const OTHERS = new Set(["x-amz-checksum-algorithm", "x-amz-checksum-type", "x-amz-checksum-mode"]);

/**
 * Reads headers only: in the query they are passed over.
 *
 * @param trailer - the value of `x-amz-trailer`, where the body has a trailer
 * @throws S3Error `CHECKSUM_SEVERAL`, `CHECKSUM_INVALID`, `TRAILER_UNSUPPORTED`, and `NOT_IMPLEMENTED` for an algorithm
 *   that is not known, since a checksum that nobody checks must not look checked
 */
export function readBodyChecksum(
  headers: RequestHeaders,
  trailer: string | undefined,
): BodyChecksum | undefined {
  const inHeaders = headers.names().filter((name) => name.startsWith(PREFIX) && !OTHERS.has(name));
  const inTrailer = trailerNames(trailer);
  const [name] = [...inHeaders, ...inTrailer];
  if (inHeaders.length + inTrailer.length > 1) throw s3Error("CHECKSUM_SEVERAL");
  const named = namedAlgorithm(headers.get("x-amz-sdk-checksum-algorithm"));
  if (name === undefined) return undefined;
  const algorithm = algorithmOfHeader(name);
  if (named !== undefined && named !== algorithm) throw s3Error("CHECKSUM_INVALID", member(name));
  if (inTrailer.length > 0) return { algorithm, inTrailer: true };
  const value = decodeChecksum(algorithm, headers.get(name) ?? "");
  if (value === undefined) throw s3Error("CHECKSUM_INVALID", member(name));
  return { algorithm, value };
}

/** Lower-case names in `x-amz-trailer`. @throws S3Error `TRAILER_UNSUPPORTED` for one that is no checksum */
function trailerNames(trailer: string | undefined): string[] {
  if (trailer === undefined) return [];
  const names = trailer
    .split(",")
    .map((name) => name.trim().toLowerCase())
    .filter((name) => name !== "");
  if (names.some((name) => !name.startsWith(PREFIX) || OTHERS.has(name)))
    throw s3Error("TRAILER_UNSUPPORTED");
  return names;
}

function algorithmOfHeader(name: string): ChecksumAlgorithm {
  const algorithm = checksumNames.find((candidate) => checksumAlgorithms[candidate].header === name);
  if (algorithm === undefined) throw s3Error("NOT_IMPLEMENTED", { members: { Header: name } });
  return algorithm;
}

/** An algorithm by name, in any case. @throws S3Error `NOT_IMPLEMENTED` for one that is not known */
export function namedAlgorithm(value: string | undefined): ChecksumAlgorithm | undefined {
  if (value === undefined || value === "") return undefined;
  const algorithm = checksumNames.find((candidate) => candidate === value.toUpperCase());
  if (algorithm === undefined) throw s3Error("NOT_IMPLEMENTED", { members: { Algorithm: value } });
  return algorithm;
}

/** What CreateMultipartUpload asks for. */
export interface UploadChecksum {
  readonly algorithm: ChecksumAlgorithm;
  readonly type: ChecksumType;
}

/**
 * `x-amz-checksum-algorithm` and `-type`.
 * @throws S3Error `NOT_IMPLEMENTED`, and `CHECKSUM_ALGORITHM_INVALID` for a type alone, or one the algorithm lacks
 */
export function readUploadChecksum(headers: RequestHeaders): UploadChecksum | undefined {
  const algorithm = namedAlgorithm(headers.get("x-amz-checksum-algorithm"));
  const type = readChecksumType(headers);
  if (algorithm === undefined) {
    if (type !== undefined) throw s3Error("CHECKSUM_ALGORITHM_INVALID");
    return undefined;
  }
  const asked = type ?? defaultChecksumType(algorithm);
  if (!allowsChecksumType(algorithm, asked)) throw s3Error("CHECKSUM_ALGORITHM_INVALID");
  return { algorithm, type: asked };
}

/** `x-amz-checksum-type`, in any case. @throws S3Error `CHECKSUM_ALGORITHM_INVALID` */
export function readChecksumType(headers: RequestHeaders): ChecksumType | undefined {
  const type = headers.get("x-amz-checksum-type")?.toUpperCase();
  if (type === undefined || type === "COMPOSITE" || type === "FULL_OBJECT") return type;
  throw s3Error("CHECKSUM_ALGORITHM_INVALID");
}

/** Whether a GET or HEAD wants checksums in its answer. */
export function wantsChecksums(headers: RequestHeaders): boolean {
  return headers.get("x-amz-checksum-mode")?.toUpperCase() === "ENABLED";
}

/**
 * Headers of an answer that tell a checksum.
 * @param value - base64, with the number of parts for a composite one
 */
export function checksumHeaders(
  algorithm: ChecksumAlgorithm,
  type: ChecksumType,
  value: string,
): Record<string, string> {
  return { [checksumAlgorithms[algorithm].header]: value, "x-amz-checksum-type": type };
}

function member(name: string): { members: Record<string, string> } {
  return { members: { Header: name } };
}

/**
 * Names under which the gateway's own entries stand in the back end's user metadata. Not those of a folder: an S3 server
 * that encrypts by itself, as ours and MinIO do, keeps these for itself. Short, for S3 allows 2 KB of names and values.
 */
import { isReservedName } from "../sse/metadata.js";

const USER = "x-amz-meta-";
const PREFIX = "keswick-sealed-";

/** Ours → the back end's, the longest first; from the back end's the first that fits. */
const prefixes = [
  ["x-minio-internal-server-side-encryption-", `${PREFIX}sse-`],
  ["x-minio-internal-", `${PREFIX}minio-`],
  ["x-keswick-internal-", PREFIX],
] as const;

/** @param name - lower case, reserved, without `x-amz-meta-` */
export function backEndName(name: string): string {
  for (const [own, theirs] of prefixes) if (name.startsWith(own)) return theirs + name.slice(own.length);
  return name;
}

/** Undoes {@link backEndName}; any other name as it is. Objects of earlier gateways have the reserved names themselves. */
export function ownName(name: string): string {
  for (const [own, theirs] of prefixes) if (name.startsWith(theirs)) return own + name.slice(theirs.length);
  return name;
}

/** True for what no client of a gateway may set, by itself or behind `x-amz-meta-`. */
export function isKeptName(name: string): boolean {
  const folded = name.toLowerCase();
  const bare = folded.startsWith(USER) ? folded.slice(USER.length) : folded;
  return isReservedName(folded) || bare.startsWith(PREFIX);
}

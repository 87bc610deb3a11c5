/** What all handlers share. */
import { s3Error } from "../../s3/errors.js";
import type { Query } from "../../s3/query.js";
import type { Answer } from "../answer.js";
import type { Call } from "../call.js";

/** Serves one operation: returns or throws, and never chooses the status of a failure. */
export type Handler = (call: Call) => Promise<Answer>;

/** Buckets have no versions: the one there is is called `null`. @throws S3Error `VERSION_NOT_FOUND` */
export function refuseVersions(query: Query): void {
  refuseVersion(query.filled("versionId"));
}

/** @throws S3Error `VERSION_NOT_FOUND` */
export function refuseVersion(versionId: string | undefined): void {
  if (versionId !== undefined && versionId !== "null") throw s3Error("VERSION_NOT_FOUND");
}

/** `ETag` as headers have it. */
export function quoted(etag: string): string {
  return `"${etag}"`;
}

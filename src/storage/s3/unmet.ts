/** What a request may ask for that is not done here and would change its meaning if it were passed over. */
import { s3Error } from "./errors.js";
import type { OperationName } from "./operations.js";
import type { RequestHeaders } from "./request-headers.js";

/** Of whatever changes something: parts of an object written into it, and conditions that S3 does not have. */
const ON_WRITES = ["content-range", "x-amz-write-offset-bytes", "if-modified-since", "if-unmodified-since"];
const ON_DELETES = ["if-none-match", "x-amz-if-match-last-modified-time", "x-amz-if-match-size"];

/**
 * An append that is taken for a plain upload leaves the tail in the place of the whole, and a delete whose condition
 * nobody reads is done for good.
 * @throws S3Error `NOT_IMPLEMENTED`
 */
export function refuseUnmet(
  { operation, access }: { readonly operation: OperationName; readonly access: "read" | "write" },
  headers: RequestHeaders,
): void {
  if (access === "read") return;
  const refused = operation === "DeleteObject" ? [...ON_WRITES, ...ON_DELETES] : ON_WRITES;
  const found = refused.find((name) => headers.has(name));
  if (found !== undefined) throw s3Error("NOT_IMPLEMENTED", { members: { Header: found } });
}

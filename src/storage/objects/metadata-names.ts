/** Names of metadata that clients may not set. */
import { s3Error } from "../s3/errors.js";
import { isReservedName } from "../sse/metadata.js";

/** What would be taken for the server's own is refused. @throws S3Error `METADATA_INVALID` */
export function checkNames(
  headers: Readonly<Record<string, string>>,
  isReserved: (name: string) => boolean = isReservedName,
): void {
  if (Object.keys(headers).some(isReserved)) throw s3Error("METADATA_INVALID");
}

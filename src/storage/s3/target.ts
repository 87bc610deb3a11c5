/** The target of a request: which bucket and key it names (S3 API reference §1). */
import { s3Error } from "./errors.js";
import { percentDecode } from "./percent.js";
import { Query } from "./query.js";

/** Where a request points. */
export interface S3Target {
  /** Path as it came, without query. */
  readonly rawPath: string;
  /** The whole path, every escape decoded once; nothing else is changed. What the signature covers. */
  readonly path: string;
  readonly query: Query;
  /** Absent for the service itself. Not checked but for being there. */
  readonly bucket: string | undefined;
  /** Absent for the bucket itself; may hold `//`, `.`, `..` and anything else that UTF-8 has. */
  readonly key: string | undefined;
}

/**
 * Reads the target of a request line.
 *
 * @param target - as in `IncomingMessage.url`: one character a byte
 * @param host - the header, with its port
 * @param domains - lower-case names below which the first labels are a bucket; the host itself is path style
 * @throws S3Error `URI_INVALID`, `PARAMETER_REPEATED`, `BUCKET_NAME_INVALID` for `//key`
 */
export function parseTarget(target: string, host: string | undefined, domains: readonly string[]): S3Target {
  const mark = target.indexOf("?");
  const rawPath = mark < 0 ? target : target.slice(0, mark);
  if (!rawPath.startsWith("/")) throw s3Error("URI_INVALID");
  const query = Query.parse(mark < 0 ? "" : target.slice(mark + 1));
  const path = decodePath(rawPath);
  const virtual = bucketOfHost(host, domains);
  if (virtual !== undefined)
    return { rawPath, path, query, bucket: virtual, key: path.slice(1) || undefined };
  if (rawPath === "/") return { rawPath, path, query, bucket: undefined, key: undefined };
  // Split before decoding: an escaped slash separates nothing.
  const slash = rawPath.indexOf("/", 1);
  const bucket = decodePath(slash < 0 ? rawPath.slice(1) : rawPath.slice(1, slash));
  if (bucket === "") throw s3Error("BUCKET_NAME_INVALID");
  const key = slash < 0 ? undefined : decodePath(rawPath.slice(slash + 1)) || undefined;
  return { rawPath, path, query, bucket, key };
}

function decodePath(raw: string): string {
  const path = percentDecode(raw, false);
  if (path === undefined) throw s3Error("URI_INVALID");
  return path;
}

/** The bucket that a host names; undefined for path style. The longest domain that fits wins. */
export function bucketOfHost(host: string | undefined, domains: readonly string[]): string | undefined {
  const name = (host ?? "").toLowerCase().replace(/:\d*$/, "");
  let bucket: string | undefined;
  for (const domain of domains) {
    if (name === domain) return undefined;
    if (!name.endsWith(`.${domain}`)) continue;
    const label = name.slice(0, -domain.length - 1);
    if (label !== "" && (bucket === undefined || label.length < bucket.length)) bucket = label;
  }
  return bucket;
}

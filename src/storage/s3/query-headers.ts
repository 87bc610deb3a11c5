/** Headers that a presigned URL carries in its query (S3 API reference §3.2, §8). */
import { s3Error } from "./errors.js";
import { HEADER_NAME, HEADER_VALUE } from "./headers.js";
import type { Query } from "./query.js";
import { RequestHeaders } from "./request-headers.js";

/** The signature's own, and what SDKs compute of a body that they do not have yet. */
const NO_HEADERS =
  /^x-amz-(?:algorithm|credential|date|expires|signedheaders|signature|security-token|content-sha256|user-agent|sdk-checksum-algorithm|checksum-(?!algorithm$|type$|mode$).*)$/;
/** Keys of clients: an address comes to rest in logs and histories. */
const SECRET = /^x-amz-(?:copy-source-)?server-side-encryption-customer-/;

/**
 * The headers of a request, and with them the `x-amz-*` members of a presigned query: signers put them there, S3 obeys
 * them, and passed over they would be promises broken in silence: an object stored without its encryption, or an empty
 * one in the place of a copy. The signature covers them where they stand.
 *
 * Framing and hashes of the body are told by headers alone.
 *
 * @throws S3Error `ARGUMENT_INVALID` for what no header can hold, for keys of clients, and for a value unlike the header's
 */
export function withQueryHeaders(headers: RequestHeaders, query: Query): RequestHeaders {
  if (!query.has("X-Amz-Signature")) return headers;
  const added: string[] = [];
  for (const [given, text] of query.pairs) {
    const name = given.toLowerCase();
    if (!name.startsWith("x-amz-") || NO_HEADERS.test(name)) continue;
    const value = Buffer.from(text, "utf8").toString("latin1");
    const before = headers.get(name);
    const isFit = HEADER_NAME.test(name) && HEADER_VALUE.test(value) && !SECRET.test(name);
    if (!isFit || (before !== undefined && before !== value)) {
      throw s3Error("ARGUMENT_INVALID", { members: { ArgumentName: given } });
    }
    if (before === undefined) added.push(name, value);
  }
  return added.length === 0
    ? headers
    : new RequestHeaders([...Object.entries(headers.record).flat(), ...added]);
}

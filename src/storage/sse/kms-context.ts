/** The contexts that objects' DEKs are bound to (S3 reference §2, MinIO client reference §3). */
import { canonicalContext } from "../../client/context.js";
import { decodeBase64 } from "../../crypto/base64.js";
import { sseError } from "./errors.js";
import { type ObjectPath, sealedPath } from "./seal.js";

/** A client's encryption context: names to values, both text. */
export type KmsContext = Readonly<Record<string, string>>;

/** Longest context in bytes of JSON; the header that carries it is not much longer. */
const MAX_CONTEXT_BYTES = 8 * 1024;

/**
 * Reads a context as it stands in headers and in stored metadata.
 * @param text - base64 of a flat JSON object
 * @throws S3Error `SSE_KMS_CONTEXT_INVALID`
 */
export function parseKmsContext(text: string): KmsContext {
  const bytes = decodeBase64(text);
  if (bytes === undefined || bytes.length > MAX_CONTEXT_BYTES) throw sseError("SSE_KMS_CONTEXT_INVALID");
  try {
    const value: unknown = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
    if (typeof value !== "object" || value === null || Array.isArray(value)) throw new TypeError("no object");
    const context: KmsContext = Object.fromEntries(Object.entries(value).map(textMember));
    // What cannot be written again could not be opened again.
    canonicalContext(context);
    return context;
  } catch {
    // Without cause: the parser's message quotes the context.
    throw sseError("SSE_KMS_CONTEXT_INVALID");
  }
}

function textMember([name, value]: [string, unknown]): [string, string] {
  if (typeof value !== "string") throw new TypeError("no text");
  return [name, value];
}

/** A client's context as it is stored and returned: base64 of its canonical form. */
export function formatKmsContext(context: KmsContext): string {
  return canonicalContext(context).toString("base64");
}

/**
 * What the DEK of an object is bound to: the client's context, and `bucket → bucket/object` unless the client has a
 * member of the bucket's name. SSE-S3 has no client's context.
 */
export function dekContext(path: ObjectPath, context: KmsContext = {}): KmsContext {
  // Entries, not a literal: a member may be called `__proto__`.
  return Object.fromEntries([[path.bucket, sealedPath(path)], ...Object.entries(context)]);
}

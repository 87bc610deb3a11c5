/** What the back end is asked to encrypt, beside the gateway or in its place (S3 reference §10). */
import { backEndKey, type CustomerKey } from "../sse/customer-key.js";
import { formatKmsContext } from "../sse/kms-context.js";
import type { RequestedEncryption } from "../sse/request.js";
import type { ShownEncryption } from "../sse/response.js";
import type { ObjectPath } from "../sse/seal.js";
import type { GatewayBase } from "./base.js";

/** Of SSE-C towards the back end; on every call that touches the object. */
export interface CustomerFields {
  readonly SSECustomerAlgorithm?: string;
  readonly SSECustomerKey?: string;
  readonly SSECustomerKeyMD5?: string;
}

/** Of a call that stores. */
export interface EncryptionFields extends CustomerFields {
  readonly ServerSideEncryption?: "AES256" | "aws:kms";
  readonly SSEKMSKeyId?: string;
  readonly SSEKMSEncryptionContext?: string;
}

/** True when the back end encrypts, and the gateway does not. */
export function passesThrough({ keys }: Pick<GatewayBase, "keys">): boolean {
  return keys === undefined;
}

/** What a call that stores asks of the back end. */
export function encryptionFields(
  base: Pick<GatewayBase, "keys" | "twice">,
  wanted: RequestedEncryption | undefined,
  path: ObjectPath,
): EncryptionFields {
  if (wanted === undefined) return {};
  if (wanted.kind === "SSE-C") return customerFields(base, wanted.key, path);
  if (!passesThrough(base)) {
    return wanted.kind === "SSE-S3" && base.twice.has("SSE-S3") ? { ServerSideEncryption: "AES256" } : {};
  }
  if (wanted.kind === "SSE-S3") return { ServerSideEncryption: "AES256" };
  const { keyId, context } = wanted;
  return {
    ServerSideEncryption: "aws:kms",
    ...(keyId === undefined ? {} : { SSEKMSKeyId: keyId }),
    ...(context === undefined ? {} : { SSEKMSEncryptionContext: formatKmsContext(context) }),
  };
}

/** The client's own key in pass-through, one derived from it where both encrypt, nothing otherwise. */
export function customerFields(
  base: Pick<GatewayBase, "keys" | "twice">,
  key: CustomerKey | undefined,
  path: ObjectPath,
): CustomerFields {
  if (key === undefined) return {};
  if (passesThrough(base)) return fieldsOf(key);
  if (!base.twice.has("SSE-C")) return {};
  const derived = backEndKey(key, path);
  try {
    return fieldsOf(derived);
  } finally {
    derived.wipe();
  }
}

/** The same for the source of a copy that the back end makes. */
export function copySourceFields(fields: CustomerFields): Record<string, string> {
  return Object.fromEntries(
    Object.entries(fields).map(([name, value]) => [`CopySource${name}`, String(value)]),
  );
}

/** What the back end says of its own encryption, which a client of a pass-through is told. */
export function backEndEncryption(found: {
  readonly ServerSideEncryption?: string | undefined;
  readonly SSEKMSKeyId?: string | undefined;
  readonly SSECustomerAlgorithm?: string | undefined;
}): ShownEncryption | undefined {
  if (found.SSECustomerAlgorithm !== undefined) return { kind: "SSE-C" };
  if (found.ServerSideEncryption === "AES256") return { kind: "SSE-S3" };
  if (found.ServerSideEncryption?.startsWith("aws:kms")) {
    return { kind: "SSE-KMS", dek: { keyName: found.SSEKMSKeyId ?? "" } };
  }
  return undefined;
}

function fieldsOf(key: CustomerKey): CustomerFields {
  return {
    SSECustomerAlgorithm: "AES256",
    SSECustomerKey: key.use((bytes) => Buffer.from(bytes).toString("base64")),
    SSECustomerKeyMD5: key.md5,
  };
}

/** The encryption headers of answers (S3 reference §1.2). */
import type { CustomerKey } from "./customer-key.js";
import { formatKmsContext, type KmsContext } from "./kms-context.js";
import type { Encryption } from "./metadata.js";

/** What an answer says of the object that was stored or read. `Encryption` is one, but for SSE-C, where the key is. */
export type ShownEncryption =
  | {
      readonly kind: "SSE-S3";
      /** Not in answers of S3; absent where a back end does not tell it. */
      readonly dek?: { readonly keyName: string };
    }
  | {
      readonly kind: "SSE-KMS";
      readonly dek: { readonly keyName: string };
      readonly keyId?: string;
      readonly context?: KmsContext;
    }
  | { readonly kind: "SSE-C" };

/** What clients are told of how an object is stored. */
export function shownEncryption(encryption: Encryption | undefined): ShownEncryption | undefined {
  if (encryption === undefined) return undefined;
  if (encryption.kind === "SSE-C") return { kind: "SSE-C" };
  if (encryption.kind === "SSE-S3") return { kind: "SSE-S3", dek: { keyName: encryption.dek.keyName } };
  const { dek, keyId, context } = encryption;
  return {
    kind: "SSE-KMS",
    dek: { keyName: dek.keyName },
    ...(keyId === undefined ? {} : { keyId }),
    ...(context === undefined ? {} : { context }),
  };
}

/**
 * Header names in lower case and their values; none for a plain object. MinIO leaves them out of the answers of copies,
 * forms and the calls of uploads; they belong there as well. The key id is the one that was given, for clients compare.
 * @param customerKey - of the request; SSE-C echoes its MD5
 */
export function sseResponseHeaders(
  encryption: ShownEncryption | undefined,
  customerKey?: CustomerKey,
): Record<string, string> {
  switch (encryption?.kind) {
    case undefined:
      return {};
    case "SSE-S3":
      return { "x-amz-server-side-encryption": "AES256" };
    case "SSE-KMS": {
      const { dek, keyId = dek.keyName, context } = encryption;
      return {
        "x-amz-server-side-encryption": "aws:kms",
        "x-amz-server-side-encryption-aws-kms-key-id": keyId,
        ...(context === undefined
          ? {}
          : { "x-amz-server-side-encryption-context": formatKmsContext(context) }),
      };
    }
    case "SSE-C":
      return {
        "x-amz-server-side-encryption-customer-algorithm": "AES256",
        ...(customerKey === undefined
          ? {}
          : { "x-amz-server-side-encryption-customer-key-md5": customerKey.md5 }),
      };
  }
}

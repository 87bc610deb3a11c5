/** Who decides how an object is encrypted: request, bucket, server (S3 reference §1.3, §4). */
import { sseError } from "./errors.js";
import { checkKeyId, type RequestedEncryption } from "./request.js";

/** A bucket's default encryption, as it is stored and returned. */
export type BucketEncryption =
  | { readonly kind: "SSE-S3" }
  /** Without key id: the default key. The id stays as it was given, with or without its prefix. */
  | { readonly kind: "SSE-KMS"; readonly keyId?: string };

/**
 * The one rule of a `PUT ?encryption`, checked.
 * @param algorithm - `SSEAlgorithm`
 * @param keyId - `KMSMasterKeyID`, undefined when it is not there
 * @throws S3Error `SSE_BUCKET_DEFAULT_INVALID`
 */
export function bucketEncryption(algorithm: string, keyId: string | undefined): BucketEncryption {
  if (algorithm === "AES256" && keyId === undefined) return { kind: "SSE-S3" };
  if (algorithm !== "aws:kms") throw sseError("SSE_BUCKET_DEFAULT_INVALID");
  if (keyId === undefined || keyId === "") return { kind: "SSE-KMS" };
  checkKeyId(keyId, "SSE_BUCKET_DEFAULT_INVALID");
  return { kind: "SSE-KMS", keyId };
}

/** What counts where a request says nothing. */
export interface EncryptionDefaults {
  readonly bucket?: BucketEncryption | undefined;
  /** `MINIO_KMS_AUTO_ENCRYPTION`: SSE-KMS with the default key. */
  readonly autoEncryption: boolean;
}

/**
 * How an object is to be encrypted; undefined means not at all. For new objects, uploads and the targets of copies
 * alike; of a copy's source nothing is taken over.
 */
export function decideEncryption(
  requested: RequestedEncryption | undefined,
  { bucket, autoEncryption }: EncryptionDefaults,
): RequestedEncryption | undefined {
  return requested ?? bucket ?? (autoEncryption ? { kind: "SSE-KMS" } : undefined);
}

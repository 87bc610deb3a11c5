/** What a request asks for in encryption: recognising its headers and checking them (S3 reference §1, §2). */
import { asksForCustomerKey, type CustomerKey, readCustomerKey } from "./customer-key.js";
import { sseError } from "./errors.js";
import { headerOf, type SseHeaders } from "./headers.js";
import { type KmsContext, parseKmsContext } from "./kms-context.js";

/** How an object is to be encrypted. */
export type RequestedEncryption =
  | { readonly kind: "SSE-S3" }
  | RequestedKmsEncryption
  | { readonly kind: "SSE-C"; readonly key: CustomerKey };

export interface RequestedKmsEncryption {
  readonly kind: "SSE-KMS";
  /** As it was given, with or without its prefix; absent for the default key. See {@link keyNameOfId}. */
  readonly keyId?: string;
  /** The client's own. */
  readonly context?: KmsContext;
}

/**
 * What the headers mean to an operation:
 * - `store`: PutObject, PostObject, CreateMultipartUpload
 * - `copy`: CopyObject
 * - `part`: UploadPart, CompleteMultipartUpload, ListParts: the kind was settled when the upload was created
 * - `part-copy`: UploadPartCopy
 * - `read`: GetObject, HeadObject, GetObjectAttributes, SelectObjectContent
 */
export type SseOperation = "store" | "copy" | "part" | "part-copy" | "read";

/** `managed`: what becomes of the headers of SSE-S3 and SSE-KMS; `source`: whether another object is read. */
const rules: Readonly<
  Record<SseOperation, { readonly managed: "take" | "ignore" | "refuse"; readonly source: boolean }>
> = {
  store: { managed: "take", source: false },
  copy: { managed: "take", source: true },
  part: { managed: "ignore", source: false },
  "part-copy": { managed: "ignore", source: true },
  read: { managed: "refuse", source: false },
};

export interface SseConditions {
  /** The request came over TLS, or over a proxy that is trusted to have had it so. */
  readonly isSecure: boolean;
  /** The bucket accepts no keys of clients. */
  readonly blocksCustomerKeys?: boolean;
}

/** What a request asks for. */
export interface SseRequest {
  /** Undefined: nothing is asked for, and the bucket's default decides. SSE-C alone for `part` and `read`. */
  readonly target: RequestedEncryption | undefined;
  /** Key of the object that is copied. */
  readonly source: CustomerKey | undefined;
}

/** The client's key of a request that reads, or stores a part. */
export function customerKeyOf({ target }: SseRequest): CustomerKey | undefined {
  return target?.kind === "SSE-C" ? target.key : undefined;
}

const ALGORITHM = "x-amz-server-side-encryption";
const KEY_ID = "x-amz-server-side-encryption-aws-kms-key-id";
const CONTEXT = "x-amz-server-side-encryption-context";
const KEY_ID_PREFIX = "arn:aws:kms:";

/**
 * Reads the encryption headers of a request.
 * @throws S3Error any of the first group of `sseErrors`
 */
export function readSseRequest(
  operation: SseOperation,
  headers: SseHeaders,
  { isSecure, blocksCustomerKeys = false }: SseConditions,
): SseRequest {
  const { managed, source } = rules[operation];
  const hasCustomerKey = asksForCustomerKey(headers, "object");
  const hasSourceKey = asksForCustomerKey(headers, "copy-source");
  // A key that came in the clear is known to whoever listened, so it is refused before anything else is looked at.
  if ((hasCustomerKey || hasSourceKey) && !isSecure) throw sseError("SSE_C_INSECURE");
  if (hasSourceKey && !source) throw sseError("SSE_C_SOURCE_STRAY");
  const hasManaged = [ALGORITHM, KEY_ID, CONTEXT].some((name) => headerOf(headers, name) !== undefined);
  if (hasManaged && managed === "refuse") throw sseError("SSE_NOT_FOR_READING");
  if (hasCustomerKey && blocksCustomerKeys && managed === "take") throw sseError("SSE_C_BLOCKED");
  if (hasCustomerKey && hasManaged && managed === "take") throw sseError("SSE_KINDS_MIXED");
  const key = readCustomerKey(headers, "object");
  return {
    target:
      key === undefined
        ? hasManaged && managed === "take"
          ? readManaged(headers)
          : undefined
        : { kind: "SSE-C", key },
    source: readCustomerKey(headers, "copy-source"),
  };
}

function readManaged(headers: SseHeaders): RequestedEncryption {
  const algorithm = headerOf(headers, ALGORITHM);
  const keyId = headerOf(headers, KEY_ID);
  const context = headerOf(headers, CONTEXT);
  if (algorithm?.toUpperCase() === "AES256" && keyId === undefined && context === undefined) {
    return { kind: "SSE-S3" };
  }
  if (algorithm !== "aws:kms") {
    const isOtherWord = algorithm !== undefined && algorithm.toUpperCase() !== "AES256";
    throw sseError(isOtherWord ? "SSE_ALGORITHM_UNKNOWN" : "SSE_KMS_NOT_ASKED");
  }
  if (keyId !== undefined) checkKeyId(keyId, "SSE_KMS_KEY_ID_INVALID");
  return {
    kind: "SSE-KMS",
    ...(keyId ? { keyId } : {}),
    ...(context === undefined ? {} : { context: parseKmsContext(context) }),
  };
}

/** @throws S3Error of that row for white space at the ends */
export function checkKeyId(
  keyId: string,
  failure: "SSE_KMS_KEY_ID_INVALID" | "SSE_BUCKET_DEFAULT_INVALID",
): void {
  if (keyId.trim() !== keyId) throw sseError(failure);
}

/** The key's name at the key service; undefined means the default key. */
export function keyNameOfId(keyId: string | undefined): string | undefined {
  const name = keyId?.startsWith(KEY_ID_PREFIX) ? keyId.slice(KEY_ID_PREFIX.length) : keyId;
  return name === "" ? undefined : name;
}

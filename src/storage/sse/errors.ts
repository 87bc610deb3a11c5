/** Every failure of server-side encryption that an S3 client can see (S3 reference §2.1). */
import { S3Error, type S3ErrorTable } from "../s3-error.js";

/** Row → S3 code, HTTP status, message. */
export const sseErrors = {
  // The request: what its headers, or the fields of a form, say.
  SSE_ALGORITHM_UNKNOWN: ["InvalidArgument", 400, "The encryption method must be AES256 or aws:kms."],
  SSE_KMS_NOT_ASKED: [
    "InvalidArgument",
    400,
    "An encryption key id or context needs the encryption method aws:kms.",
  ],
  SSE_KMS_KEY_ID_INVALID: ["InvalidArgument", 400, "The encryption key id begins or ends with white space."],
  SSE_KMS_CONTEXT_INVALID: [
    "InvalidArgument",
    400,
    "The encryption context must be the base64 of a JSON object of strings.",
  ],
  SSE_KINDS_MIXED: [
    "InvalidArgument",
    400,
    "Encryption with a key of the client and with a key of the server exclude each other.",
  ],
  SSE_NOT_FOR_READING: [
    "InvalidArgument",
    400,
    "The header x-amz-server-side-encryption and its like belong to requests that store an object.",
  ],
  SSE_C_INSECURE: [
    "InvalidRequest",
    400,
    "Requests with a key of the client must be made over a secure connection.",
  ],
  SSE_C_BLOCKED: ["AccessDenied", 403, "The bucket does not accept keys of clients."],
  SSE_C_ALGORITHM_INVALID: ["InvalidArgument", 400, "The algorithm of a client's key must be AES256."],
  SSE_C_KEY_MISSING: ["InvalidArgument", 400, "The client's key is missing."],
  SSE_C_KEY_INVALID: ["InvalidArgument", 400, "The client's key must be the base64 of 32 bytes."],
  SSE_C_MD5_MISSING: ["InvalidArgument", 400, "The MD5 of the client's key is missing."],
  SSE_C_MD5_MISMATCH: ["InvalidArgument", 400, "The MD5 of the client's key does not match the key."],
  SSE_C_SOURCE_STRAY: [
    "InvalidRequest",
    400,
    "The headers x-amz-copy-source-server-side-encryption-customer-* belong to copies.",
  ],

  // The request against what is stored.
  SSE_C_KEY_WRONG: [
    "AccessDenied",
    403,
    "The client's key is not the one that the object is encrypted with.",
  ],
  SSE_C_KEY_NEEDED: [
    "InvalidRequest",
    400,
    "The object is encrypted with a key of the client, which must be sent along.",
  ],
  SSE_C_KEY_STRAY: ["InvalidRequest", 400, "The object is not encrypted with a key of the client."],
  SSE_C_SOURCE_KEY_NEEDED: [
    "InvalidRequest",
    400,
    "The object to be copied is encrypted with a key of the client, which must be sent along.",
  ],
  SSE_C_SOURCE_KEY_STRAY: [
    "InvalidRequest",
    400,
    "The object to be copied is not encrypted with a key of the client.",
  ],
  SSE_C_PART_KEY_NEEDED: [
    "InvalidRequest",
    400,
    "The upload is encrypted with a key of the client, which must be sent along with each part.",
  ],
  SSE_C_PART_KEY_STRAY: ["InvalidRequest", 400, "The upload is not encrypted with a key of the client."],
  SSE_C_PART_KEY_WRONG: [
    "InvalidArgument",
    400,
    "The client's key is not the one that the upload was created with.",
  ],
  SSE_C_SAME_KEY_WRONG: [
    "InvalidArgument",
    400,
    "The client's key, old and new, is not the one that the object is encrypted with.",
  ],
  SSE_ROTATION_REFUSED: [
    "InvalidRequest",
    400,
    "The encryption of the object cannot be changed in that way without storing it anew.",
  ],
  SSE_BUCKET_DEFAULT_INVALID: ["MalformedXML", 400, "The bucket's encryption is not one that can be set."],

  // The key service.
  KMS_NOT_CONFIGURED: ["NotImplemented", 501, "No key service is configured."],
  KMS_NOT_SUPPORTED: ["NotImplemented", 501, "The key service that is configured cannot do this."],
  KMS_KEY_NOT_FOUND: ["KMS.NotFoundException", 400, "The encryption key does not exist."],
  KMS_KEY_EXISTS: ["kms:KeyAlreadyExists", 409, "The encryption key already exists."],
  KMS_DENIED: ["AccessDenied", 403, "The key service does not allow the use of the encryption key."],
  KMS_ALTERED: [
    "InternalError",
    500,
    "The sealed key of the object does not belong to the encryption key, or was altered.",
  ],
  KMS_UNAVAILABLE: ["ServiceUnavailable", 503, "The key service cannot be reached. Please try again."],
  KMS_FAILED: ["InternalError", 500, "The key service answered with something that cannot be used."],

  // What is stored.
  SSE_ALTERED: ["InternalError", 500, "The encryption metadata of the object was altered or is damaged."],
  SSE_CONTENT_DAMAGED: ["InternalError", 500, "The content of the object was altered or is damaged."],
} as const satisfies S3ErrorTable;

/** Stable name of a failure. */
export type SseFailure = keyof typeof sseErrors;

/** The failure as error. @param options - `cause`: what happened, for the error log */
export function sseError(failure: SseFailure, options?: { readonly cause?: unknown }): S3Error {
  return new S3Error(failure, sseErrors[failure], options);
}

/** True when `error` is one of `failures`. */
export function isSseError(error: unknown, ...failures: SseFailure[]): error is S3Error {
  return error instanceof S3Error && failures.some((failure) => failure === error.reason);
}

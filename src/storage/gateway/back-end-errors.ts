/** What a back end's failures are for the clients of the gateway. */

import { type S3Failure, s3Error } from "../s3/errors.js";
import { S3Error } from "../s3-error.js";

/** Characters of the back end's words that are handed on. */
const MAX_NAME = 64;
const MAX_MESSAGE = 512;

/** Codes of the back end, and the statuses that a HEAD has instead, that mean the same to the client. */
const same: Readonly<Record<string, S3Failure>> = {
  NoSuchBucket: "BUCKET_NOT_FOUND",
  NoSuchKey: "KEY_NOT_FOUND",
  NotFound: "KEY_NOT_FOUND",
  NoSuchUpload: "UPLOAD_NOT_FOUND",
  NoSuchVersion: "VERSION_NOT_FOUND",
  BucketAlreadyOwnedByYou: "BUCKET_OWNED",
  BucketAlreadyExists: "BUCKET_EXISTS",
  BucketNotEmpty: "BUCKET_NOT_EMPTY",
  InvalidPart: "PART_INVALID",
  InvalidPartOrder: "PART_ORDER_INVALID",
  EntityTooSmall: "ENTITY_TOO_SMALL",
  EntityTooLarge: "ENTITY_TOO_LARGE",
  PreconditionFailed: "PRECONDITION_FAILED",
  ConditionalRequestConflict: "CONDITION_CONFLICT",
  OperationAborted: "OPERATION_ABORTED",
  InvalidRange: "RANGE_UNSATISFIABLE",
  InvalidBucketName: "BUCKET_NAME_INVALID",
  KeyTooLongError: "KEY_TOO_LONG",
  MetadataTooLarge: "METADATA_TOO_LARGE",
  XMinioStorageFull: "STORAGE_FULL",
  SlowDown: "SLOW_DOWN",
  SlowDownRead: "SLOW_DOWN",
  SlowDownWrite: "SLOW_DOWN",
  RequestLimitExceeded: "SLOW_DOWN",
  BandwidthLimitExceeded: "SLOW_DOWN",
  ThrottlingException: "SLOW_DOWN",
  TooManyRequestsException: "SLOW_DOWN",
  // Of what the gateway sent, not its client.
  RequestTimeout: "UNAVAILABLE",
  IncompleteBody: "UNAVAILABLE",
  InternalError: "UNAVAILABLE",
  NotImplemented: "NOT_IMPLEMENTED",
  NoSuchTagSet: "TAGS_NOT_FOUND",
  InvalidTag: "TAG_INVALID",
  ServerSideEncryptionConfigurationNotFoundError: "ENCRYPTION_NOT_FOUND",
};

const byStatus: Readonly<Record<number, S3Failure>> = {
  404: "KEY_NOT_FOUND",
  409: "OPERATION_ABORTED",
  412: "PRECONDITION_FAILED",
  416: "RANGE_UNSATISFIABLE",
  429: "SLOW_DOWN",
  507: "STORAGE_FULL",
};

/** These are about the gateway's own credentials and clock, of which its clients know nothing. */
const ownCredentials = new Set([
  "InvalidAccessKeyId",
  "SignatureDoesNotMatch",
  "ExpiredToken",
  "ExpiredTokenException",
  "TokenRefreshRequired",
  "RequestExpired",
  "InvalidToken",
  "AuthorizationHeaderMalformed",
  "RequestTimeTooSkewed",
  "CredentialsProviderError",
  "AccountProblem",
  "AllAccessDisabled",
  "NotSignedUp",
  "UnrecognizedClientException",
]);

/**
 * @param thrown - by the client of the back end, or by a body that went to it
 * @returns an S3Error: `UNAVAILABLE` where nothing is known of the outcome; what was no failure of the back end as it is
 */
export function backEndError(thrown: unknown): unknown {
  if (thrown instanceof S3Error || isAbort(thrown)) return thrown;
  const { name, status, message } = faultOf(thrown);
  if (ownCredentials.has(name)) return s3Error("INTERNAL", { cause: thrown });
  const failure = same[name] ?? (status === undefined ? undefined : byStatus[status]);
  if (failure !== undefined) return s3Error(failure, { cause: thrown });
  // A redirect is to another place or region of the back end, past the gateway: it is for who set the gateway up.
  if (status !== undefined && status >= 300 && status < 400) return s3Error("INTERNAL", { cause: thrown });
  // Below 300: an answer that cannot be read.
  if (status === undefined || status >= 500 || status < 300) return s3Error("UNAVAILABLE", { cause: thrown });
  if (status === 403) return s3Error("ACCESS_DENIED", { cause: thrown });
  // Its own words, which are about the request: nothing of the gateway is in them.
  return new S3Error("BACK_END", [name.slice(0, MAX_NAME), status, message.slice(0, MAX_MESSAGE)], {
    cause: thrown,
  });
}

function isAbort(thrown: unknown): boolean {
  return thrown instanceof Error && thrown.name === "AbortError";
}

function faultOf(thrown: unknown): { name: string; status: number | undefined; message: string } {
  if (!(thrown instanceof Error)) return { name: "", status: undefined, message: "" };
  const metadata: unknown = Reflect.get(thrown, "$metadata");
  const status: unknown =
    typeof metadata === "object" && metadata !== null ? Reflect.get(metadata, "httpStatusCode") : undefined;
  return {
    name: thrown.name,
    status: typeof status === "number" ? status : undefined,
    message: thrown.message,
  };
}

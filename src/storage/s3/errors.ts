/** Every failure of the S3 protocol that a client can see (S3 API reference §2). Those of encryption: sse/errors.ts. */
import { S3Error, type S3ErrorTable } from "../s3-error.js";

/** Row → S3 code, HTTP status, message. */
export const s3Errors = {
  // Who asks.
  ANONYMOUS: ["AccessDenied", 403, "Access Denied."],
  ACCESS_DENIED: ["AccessDenied", 403, "Access Denied."],
  ACCESS_KEY_UNKNOWN: [
    "InvalidAccessKeyId",
    403,
    "The access key that you provided does not exist in our records.",
  ],
  SIGNATURE_MISMATCH: [
    "SignatureDoesNotMatch",
    403,
    "The request signature we calculated does not match the signature you provided. Check your key and signing method.",
  ],
  CHUNK_SIGNATURE_MISMATCH: [
    "SignatureDoesNotMatch",
    403,
    "The signature of a chunk does not match what was received.",
  ],
  TRAILER_SIGNATURE_MISMATCH: [
    "SignatureDoesNotMatch",
    403,
    "The signature of the trailer does not match what was received.",
  ],
  TIME_SKEWED: [
    "RequestTimeTooSkewed",
    403,
    "The difference between the request time and the server's time is too large.",
  ],
  DATE_MISSING: ["AccessDenied", 403, "AWS authentication requires a valid Date or x-amz-date header."],
  URL_EXPIRED: ["AccessDenied", 403, "Request has expired."],
  URL_NOT_YET_VALID: ["AccessDenied", 403, "Request is not valid yet."],
  HEADERS_NOT_SIGNED: [
    "AccessDenied",
    403,
    "There were headers present in the request which were not signed.",
  ],
  SIGNED_HEADER_ABSENT: [
    "SignatureDoesNotMatch",
    403,
    "A header that is named as signed is not present in the request.",
  ],
  AUTHORIZATION_TWICE: [
    "InvalidArgument",
    400,
    "Only one way of authentication may be used: the Authorization header or the query.",
  ],
  AUTHORIZATION_TYPE_UNKNOWN: ["InvalidArgument", 400, "Unsupported Authorization Type."],
  SIGNATURE_VERSION_UNSUPPORTED: [
    "InvalidRequest",
    400,
    "The authorization mechanism you have provided is not supported. Please use AWS4-HMAC-SHA256.",
  ],
  AUTHORIZATION_MALFORMED: [
    "AuthorizationHeaderMalformed",
    400,
    "The authorization header that you provided is not valid.",
  ],
  AUTHORIZATION_QUERY_MALFORMED: [
    "AuthorizationQueryParametersError",
    400,
    "The query parameters of the signature are not valid.",
  ],
  REGION_WRONG: [
    "AuthorizationHeaderMalformed",
    400,
    "The authorization header that you provided is not valid; the region is wrong.",
  ],
  REGION_QUERY_WRONG: [
    "AuthorizationQueryParametersError",
    400,
    "The query parameters of the signature are not valid; the region is wrong.",
  ],
  TOKEN_INVALID: ["InvalidToken", 400, "The provided token is malformed or otherwise not valid."],

  // What is asked.
  URI_INVALID: ["InvalidURI", 400, "The specified URI could not be parsed."],
  PARAMETERS_CONFLICT: ["InvalidArgument", 400, "Conflicting query string parameters."],
  PARAMETER_REPEATED: ["InvalidArgument", 400, "A query string parameter was given several times."],
  UPLOAD_PARAMETERS_INCOMPLETE: [
    "InvalidArgument",
    400,
    "The query string parameters uploadId and partNumber belong together.",
  ],
  ARGUMENT_INVALID: ["InvalidArgument", 400, "Invalid Argument."],
  REQUEST_INVALID: ["InvalidRequest", 400, "Invalid Request."],
  METHOD_NOT_ALLOWED: ["MethodNotAllowed", 405, "The specified method is not allowed against this resource."],
  NOT_IMPLEMENTED: [
    "NotImplemented",
    501,
    "A header or query you provided implies functionality that is not implemented.",
  ],
  FORM_EXPECTED: ["PreconditionFailed", 412, "A POST to a bucket must be of the type multipart/form-data."],
  BUCKET_NAME_INVALID: ["InvalidBucketName", 400, "The specified bucket is not valid."],
  KEY_TOO_LONG: ["KeyTooLongError", 400, "Your key is too long."],
  KEY_INVALID: ["InvalidArgument", 400, "The specified key is not valid."],
  COPY_SOURCE_INVALID: [
    "InvalidArgument",
    400,
    "The copy source must name a bucket and a key: they are separated by a slash and percent-encoded.",
  ],
  COPY_RANGE_INVALID: ["InvalidArgument", 400, "The copy source range must be of the form bytes=first-last."],
  COPY_TO_ITSELF: [
    "InvalidRequest",
    400,
    "This copy request is illegal because it copies an object to itself without changing anything about it.",
  ],
  DIRECTIVE_INVALID: ["InvalidArgument", 400, "The directive must be COPY or REPLACE."],
  MAX_KEYS_INVALID: ["InvalidArgument", 400, "The number of entries must be an integer of 0 or more."],
  ENCODING_INVALID: ["InvalidArgument", 400, "Invalid Encoding Method specified in Request."],
  CONTINUATION_TOKEN_INVALID: ["InvalidArgument", 400, "The continuation token provided is incorrect."],
  LIST_TYPE_INVALID: ["InvalidArgument", 400, "Invalid List Type specified in Request."],
  VERSION_MARKER_INVALID: [
    "InvalidArgument",
    400,
    "A version-id marker cannot be specified without a key marker.",
  ],
  PART_NUMBER_INVALID: [
    "InvalidArgument",
    400,
    "Part number must be an integer between 1 and 10000, inclusive.",
  ],
  PART_AND_RANGE: ["InvalidRequest", 400, "Cannot specify both Range header and partNumber query parameter."],
  PART_ABSENT: ["InvalidPart", 400, "The requested part does not exist."],
  VERSION_ID_INVALID: ["InvalidArgument", 400, "Invalid version id specified."],
  OVERRIDE_INVALID: ["InvalidArgument", 400, "A response header cannot be set to the value that was given."],

  // Bodies.
  LENGTH_MISSING: ["MissingContentLength", 411, "You must provide the Content-Length HTTP header."],
  LENGTH_INVALID: ["InvalidArgument", 400, "A length given in the headers is not valid."],
  BODY_INCOMPLETE: [
    "IncompleteBody",
    400,
    "You did not provide the number of bytes specified by the Content-Length HTTP header.",
  ],
  ENTITY_TOO_LARGE: ["EntityTooLarge", 400, "Your proposed upload exceeds the maximum allowed size."],
  ENTITY_TOO_SMALL: ["EntityTooSmall", 400, "Your proposed upload is smaller than the minimum allowed size."],
  CONTENT_SHA256_MISSING: [
    "InvalidRequest",
    400,
    "Missing required header for this request: x-amz-content-sha256.",
  ],
  CONTENT_SHA256_INVALID: [
    "InvalidArgument",
    400,
    "x-amz-content-sha256 must be UNSIGNED-PAYLOAD, one of the STREAMING values, or a valid sha256 value.",
  ],
  CONTENT_SHA256_MISMATCH: [
    "XAmzContentSHA256Mismatch",
    400,
    "The provided 'x-amz-content-sha256' header does not match what was computed.",
  ],
  DIGEST_INVALID: ["InvalidDigest", 400, "The Content-MD5 you specified is not valid."],
  DIGEST_MISMATCH: ["BadDigest", 400, "The Content-MD5 you specified did not match what we received."],
  DIGEST_MISSING: [
    "InvalidRequest",
    400,
    "Missing required header for this request: Content-MD5 or a checksum.",
  ],
  CHECKSUM_INVALID: ["InvalidRequest", 400, "Value for a checksum header is not valid."],
  CHECKSUM_SEVERAL: ["InvalidRequest", 400, "Expecting a single x-amz-checksum- header."],
  CHECKSUM_MISMATCH: ["BadDigest", 400, "The checksum you specified did not match what we received."],
  CHECKSUM_ALGORITHM_INVALID: ["InvalidRequest", 400, "The checksum algorithm or type is not valid."],
  CHUNK_MALFORMED: ["InvalidRequest", 400, "The chunked body is not well-formed."],
  CHUNK_TOO_LARGE: ["InvalidRequest", 400, "A chunk of the body is larger than allowed."],
  TRAILER_MALFORMED: [
    "MalformedTrailerError",
    400,
    "The trailer of the request is not well-formed, or is not the one that was announced.",
  ],
  TRAILER_UNSUPPORTED: [
    "InvalidRequest",
    400,
    "The value specified in the x-amz-trailer header is not supported.",
  ],
  XML_MALFORMED: [
    "MalformedXML",
    400,
    "The XML you provided was not well-formed or did not validate against our published schema.",
  ],
  BODY_TOO_LARGE: ["MaxMessageLengthExceeded", 400, "Your request was too big."],
  HEADERS_TOO_LARGE: [
    "RequestHeaderSectionTooLarge",
    400,
    "Your request header section exceeds the maximum allowed request header section size.",
  ],
  REQUEST_MALFORMED: ["BadRequest", 400, "The request is not one of HTTP/1.1."],
  EXPECTATION_FAILED: ["ExpectationFailed", 417, "The only expectation that is met is 100-continue."],
  BODY_TIMEOUT: [
    "RequestTimeout",
    400,
    "Your socket connection to the server was not read from or written to within the timeout period.",
  ],

  // Forms.
  FORM_MALFORMED: [
    "MalformedPOSTRequest",
    400,
    "The body of your POST request is not well-formed multipart/form-data.",
  ],
  FORM_FIELDS_TOO_LARGE: [
    "MaxPostPreDataLengthExceededError",
    400,
    "Your POST request fields preceding the upload file were too large.",
  ],
  FORM_FILE_MISSING: ["InvalidArgument", 400, "POST requires exactly one file upload per request."],
  FORM_FIELD_MISSING: ["InvalidArgument", 400, "The form lacks a field that it must have."],
  FORM_FIELD_INVALID: ["InvalidArgument", 400, "A field of the form is not valid."],
  POLICY_INVALID: [
    "InvalidPolicyDocument",
    400,
    "The content of the form does not meet the conditions specified in the policy document.",
  ],
  POLICY_EXPIRED: ["AccessDenied", 403, "Invalid according to Policy: Policy expired."],
  POLICY_CONDITION_FAILED: ["AccessDenied", 403, "Invalid according to Policy: Policy Condition failed."],
  POLICY_FIELD_UNCOVERED: ["AccessDenied", 403, "Invalid according to Policy: Extra input fields."],

  // Metadata.
  METADATA_TOO_LARGE: [
    "MetadataTooLarge",
    400,
    "Your metadata headers exceed the maximum allowed metadata size.",
  ],
  METADATA_INVALID: ["InvalidArgument", 400, "The name of a metadata header is not valid."],
  STORAGE_CLASS_INVALID: ["InvalidStorageClass", 400, "The storage class you specified is not valid."],
  TAG_INVALID: ["InvalidTag", 400, "The tag provided was not a valid tag."],
  LOCK_UNSUPPORTED: ["InvalidRequest", 400, "Bucket is missing Object Lock Configuration."],

  // What is stored.
  BUCKET_NOT_FOUND: ["NoSuchBucket", 404, "The specified bucket does not exist."],
  KEY_NOT_FOUND: ["NoSuchKey", 404, "The specified key does not exist."],
  VERSION_NOT_FOUND: ["NoSuchVersion", 404, "The specified version does not exist."],
  UPLOAD_NOT_FOUND: [
    "NoSuchUpload",
    404,
    "The specified upload does not exist. The upload ID may be invalid, or the upload may have been aborted or completed.",
  ],
  BUCKET_OWNED: [
    "BucketAlreadyOwnedByYou",
    409,
    "Your previous request to create the named bucket succeeded and you already own it.",
  ],
  BUCKET_EXISTS: ["BucketAlreadyExists", 409, "The requested bucket name is not available."],
  BUCKET_NOT_EMPTY: ["BucketNotEmpty", 409, "The bucket you tried to delete is not empty."],
  OPERATION_ABORTED: [
    "OperationAborted",
    409,
    "A conflicting conditional operation is currently in progress against this resource. Please try again.",
  ],
  CONDITION_CONFLICT: [
    "ConditionalRequestConflict",
    409,
    "The conditional request cannot succeed due to a conflicting operation against this resource.",
  ],
  PART_INVALID: [
    "InvalidPart",
    400,
    "One or more of the specified parts could not be found. The part may not have been uploaded, or the specified entity tag may not match the part's entity tag.",
  ],
  PART_ORDER_INVALID: [
    "InvalidPartOrder",
    400,
    "The list of parts was not in ascending order. The parts list must be specified in order by part number.",
  ],
  LOCATION_CONSTRAINT_INVALID: [
    "InvalidLocationConstraint",
    400,
    "The specified location constraint is not valid.",
  ],
  PRECONDITION_FAILED: [
    "PreconditionFailed",
    412,
    "At least one of the pre-conditions you specified did not hold.",
  ],
  RANGE_UNSATISFIABLE: ["InvalidRange", 416, "The requested range is not satisfiable."],

  // A key that is sealed anew.
  RESEAL_UNENCRYPTED: [
    "InvalidRequest",
    400,
    "The object is not encrypted: there is no key that could be sealed anew.",
  ],
  RESEAL_CUSTOMER_KEY: [
    "InvalidRequest",
    400,
    "The object is encrypted with a key of the client: only the client can change it, by a copy.",
  ],
  RESEAL_REFUSED: ["InvalidRequest", 400, "The encryption of the object cannot be changed in this way."],

  // What a bucket does not have (§7).
  POLICY_NOT_FOUND: ["NoSuchBucketPolicy", 404, "The bucket policy does not exist."],
  TAGS_NOT_FOUND: ["NoSuchTagSet", 404, "The TagSet does not exist."],
  LIFECYCLE_NOT_FOUND: ["NoSuchLifecycleConfiguration", 404, "The lifecycle configuration does not exist."],
  CORS_NOT_FOUND: ["NoSuchCORSConfiguration", 404, "The CORS configuration does not exist."],
  WEBSITE_NOT_FOUND: [
    "NoSuchWebsiteConfiguration",
    404,
    "The specified bucket does not have a website configuration.",
  ],
  REPLICATION_NOT_FOUND: [
    "ReplicationConfigurationNotFoundError",
    404,
    "The replication configuration was not found.",
  ],
  OBJECT_LOCK_NOT_FOUND: [
    "ObjectLockConfigurationNotFoundError",
    404,
    "Object Lock configuration does not exist for this bucket.",
  ],
  OBJECT_RETENTION_NOT_FOUND: [
    "NoSuchObjectLockConfiguration",
    404,
    "The specified object does not have an ObjectLock configuration.",
  ],
  PUBLIC_ACCESS_BLOCK_NOT_FOUND: [
    "NoSuchPublicAccessBlockConfiguration",
    404,
    "The public access block configuration was not found.",
  ],
  OWNERSHIP_CONTROLS_NOT_FOUND: [
    "OwnershipControlsNotFoundError",
    404,
    "The bucket ownership controls were not found.",
  ],
  ENCRYPTION_NOT_FOUND: [
    "ServerSideEncryptionConfigurationNotFoundError",
    404,
    "The server side encryption configuration was not found.",
  ],

  // The server.
  INTERNAL: ["InternalError", 500, "We encountered an internal error. Please try again."],
  SLOW_DOWN: ["SlowDown", 503, "Please reduce your request rate."],
  UNAVAILABLE: ["ServiceUnavailable", 503, "The service is unavailable. Please try again."],
  STORAGE_FULL: ["XMinioStorageFull", 507, "Storage backend has reached its minimum free drive threshold."],
} as const satisfies S3ErrorTable;

/** Stable name of a failure. */
export type S3Failure = keyof typeof s3Errors;

/**
 * The failure as error.
 * @param options - `cause`: what happened, for the error log; `members`: further elements of the XML document
 */
export function s3Error(
  failure: S3Failure,
  options?: { readonly cause?: unknown; readonly members?: Readonly<Record<string, string>> },
): S3Error {
  return new S3Error(failure, s3Errors[failure], options);
}

/** True when `error` is one of `failures`. */
export function isS3Error(error: unknown, ...failures: S3Failure[]): error is S3Error {
  return error instanceof S3Error && failures.some((failure) => failure === error.reason);
}

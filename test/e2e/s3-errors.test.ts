/** What S3 clients are told when something is wrong, as it stands on the wire (S3 API reference §2; S3 reference §2.1). */
import { createHash } from "node:crypto";
import { expect } from "chai";
import { parseXml, textOf } from "../../src/storage/s3/xml-reader.js";
import type { S3Ask, S3Reply } from "../support/s3-client.js";
import { ROOT, type S3TestServer, startS3Server } from "../support/s3-server.js";
import { SeveralKeys } from "../unit/storage/keys/support.js";

type Row = readonly [what: string, method: string, target: string, status: number, code: string, ask?: S3Ask];

const MIB = 1024 * 1024;
const md5 = (text: string): string => createHash("md5").update(text).digest("base64");
const sha256 = (text: string): string => createHash("sha256").update(text).digest("hex");
const headers = (record: Record<string, string>): S3Ask => ({ headers: record });
const put = (record: Record<string, string>, body = "hello"): S3Ask => ({ headers: record, body });
const long = (length: number): string => "k".repeat(length);
const customer = (fill: number, over: Record<string, string> = {}): Record<string, string> => {
  const key = Buffer.alloc(32, fill);
  return {
    "x-amz-server-side-encryption-customer-algorithm": "AES256",
    "x-amz-server-side-encryption-customer-key": key.toString("base64"),
    "x-amz-server-side-encryption-customer-key-md5": createHash("md5").update(key).digest("base64"),
    ...over,
  };
};
const copySourceCustomer = (fill: number): Record<string, string> =>
  Object.fromEntries(
    Object.entries(customer(fill)).map(([name, value]) => [
      name.replace("x-amz-", "x-amz-copy-source-"),
      value,
    ]),
  );
const xml = (root: string, content: string): S3Ask => ({ body: `<${root}>${content}</${root}>` });
const withMd5 = (ask: S3Ask): S3Ask => ({ ...ask, headers: { "content-md5": md5(String(ask.body)) } });
const sse = (content: string): S3Ask =>
  xml(
    "ServerSideEncryptionConfiguration",
    `<Rule><ApplyServerSideEncryptionByDefault>${content}</ApplyServerSideEncryptionByDefault></Rule>`,
  );
const bomb = `<!DOCTYPE a [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]><Delete><Object><Key>&b;</Key></Object></Delete>`;
const deep = `${"<a>".repeat(20_000)}${"</a>".repeat(20_000)}`;

/** Rows that hold over plain HTTP. `UPLOAD` in a target is the id of an upload of `/bucket/upload` that has one part. */
const rows: readonly Row[] = [
  // What is asked.
  ["an unknown bucket", "GET", "/nowhere", 404, "NoSuchBucket"],
  ["an object of an unknown bucket", "GET", "/nowhere/k", 404, "NoSuchBucket"],
  ["storing in an unknown bucket", "PUT", "/nowhere/k", 404, "NoSuchBucket", put({})],
  ["deleting in an unknown bucket", "DELETE", "/nowhere/k", 404, "NoSuchBucket"],
  ["an unknown key", "GET", "/bucket/missing", 404, "NoSuchKey"],
  [
    "attributes of an unknown key",
    "GET",
    "/bucket/missing?attributes",
    404,
    "NoSuchKey",
    headers({ "x-amz-object-attributes": "ETag" }),
  ],
  ["tags of an unknown key", "GET", "/bucket/missing?tagging", 404, "NoSuchKey"],
  ["another version", "GET", "/bucket/plain?versionId=x1", 404, "NoSuchVersion"],
  ["deleting another version", "DELETE", "/bucket/plain?versionId=x1", 404, "NoSuchVersion"],
  ["a bucket that is there", "PUT", "/bucket", 409, "BucketAlreadyOwnedByYou"],
  ["a bucket with objects", "DELETE", "/bucket", 409, "BucketNotEmpty"],
  ["a bucket name in capitals", "PUT", "/BUCKET", 400, "InvalidBucketName"],
  ["a bucket name that is too short", "PUT", "/ab", 400, "InvalidBucketName"],
  ["a bucket name that is an address", "PUT", "/192.168.1.1", 400, "InvalidBucketName"],
  ["a bucket name with two dots", "PUT", "/a..b", 400, "InvalidBucketName"],
  ["no bucket name", "GET", "//key", 400, "InvalidBucketName"],
  ["the name that MinIO keeps for itself", "PUT", "/minio", 400, "InvalidBucketName"],
  ["a key of 1,025 bytes", "PUT", `/bucket/${long(1025)}`, 400, "KeyTooLongError", put({})],
  [
    "a key of 1,026 bytes in 513 letters",
    "PUT",
    `/bucket/${"%C3%A9".repeat(513)}`,
    400,
    "KeyTooLongError",
    put({}),
  ],
  ["a path that is no UTF-8", "GET", "/bucket/%ff", 400, "InvalidURI", { login: "anonymous" }],
  ["a broken escape", "GET", "/bucket/%zz", 400, "InvalidURI", { login: "anonymous" }],
  ["a method that nothing has", "PATCH", "/bucket/plain", 405, "MethodNotAllowed"],
  ["POST to a key", "POST", "/bucket/plain", 405, "MethodNotAllowed"],
  ["PUT to the service", "PUT", "/", 405, "MethodNotAllowed"],
  [
    "POST to a bucket that is no form",
    "POST",
    "/bucket",
    412,
    "PreconditionFailed",
    put({ "content-type": "text/plain" }),
  ],
  ["a sub-resource that is not served", "PUT", "/bucket?policy", 501, "NotImplemented", put({})],
  ["a sub-resource of days to come", "PUT", "/bucket/plain?renamed-to", 501, "NotImplemented", put({})],
  [
    "a sub-resource of objects that would overwrite",
    "PUT",
    "/bucket/plain?retention",
    501,
    "NotImplemented",
    put({}),
  ],
  ["two sub-resources", "GET", "/bucket?acl&policy", 400, "InvalidArgument"],
  ["a parameter twice", "GET", "/bucket?prefix=a&prefix=b", 400, "InvalidArgument", { login: "anonymous" }],
  ["an upload id alone", "PUT", "/bucket/plain?uploadId=x", 400, "InvalidArgument", put({})],
  ["a list type of days to come", "GET", "/bucket?list-type=3", 400, "InvalidArgument"],

  // Who asks.
  ["nobody", "GET", "/bucket/plain", 403, "AccessDenied", { login: "anonymous" }],
  [
    "somebody unknown",
    "GET",
    "/bucket/plain",
    403,
    "InvalidAccessKeyId",
    { login: { user: "nobody", password: "nobody-secret" } },
  ],
  [
    "a wrong secret",
    "GET",
    "/bucket/plain",
    403,
    "SignatureDoesNotMatch",
    { login: { user: ROOT.user, password: "wrong-secret" } },
  ],
  [
    "an old request",
    "GET",
    "/bucket/plain",
    403,
    "RequestTimeTooSkewed",
    { timeMs: Date.now() - 16 * 60_000 },
  ],
  [
    "a request from the future",
    "GET",
    "/bucket/plain",
    403,
    "RequestTimeTooSkewed",
    { timeMs: Date.now() + 16 * 60_000 },
  ],
  [
    "no date",
    "GET",
    "/bucket/plain",
    403,
    "AccessDenied",
    { tamper: (sent) => delete sent.headers["x-amz-date"] },
  ],
  [
    "another path than signed",
    "GET",
    "/bucket/plain",
    403,
    "SignatureDoesNotMatch",
    { tamper: (sent) => (sent.target = "/bucket/kms") },
  ],
  [
    "another method than signed",
    "GET",
    "/bucket/plain",
    403,
    "SignatureDoesNotMatch",
    { tamper: (sent) => (sent.method = "DELETE") },
  ],
  [
    "another query than signed",
    "GET",
    "/bucket?prefix=a",
    403,
    "SignatureDoesNotMatch",
    { tamper: (sent) => (sent.target = "/bucket?prefix=b") },
  ],
  [
    "a parameter more than signed",
    "GET",
    "/bucket",
    403,
    "SignatureDoesNotMatch",
    { tamper: (sent) => (sent.target += "?prefix=b") },
  ],
  [
    "another host than signed",
    "GET",
    "/bucket/plain",
    403,
    "SignatureDoesNotMatch",
    { tamper: (sent) => (sent.headers.host = "elsewhere") },
  ],
  [
    "another signed header than signed",
    "PUT",
    "/bucket/x",
    403,
    "SignatureDoesNotMatch",
    { ...put({ "x-amz-meta-a": "1" }), tamper: (sent) => (sent.headers["x-amz-meta-a"] = "2") },
  ],
  [
    "a header less than signed",
    "PUT",
    "/bucket/x",
    403,
    "SignatureDoesNotMatch",
    { ...put({ "x-amz-meta-a": "1" }), tamper: (sent) => delete sent.headers["x-amz-meta-a"] },
  ],
  [
    "a header more than signed",
    "PUT",
    "/bucket/x",
    403,
    "AccessDenied",
    { ...put({}), tamper: (sent) => (sent.headers["x-amz-meta-a"] = "2") },
  ],
  [
    "another hash than signed",
    "PUT",
    "/bucket/x",
    403,
    "SignatureDoesNotMatch",
    { ...put({}), tamper: (sent) => (sent.headers["x-amz-content-sha256"] = sha256("other")) },
  ],
  [
    "another date than signed",
    "GET",
    "/bucket/plain",
    403,
    "SignatureDoesNotMatch",
    { tamper: (sent) => (sent.headers["x-amz-date"] = earlier(sent.headers["x-amz-date"])) },
  ],
  [
    "a signature that is cut",
    "GET",
    "/bucket/plain",
    403,
    "SignatureDoesNotMatch",
    { tamper: (sent) => (sent.headers.authorization = (sent.headers.authorization ?? "").slice(0, -1)) },
  ],
  [
    "an authorization that is cut",
    "GET",
    "/bucket/plain",
    400,
    "AuthorizationHeaderMalformed",
    { tamper: (sent) => (sent.headers.authorization = "AWS4-HMAC-SHA256 Credential=a") },
  ],
  [
    "an unknown scheme",
    "GET",
    "/bucket/plain",
    400,
    "InvalidArgument",
    { login: "anonymous", headers: { authorization: "Basic YTpi" } },
  ],
  [
    "the signature of version 2",
    "GET",
    "/bucket/plain",
    400,
    "InvalidRequest",
    { login: "anonymous", headers: { authorization: "AWS test-root:c2ln" } },
  ],
  [
    "the presigned URL of version 2",
    "GET",
    "/bucket/plain?AWSAccessKeyId=test-root&Expires=9999999999&Signature=c2ln",
    400,
    "InvalidRequest",
    { login: "anonymous" },
  ],
  ["a session token", "GET", "/bucket/plain", 400, "InvalidToken", headers({ "x-amz-security-token": "t" })],
  [
    "header and query together",
    "GET",
    "/bucket/plain?X-Amz-Algorithm=AWS4-HMAC-SHA256",
    400,
    "InvalidArgument",
  ],
  [
    "a presigned URL that has expired",
    "GET",
    "/bucket/plain",
    403,
    "AccessDenied",
    { presign: 60, timeMs: Date.now() - 120_000 },
  ],
  [
    "a presigned URL of tomorrow",
    "GET",
    "/bucket/plain",
    403,
    "AccessDenied",
    { presign: 60, timeMs: Date.now() + 86_400_000 },
  ],
  [
    "a presigned URL that lasts too long",
    "GET",
    "/bucket/plain",
    400,
    "AuthorizationQueryParametersError",
    { presign: 604_801 },
  ],
  [
    "a presigned URL that was altered",
    "GET",
    "/bucket/plain",
    403,
    "SignatureDoesNotMatch",
    { presign: 60, tamper: (sent) => (sent.target = sent.target.replace("plain", "kms")) },
  ],
  [
    "a presigned URL with a header more",
    "PUT",
    "/bucket/x",
    403,
    "AccessDenied",
    { ...put({}), presign: 60, tamper: (sent) => (sent.headers["x-amz-meta-a"] = "1") },
  ],

  // Bodies.
  [
    "no length",
    "PUT",
    "/bucket/x",
    411,
    "MissingContentLength",
    { pieces: ["hello"], payloadHash: "UNSIGNED-PAYLOAD" },
  ],
  [
    "no hash",
    "PUT",
    "/bucket/x",
    400,
    "InvalidRequest",
    { ...put({}), tamper: (sent) => delete sent.headers["x-amz-content-sha256"] },
  ],
  ["a hash that is none", "PUT", "/bucket/x", 400, "InvalidArgument", { ...put({}), payloadHash: "abc" }],
  [
    "another body than its hash",
    "PUT",
    "/bucket/x",
    400,
    "XAmzContentSHA256Mismatch",
    { ...put({}), payloadHash: sha256("other") },
  ],
  ["an MD5 that is none", "PUT", "/bucket/x", 400, "InvalidDigest", put({ "content-md5": "abc" })],
  ["an MD5 of something else", "PUT", "/bucket/x", 400, "BadDigest", put({ "content-md5": md5("other") })],
  [
    "a checksum that is none",
    "PUT",
    "/bucket/x",
    400,
    "InvalidRequest",
    put({ "x-amz-checksum-crc32": "abc" }),
  ],
  [
    "a checksum of something else",
    "PUT",
    "/bucket/x",
    400,
    "BadDigest",
    put({ "x-amz-checksum-crc32": "AAAAAA==" }),
  ],
  [
    "a SHA-256 of something else",
    "PUT",
    "/bucket/x",
    400,
    "BadDigest",
    put({ "x-amz-checksum-sha256": createHash("sha256").update("x").digest("base64") }),
  ],
  [
    "two checksums",
    "PUT",
    "/bucket/x",
    400,
    "InvalidRequest",
    put({ "x-amz-checksum-crc32": "NhCmhg==", "x-amz-checksum-crc32c": "mnG7TA==" }),
  ],
  [
    "a checksum that nobody knows",
    "PUT",
    "/bucket/x",
    501,
    "NotImplemented",
    put({ "x-amz-checksum-xxhash3": "AAAAAA==" }),
  ],
  [
    "a trailer that does not come",
    "PUT",
    "/bucket/x",
    400,
    "InvalidRequest",
    put({ "x-amz-trailer": "x-amz-checksum-crc32" }),
  ],
  [
    "an object beyond every limit",
    "PUT",
    "/bucket/x",
    400,
    "EntityTooLarge",
    { headers: { "content-length": String(6 * 1024 ** 4) } },
  ],

  // Metadata.
  ["too much metadata", "PUT", "/bucket/x", 400, "MetadataTooLarge", put({ "x-amz-meta-a": long(2048) })],
  [
    "metadata of the store",
    "PUT",
    "/bucket/x",
    400,
    "InvalidArgument",
    put({ "x-amz-meta-x-minio-internal-a": "1" }),
  ],
  [
    "an unknown storage class",
    "PUT",
    "/bucket/x",
    400,
    "InvalidStorageClass",
    put({ "x-amz-storage-class": "TAPE" }),
  ],
  [
    "eleven tags",
    "PUT",
    "/bucket/x",
    400,
    "InvalidTag",
    put({ "x-amz-tagging": Array.from({ length: 11 }, (_, i) => `t${i}=1`).join("&") }),
  ],
  [
    "an access list that gives to others",
    "PUT",
    "/bucket/x",
    501,
    "NotImplemented",
    put({ "x-amz-acl": "public-read" }),
  ],
  ["retention", "PUT", "/bucket/x", 400, "InvalidRequest", put({ "x-amz-object-lock-mode": "GOVERNANCE" })],

  // Conditions and ranges.
  ["a range behind the end", "GET", "/bucket/plain", 416, "InvalidRange", headers({ range: "bytes=5-" })],
  ["the last 0 bytes", "GET", "/bucket/plain", 416, "InvalidRange", headers({ range: "bytes=-0" })],
  ["a range of an empty object", "GET", "/bucket/empty", 416, "InvalidRange", headers({ range: "bytes=0-" })],
  [
    "range and part",
    "GET",
    "/bucket/plain?partNumber=1",
    400,
    "InvalidRequest",
    headers({ range: "bytes=0-1" }),
  ],
  ["part 0", "GET", "/bucket/plain?partNumber=0", 400, "InvalidArgument"],
  ["a part that is not there", "GET", "/bucket/plain?partNumber=2", 400, "InvalidPart"],
  [
    "If-Match of something else",
    "GET",
    "/bucket/plain",
    412,
    "PreconditionFailed",
    headers({ "if-match": '"x"' }),
  ],
  [
    "If-Unmodified-Since long ago",
    "GET",
    "/bucket/plain",
    412,
    "PreconditionFailed",
    headers({ "if-unmodified-since": "Sat, 01 Jan 2000 00:00:00 GMT" }),
  ],
  [
    "If-None-Match where something is",
    "PUT",
    "/bucket/plain",
    412,
    "PreconditionFailed",
    put({ "if-none-match": "*" }),
  ],
  [
    "If-Match where something else is",
    "PUT",
    "/bucket/plain",
    412,
    "PreconditionFailed",
    put({ "if-match": '"x"' }),
  ],
  ["If-Match where nothing is", "PUT", "/bucket/x", 404, "NoSuchKey", put({ "if-match": '"x"' })],

  // Listings.
  ["fewer than no keys", "GET", "/bucket?max-keys=-1", 400, "InvalidArgument"],
  ["a number of keys that is none", "GET", "/bucket?max-keys=many", 400, "InvalidArgument"],
  ["an unknown encoding", "GET", "/bucket?encoding-type=xml", 400, "InvalidArgument"],
  ["a token that is none", "GET", "/bucket?list-type=2&continuation-token=%21", 400, "InvalidArgument"],
  ["a version marker alone", "GET", "/bucket?versions&version-id-marker=null", 400, "InvalidArgument"],

  // Copies.
  [
    "a copy of nothing",
    "PUT",
    "/bucket/x",
    404,
    "NoSuchKey",
    headers({ "x-amz-copy-source": "/bucket/missing" }),
  ],
  [
    "a copy from nowhere",
    "PUT",
    "/bucket/x",
    404,
    "NoSuchBucket",
    headers({ "x-amz-copy-source": "/nowhere/k" }),
  ],
  [
    "a source without key",
    "PUT",
    "/bucket/x",
    400,
    "InvalidArgument",
    headers({ "x-amz-copy-source": "bucket" }),
  ],
  [
    "a copy onto itself",
    "PUT",
    "/bucket/plain",
    400,
    "InvalidRequest",
    headers({ "x-amz-copy-source": "bucket/plain" }),
  ],
  [
    "an unknown directive",
    "PUT",
    "/bucket/x",
    400,
    "InvalidArgument",
    headers({ "x-amz-copy-source": "bucket/plain", "x-amz-metadata-directive": "KEEP" }),
  ],
  [
    "a copy under a condition",
    "PUT",
    "/bucket/x",
    412,
    "PreconditionFailed",
    headers({ "x-amz-copy-source": "bucket/plain", "x-amz-copy-source-if-match": "x" }),
  ],
  [
    "another version of the source",
    "PUT",
    "/bucket/x",
    404,
    "NoSuchVersion",
    headers({ "x-amz-copy-source": "bucket/plain?versionId=x1" }),
  ],
  [
    "a source's range without end",
    "PUT",
    "/bucket/upload?partNumber=2&uploadId=UPLOAD",
    400,
    "InvalidArgument",
    headers({ "x-amz-copy-source": "bucket/plain", "x-amz-copy-source-range": "bytes=0-" }),
  ],
  [
    "a source's range behind the end",
    "PUT",
    "/bucket/upload?partNumber=2&uploadId=UPLOAD",
    416,
    "InvalidRange",
    headers({ "x-amz-copy-source": "bucket/plain", "x-amz-copy-source-range": "bytes=0-99" }),
  ],

  // Uploads.
  ["part 10,001", "PUT", "/bucket/upload?partNumber=10001&uploadId=UPLOAD", 400, "InvalidArgument", put({})],
  [
    "a part of a vanished upload",
    "PUT",
    "/bucket/upload?partNumber=1&uploadId=gone",
    404,
    "NoSuchUpload",
    put({}),
  ],
  ["parts of a vanished upload", "GET", "/bucket/upload?uploadId=gone", 404, "NoSuchUpload"],
  ["aborting a vanished upload", "DELETE", "/bucket/upload?uploadId=gone", 404, "NoSuchUpload"],
  ["an upload under another key", "GET", "/bucket/other?uploadId=UPLOAD", 404, "NoSuchUpload"],
  [
    "a vanished upload completed",
    "POST",
    "/bucket/upload?uploadId=gone",
    404,
    "NoSuchUpload",
    xml("CompleteMultipartUpload", "<Part><PartNumber>1</PartNumber><ETag>x</ETag></Part>"),
  ],
  [
    "no parts",
    "POST",
    "/bucket/upload?uploadId=UPLOAD",
    400,
    "MalformedXML",
    xml("CompleteMultipartUpload", ""),
  ],
  [
    "a part that was not uploaded",
    "POST",
    "/bucket/upload?uploadId=UPLOAD",
    400,
    "InvalidPart",
    xml("CompleteMultipartUpload", "<Part><PartNumber>7</PartNumber><ETag>x</ETag></Part>"),
  ],
  [
    "a wrong ETag",
    "POST",
    "/bucket/upload?uploadId=UPLOAD",
    400,
    "InvalidPart",
    xml("CompleteMultipartUpload", "<Part><PartNumber>1</PartNumber><ETag>x</ETag></Part>"),
  ],
  [
    "parts out of order",
    "POST",
    "/bucket/upload?uploadId=UPLOAD",
    400,
    "InvalidPartOrder",
    xml(
      "CompleteMultipartUpload",
      "<Part><PartNumber>2</PartNumber><ETag>x</ETag></Part><Part><PartNumber>1</PartNumber><ETag>x</ETag></Part>",
    ),
  ],
  [
    "a checksum type that is none",
    "POST",
    "/bucket/u2?uploads",
    400,
    "InvalidRequest",
    headers({ "x-amz-checksum-algorithm": "SHA256", "x-amz-checksum-type": "FULL_OBJECT" }),
  ],

  // Documents.
  ["no XML", "POST", "/bucket?delete", 400, "MalformedXML", withMd5({ body: "no xml" })],
  [
    "XML that is not closed",
    "POST",
    "/bucket?delete",
    400,
    "MalformedXML",
    withMd5({ body: "<Delete><Object>" }),
  ],
  ["no keys", "POST", "/bucket?delete", 400, "MalformedXML", withMd5(xml("Delete", ""))],
  [
    "1,001 keys",
    "POST",
    "/bucket?delete",
    400,
    "MalformedXML",
    withMd5(xml("Delete", "<Object><Key>k</Key></Object>".repeat(1001))),
  ],
  ["an XML bomb", "POST", "/bucket?delete", 400, "MalformedXML", withMd5({ body: bomb })],
  ["deep XML", "POST", "/bucket?delete", 400, "MalformedXML", withMd5({ body: deep })],
  [
    "deletes without a digest",
    "POST",
    "/bucket?delete",
    400,
    "InvalidRequest",
    xml("Delete", "<Object><Key>k</Key></Object>"),
  ],
  [
    "a document that is too large",
    "PUT",
    "/bucket?encryption",
    400,
    "MaxMessageLengthExceeded",
    { body: "x".repeat(MIB + 1) },
  ],
  [
    "an encryption without rule",
    "PUT",
    "/bucket?encryption",
    400,
    "MalformedXML",
    xml("ServerSideEncryptionConfiguration", ""),
  ],
  [
    "an unknown encryption",
    "PUT",
    "/bucket?encryption",
    400,
    "MalformedXML",
    sse("<SSEAlgorithm>rot13</SSEAlgorithm>"),
  ],
  [
    "a key with AES256",
    "PUT",
    "/bucket?encryption",
    400,
    "MalformedXML",
    sse("<SSEAlgorithm>AES256</SSEAlgorithm><KMSMasterKeyID>my-key</KMSMasterKeyID>"),
  ],
  [
    "a default key that is not there",
    "PUT",
    "/bucket?encryption",
    400,
    "KMS.NotFoundException",
    sse("<SSEAlgorithm>aws:kms</SSEAlgorithm><KMSMasterKeyID>missing</KMSMasterKeyID>"),
  ],
  [
    "the encryption of an unknown bucket",
    "PUT",
    "/nowhere?encryption",
    404,
    "NoSuchBucket",
    sse("<SSEAlgorithm>AES256</SSEAlgorithm>"),
  ],
  [
    "versions",
    "PUT",
    "/bucket?versioning",
    501,
    "NotImplemented",
    xml("VersioningConfiguration", "<Status>Enabled</Status>"),
  ],
  ["tags that are no XML", "PUT", "/bucket/plain?tagging", 400, "MalformedXML", { body: "a=b" }],
  [
    "an access list for others",
    "PUT",
    "/bucket/plain?acl",
    501,
    "NotImplemented",
    headers({ "x-amz-acl": "public-read" }),
  ],
  [
    "attributes that nobody knows",
    "GET",
    "/bucket/plain?attributes",
    400,
    "InvalidArgument",
    headers({ "x-amz-object-attributes": "Colour" }),
  ],

  // What buckets do not have.
  ["a policy", "GET", "/bucket?policy", 404, "NoSuchBucketPolicy"],
  ["the status of a policy", "GET", "/bucket?policyStatus", 404, "NoSuchBucketPolicy"],
  ["tags of a bucket", "GET", "/bucket?tagging", 404, "NoSuchTagSet"],
  ["a lifecycle", "GET", "/bucket?lifecycle", 404, "NoSuchLifecycleConfiguration"],
  ["CORS", "GET", "/bucket?cors", 404, "NoSuchCORSConfiguration"],
  ["a web site", "GET", "/bucket?website", 404, "NoSuchWebsiteConfiguration"],
  ["replication", "GET", "/bucket?replication", 404, "ReplicationConfigurationNotFoundError"],
  ["a lock", "GET", "/bucket?object-lock", 404, "ObjectLockConfigurationNotFoundError"],
  [
    "a block of public access",
    "GET",
    "/bucket?publicAccessBlock",
    404,
    "NoSuchPublicAccessBlockConfiguration",
  ],
  ["ownership controls", "GET", "/bucket?ownershipControls", 404, "OwnershipControlsNotFoundError"],
  ["an encryption", "GET", "/bucket?encryption", 404, "ServerSideEncryptionConfigurationNotFoundError"],
  ["retention of an object", "GET", "/bucket/plain?retention", 404, "NoSuchObjectLockConfiguration"],

  // Encryption.
  [
    "an unknown algorithm",
    "PUT",
    "/bucket/x",
    400,
    "InvalidArgument",
    put({ "x-amz-server-side-encryption": "rot13" }),
  ],
  [
    "a key without aws:kms",
    "PUT",
    "/bucket/x",
    400,
    "InvalidArgument",
    put({ "x-amz-server-side-encryption-aws-kms-key-id": "my-key" }),
  ],
  [
    "a key between spaces",
    "PUT",
    "/bucket/x",
    400,
    "KMS.NotFoundException",
    put({
      "x-amz-server-side-encryption": "aws:kms",
      "x-amz-server-side-encryption-aws-kms-key-id": "my key",
    }),
  ],
  [
    "a context that is none",
    "PUT",
    "/bucket/x",
    400,
    "InvalidArgument",
    put({ "x-amz-server-side-encryption": "aws:kms", "x-amz-server-side-encryption-context": "abc" }),
  ],
  [
    "a key that is not there",
    "PUT",
    "/bucket/x",
    400,
    "KMS.NotFoundException",
    put({
      "x-amz-server-side-encryption": "aws:kms",
      "x-amz-server-side-encryption-aws-kms-key-id": "missing",
    }),
  ],
  [
    "encryption on reading",
    "GET",
    "/bucket/kms",
    400,
    "InvalidArgument",
    headers({ "x-amz-server-side-encryption": "AES256" }),
  ],
  ["a client's key in the clear", "PUT", "/bucket/x", 400, "InvalidRequest", put(customer(1))],
  [
    "a client's key in the clear on reading",
    "GET",
    "/bucket/plain",
    400,
    "InvalidRequest",
    headers(customer(1)),
  ],
  [
    "a client's key that a header calls safe",
    "PUT",
    "/bucket/x",
    400,
    "InvalidRequest",
    put({ ...customer(1), "x-forwarded-proto": "https" }),
  ],
  [
    "another key for a plain object",
    "PUT",
    "/bucket/plain?encryption",
    400,
    "InvalidRequest",
    xml("ObjectEncryption", "<SSE-KMS><KMSKeyArn>my-key</KMSKeyArn></SSE-KMS>"),
  ],
  [
    "another key that is not there",
    "PUT",
    "/bucket/kms?encryption",
    400,
    "KMS.NotFoundException",
    xml("ObjectEncryption", "<SSE-KMS><KMSKeyArn>missing</KMSKeyArn></SSE-KMS>"),
  ],
  [
    "another kind of encryption",
    "PUT",
    "/bucket/kms?encryption",
    400,
    "MalformedXML",
    xml("ObjectEncryption", "<SSE-S3/>"),
  ],
];

/** Rows that need TLS. `/bucket/ssec` is encrypted with {@link customer}(1). */
const tlsRows: readonly Row[] = [
  [
    "another algorithm",
    "PUT",
    "/bucket/x",
    400,
    "InvalidArgument",
    put(customer(1, { "x-amz-server-side-encryption-customer-algorithm": "AES128" })),
  ],
  [
    "no key",
    "PUT",
    "/bucket/x",
    400,
    "InvalidArgument",
    put({ "x-amz-server-side-encryption-customer-algorithm": "AES256" }),
  ],
  [
    "a key that is too short",
    "PUT",
    "/bucket/x",
    400,
    "InvalidArgument",
    put(customer(1, { "x-amz-server-side-encryption-customer-key": "AAAA" })),
  ],
  [
    "another MD5",
    "PUT",
    "/bucket/x",
    400,
    "InvalidArgument",
    put(customer(1, { "x-amz-server-side-encryption-customer-key-md5": md5("x") })),
  ],
  [
    "two kinds",
    "PUT",
    "/bucket/x",
    400,
    "InvalidArgument",
    put({ ...customer(1), "x-amz-server-side-encryption": "AES256" }),
  ],
  ["a wrong key", "GET", "/bucket/ssec", 403, "AccessDenied", headers(customer(2))],
  ["a missing key", "GET", "/bucket/ssec", 400, "InvalidRequest"],
  [
    "a missing key for attributes",
    "GET",
    "/bucket/ssec?attributes",
    400,
    "InvalidRequest",
    headers({ "x-amz-object-attributes": "ETag" }),
  ],
  ["a key for a plain object", "GET", "/bucket/plain", 400, "InvalidRequest", headers(customer(1))],
  ["a key for an object of the server's", "GET", "/bucket/kms", 400, "InvalidRequest", headers(customer(1))],
  [
    "a source's key without copy",
    "GET",
    "/bucket/plain",
    400,
    "InvalidRequest",
    headers(copySourceCustomer(1)),
  ],
  [
    "a copy without the source's key",
    "PUT",
    "/bucket/x",
    400,
    "InvalidRequest",
    headers({ "x-amz-copy-source": "bucket/ssec" }),
  ],
  [
    "a copy with a wrong key of the source",
    "PUT",
    "/bucket/x",
    403,
    "AccessDenied",
    headers({ "x-amz-copy-source": "bucket/ssec", ...copySourceCustomer(2) }),
  ],
  [
    "a copy with a key that the source has not",
    "PUT",
    "/bucket/x",
    400,
    "InvalidRequest",
    headers({ "x-amz-copy-source": "bucket/plain", ...copySourceCustomer(1) }),
  ],
  [
    "a part without the upload's key",
    "PUT",
    "/bucket/upload?partNumber=1&uploadId=UPLOAD",
    400,
    "InvalidRequest",
    put({}),
  ],
  [
    "a part with another key",
    "PUT",
    "/bucket/upload?partNumber=1&uploadId=UPLOAD",
    400,
    "InvalidArgument",
    put(customer(2)),
  ],
  [
    "another key of the server's for it",
    "PUT",
    "/bucket/ssec?encryption",
    400,
    "InvalidRequest",
    xml("ObjectEncryption", "<SSE-KMS><KMSKeyArn>my-key</KMSKeyArn></SSE-KMS>"),
  ],
];

function earlier(date = ""): string {
  const day = Number(date.slice(13, 15));
  return `${date.slice(0, 13)}${String((day + 30) % 60).padStart(2, "0")}Z`;
}

describe("S3 errors on the wire", () => {
  for (const [scheme, table] of [
    ["http", rows],
    ["https", tlsRows],
  ] as const) {
    describe(scheme, () => {
      let server: S3TestServer;
      let uploadId: string;

      before(async () => {
        server = await startS3Server({ tls: scheme === "https", keys: new SeveralKeys("my-key") });
        const done = async (method: string, target: string, ask?: S3Ask): Promise<S3Reply> => {
          const reply = await server.ask(method, target, ask);
          expect(reply.status, `${method} ${target}: ${reply.text}`).to.equal(200);
          return reply;
        };
        await done("PUT", "/bucket");
        await done("PUT", "/bucket/plain", { body: "plain" });
        await done("PUT", "/bucket/empty");
        await done("PUT", "/bucket/kms", put({ "x-amz-server-side-encryption": "aws:kms" }));
        const isTls = scheme === "https";
        if (isTls) await done("PUT", "/bucket/ssec", put(customer(1)));
        const created = await done("POST", "/bucket/upload?uploads", headers(isTls ? customer(1) : {}));
        uploadId = /<UploadId>([^<]+)/.exec(created.text)?.[1] ?? "";
        await done("PUT", `/bucket/upload?partNumber=1&uploadId=${uploadId}`, put(isTls ? customer(1) : {}));
      });

      after(() => server.stop());

      for (const [what, method, target, status, code, ask] of table) {
        it(`${what}: ${status} ${code}`, async () => {
          const reply = await server.ask(method, target.replace("UPLOAD", uploadId), ask);
          expect([reply.status, reply.code], reply.text).to.deep.equal([status, code]);
          expect(reply.headers["content-type"]).to.equal("application/xml");
          const root = parseXml(reply.body);
          expect(root.name).to.equal("Error");
          expect(textOf(root, "Message")).to.be.a("string").that.is.not.empty;
          expect(textOf(root, "RequestId")).to.equal(reply.headers["x-amz-request-id"]);
          expect(textOf(root, "HostId")).to.equal(reply.headers["x-amz-id-2"]);
          expect(textOf(root, "Resource")).to.be.a("string");
        });
      }

      it("has stored and changed nothing", async () => {
        const listing = await server.ask("GET", "/bucket?list-type=2");
        const keys = [...listing.text.matchAll(/<Key>([^<]+)/g)].map((match) => match[1]);
        expect(keys).to.deep.equal(["empty", "kms", "plain", ...(scheme === "https" ? ["ssec"] : [])]);
        expect((await server.ask("GET", "/bucket/plain")).text).to.equal("plain");
        expect((await server.ask("GET", "/")).text).to.contain("<Bucket><Name>bucket</Name>");
        expect(server.failures).to.deep.equal([]);
      });

      it("tells HEAD by status alone", async () => {
        for (const [target, status, ask] of [
          ["/bucket/missing", 404],
          ["/nowhere", 404],
          ["/bucket/plain", 412, headers({ "if-match": '"x"' })],
          ["/bucket/plain", 416, headers({ range: "bytes=9-" })],
          ["/bucket/plain", 403, { login: "anonymous" as const }],
        ] as const) {
          const reply = await server.ask("HEAD", target, ask);
          expect([reply.status, reply.text]).to.deep.equal([status, ""]);
        }
      });

      it("answers 304 without a body", async () => {
        const { headers: first } = await server.ask("GET", "/bucket/plain");
        const reply = await server.ask(
          "GET",
          "/bucket/plain",
          headers({ "if-none-match": first.etag ?? "" }),
        );
        expect([reply.status, reply.text, reply.headers.etag]).to.deep.equal([304, "", first.etag]);
      });
    });
  }

  it("has at least 80 rows", () => {
    expect(rows.length + tlsRows.length).to.be.at.least(80);
  });
});

/** The table of operations: how each is recognised, and what it does to whom (S3 API reference §1). */

/** What the path names. */
export type ResourceLevel = "service" | "bucket" | "object";

/** How an operation is recognised. */
export interface OperationRow {
  readonly method: "GET" | "HEAD" | "PUT" | "POST" | "DELETE";
  readonly level: ResourceLevel;
  /** Sub-resources that must be in the query; no other may be. */
  readonly query: readonly string[];
  /** Set: the header must be there, or must not. Only where two rows are otherwise alike. */
  readonly copySource?: boolean;
  readonly access: "read" | "write";
}

/** Name → row, as §1 has them. Those of §7 that a server without the feature answers by itself are here as well. */
export const operations = {
  ListBuckets: read("GET", "service"),

  CreateBucket: write("PUT", "bucket"),
  HeadBucket: read("HEAD", "bucket"),
  DeleteBucket: write("DELETE", "bucket"),
  ListObjects: read("GET", "bucket"),
  ListObjectsV2: read("GET", "bucket", "list-type"),
  ListObjectVersions: read("GET", "bucket", "versions"),
  ListMultipartUploads: read("GET", "bucket", "uploads"),
  GetBucketLocation: read("GET", "bucket", "location"),
  GetBucketVersioning: read("GET", "bucket", "versioning"),
  PutBucketVersioning: write("PUT", "bucket", "versioning"),
  GetBucketEncryption: read("GET", "bucket", "encryption"),
  PutBucketEncryption: write("PUT", "bucket", "encryption"),
  DeleteBucketEncryption: write("DELETE", "bucket", "encryption"),
  DeleteObjects: write("POST", "bucket", "delete"),
  PostObject: write("POST", "bucket"),

  GetBucketAcl: read("GET", "bucket", "acl"),
  PutBucketAcl: write("PUT", "bucket", "acl"),
  GetBucketPolicy: read("GET", "bucket", "policy"),
  GetBucketPolicyStatus: read("GET", "bucket", "policyStatus"),
  GetBucketTagging: read("GET", "bucket", "tagging"),
  GetBucketLifecycleConfiguration: read("GET", "bucket", "lifecycle"),
  GetBucketCors: read("GET", "bucket", "cors"),
  GetBucketWebsite: read("GET", "bucket", "website"),
  GetBucketLogging: read("GET", "bucket", "logging"),
  GetBucketNotificationConfiguration: read("GET", "bucket", "notification"),
  GetBucketReplication: read("GET", "bucket", "replication"),
  GetObjectLockConfiguration: read("GET", "bucket", "object-lock"),
  GetBucketRequestPayment: read("GET", "bucket", "requestPayment"),
  GetBucketAccelerateConfiguration: read("GET", "bucket", "accelerate"),
  GetBucketOwnershipControls: read("GET", "bucket", "ownershipControls"),
  GetPublicAccessBlock: read("GET", "bucket", "publicAccessBlock"),

  PutObject: { ...write("PUT", "object"), copySource: false },
  CopyObject: { ...write("PUT", "object"), copySource: true },
  UploadPart: { ...write("PUT", "object", "partNumber", "uploadId"), copySource: false },
  UploadPartCopy: { ...write("PUT", "object", "partNumber", "uploadId"), copySource: true },
  GetObject: read("GET", "object"),
  HeadObject: read("HEAD", "object"),
  GetObjectAttributes: read("GET", "object", "attributes"),
  DeleteObject: write("DELETE", "object"),
  CreateMultipartUpload: write("POST", "object", "uploads"),
  CompleteMultipartUpload: write("POST", "object", "uploadId"),
  ListParts: read("GET", "object", "uploadId"),
  AbortMultipartUpload: write("DELETE", "object", "uploadId"),

  GetObjectAcl: read("GET", "object", "acl"),
  PutObjectAcl: write("PUT", "object", "acl"),
  GetObjectTagging: read("GET", "object", "tagging"),
  PutObjectTagging: write("PUT", "object", "tagging"),
  DeleteObjectTagging: write("DELETE", "object", "tagging"),
  UpdateObjectEncryption: write("PUT", "object", "encryption"),
  GetObjectRetention: read("GET", "object", "retention"),
  GetObjectLegalHold: read("GET", "object", "legal-hold"),
} as const satisfies Readonly<Record<string, OperationRow>>;

export type OperationName = keyof typeof operations;

/** Every name with its row. */
export const operationRows: readonly (readonly [OperationName, OperationRow])[] = Object.keys(operations)
  .filter(isOperationName)
  .map((name) => [name, operations[name]]);

function isOperationName(name: string): name is OperationName {
  return Object.hasOwn(operations, name);
}

/**
 * Every sub-resource of S3, served here or not, and of MinIO. A request that names one which no row has is answered by
 * `NotImplemented`, never by the plain operation: `PUT /b/k?acl` must not overwrite the object.
 */
export const subResources: ReadonlySet<string> = new Set([
  ...Object.values(operations).flatMap((row) => row.query),
  "abac",
  "analytics",
  "annotation",
  "annotations",
  "append",
  "intelligent-tiering",
  "inventory",
  "metadataConfiguration",
  "metadataInventoryTable",
  "metadataJournalTable",
  "metadataTable",
  "metrics",
  "renameObject",
  "restore",
  "select",
  "session",
  "torrent",
  "events",
  "lambdaArn",
  "replication-metrics",
  "replication-reset",
  "resourceType",
]);

/**
 * Parameters, which choose no operation. Any other name without a value is taken for a sub-resource of days to come;
 * with a value it is passed over, as `x-id=PutObject` is.
 */
export const parameters: ReadonlySet<string> = new Set([
  "prefix",
  "delimiter",
  "marker",
  "max-keys",
  "encoding-type",
  "continuation-token",
  "start-after",
  "fetch-owner",
  "metadata",
  "key-marker",
  "version-id-marker",
  "upload-id-marker",
  "max-uploads",
  "max-parts",
  "part-number-marker",
  "max-buckets",
  "bucket-region",
  "versionId",
  "response-content-type",
  "response-content-language",
  "response-content-disposition",
  "response-content-encoding",
  "response-cache-control",
  "response-expires",
  "x-id",
  "AWSAccessKeyId",
  "Expires",
  "Signature",
]);

function read(method: "GET" | "HEAD", level: ResourceLevel, ...query: readonly string[]) {
  return { method, level, query, access: "read" } as const;
}

function write(method: "PUT" | "POST" | "DELETE", level: ResourceLevel, ...query: readonly string[]) {
  return { method, level, query, access: "write" } as const;
}

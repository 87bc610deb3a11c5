/** Questions about what buckets and objects here never have (S3 API reference §7). */
import { type S3Failure, s3Error } from "../../s3/errors.js";
import { emptyDocuments } from "../../s3/result-documents.js";
import { documentAnswer } from "../answer.js";
import type { Handler } from "./handler.js";
import { requireObject } from "./object-settings.js";

/** 404 in S3's words for a bucket that is there. */
function absent(failure: S3Failure): Handler {
  return async (call) => {
    await call.service.bucket(call.bucket, call.options);
    throw s3Error(failure);
  };
}

/** 200 and an empty document for a bucket that is there. */
function empty(document: string): Handler {
  return async (call) => {
    await call.service.bucket(call.bucket, call.options);
    return documentAnswer(document);
  };
}

const withoutLock: Handler = async (call) => {
  await requireObject(call);
  throw s3Error("OBJECT_RETENTION_NOT_FOUND");
};

export const stubs = {
  GetBucketPolicy: absent("POLICY_NOT_FOUND"),
  GetBucketPolicyStatus: absent("POLICY_NOT_FOUND"),
  GetBucketTagging: absent("TAGS_NOT_FOUND"),
  GetBucketLifecycleConfiguration: absent("LIFECYCLE_NOT_FOUND"),
  GetBucketCors: absent("CORS_NOT_FOUND"),
  GetBucketWebsite: absent("WEBSITE_NOT_FOUND"),
  GetBucketReplication: absent("REPLICATION_NOT_FOUND"),
  GetObjectLockConfiguration: absent("OBJECT_LOCK_NOT_FOUND"),
  GetBucketOwnershipControls: absent("OWNERSHIP_CONTROLS_NOT_FOUND"),
  GetPublicAccessBlock: absent("PUBLIC_ACCESS_BLOCK_NOT_FOUND"),
  GetBucketVersioning: empty(emptyDocuments.GetBucketVersioning),
  GetBucketLogging: empty(emptyDocuments.GetBucketLogging),
  GetBucketNotificationConfiguration: empty(emptyDocuments.GetBucketNotificationConfiguration),
  GetBucketAccelerateConfiguration: empty(emptyDocuments.GetBucketAccelerateConfiguration),
  GetBucketRequestPayment: empty(emptyDocuments.GetBucketRequestPayment),
  GetObjectRetention: withoutLock,
  GetObjectLegalHold: withoutLock,
} as const satisfies Readonly<Record<string, Handler>>;

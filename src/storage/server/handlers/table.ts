/** Operation → handler: every one of the table of operations is served. */
import type { OperationName } from "../../s3/operations.js";
import * as buckets from "./buckets.js";
import * as copies from "./copies.js";
import { deleteObjects } from "./delete-objects.js";
import type { Handler } from "./handler.js";
import * as listings from "./listings.js";
import * as settings from "./object-settings.js";
import * as objects from "./objects.js";
import { stubs } from "./stubs.js";
import * as uploads from "./uploads.js";

/** All but PostObject, whose signature stands in its body: see {@link postObject}. */
export const handlers: Readonly<Record<Exclude<OperationName, "PostObject">, Handler>> = {
  ...stubs,

  ListBuckets: buckets.listBuckets,
  CreateBucket: buckets.createBucket,
  HeadBucket: buckets.headBucket,
  DeleteBucket: buckets.deleteBucket,
  GetBucketLocation: buckets.getBucketLocation,
  GetBucketEncryption: buckets.getBucketEncryption,
  PutBucketEncryption: buckets.putBucketEncryption,
  DeleteBucketEncryption: buckets.deleteBucketEncryption,
  PutBucketVersioning: buckets.putBucketVersioning,

  ListObjects: listings.listObjects,
  ListObjectsV2: listings.listObjectsV2,
  ListObjectVersions: listings.listObjectVersions,
  ListMultipartUploads: listings.listMultipartUploads,

  PutObject: objects.putObject,
  GetObject: objects.getObject,
  HeadObject: objects.headObject,
  GetObjectAttributes: objects.getObjectAttributes,
  DeleteObject: objects.deleteObject,
  DeleteObjects: deleteObjects,
  CopyObject: copies.copyObject,

  CreateMultipartUpload: uploads.createMultipartUpload,
  UploadPart: uploads.uploadPart,
  UploadPartCopy: copies.uploadPartCopy,
  ListParts: uploads.listParts,
  CompleteMultipartUpload: uploads.completeMultipartUpload,
  AbortMultipartUpload: uploads.abortMultipartUpload,

  GetObjectTagging: settings.getObjectTagging,
  PutObjectTagging: settings.putObjectTagging,
  DeleteObjectTagging: settings.deleteObjectTagging,
  UpdateObjectEncryption: settings.updateObjectEncryption,
  GetObjectAcl: settings.getObjectAcl,
  PutObjectAcl: settings.putObjectAcl,
  GetBucketAcl: settings.getBucketAcl,
  PutBucketAcl: settings.putBucketAcl,
};

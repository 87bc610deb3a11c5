/** Buckets themselves (S3 API reference §7; S3 encryption reference §4). */
import { documentBytes, readCreateBucket, readEncryption, readVersioning } from "../../s3/documents.js";
import { s3Error } from "../../s3/errors.js";
import { refuseUnsupported } from "../../s3/headers.js";
import { firstOf } from "../../s3/listing.js";
import { makeToken, readListBuckets } from "../../s3/listing-query.js";
import { bucketsDocument, encryptionDocument, locationDocument } from "../../s3/result-documents.js";
import { allowsBucket } from "../../s3/rights.js";
import { type Answer, documentAnswer, NO_CONTENT } from "../answer.js";
import type { Call } from "../call.js";

/** Paths of the server itself begin so: a bucket of that name could not be reached. MinIO refuses it as well. */
const RESERVED_NAMES = new Set(["minio"]);

/** Those that the access key may see. */
export async function listBuckets(call: Call): Promise<Answer> {
  const { prefix, after, maxBuckets } = readListBuckets(call.query);
  const all = await call.service.buckets(call.options);
  const seen = all.filter(
    ({ name }) => name > after && name.startsWith(prefix) && allowsBucket(call.rights, "read", name),
  );
  const { items, isTruncated } = firstOf(seen, maxBuckets);
  const last = items.at(-1)?.name;
  const next = isTruncated && last !== undefined ? { next: makeToken(last) } : {};
  return documentAnswer(bucketsDocument(call.owner, items, { prefix, ...next }));
}

export async function createBucket(call: Call): Promise<Answer> {
  const { bucket, headers, region } = call;
  if (RESERVED_NAMES.has(bucket)) throw s3Error("BUCKET_NAME_INVALID");
  refuseUnsupported(headers);
  if (headers.get("x-amz-bucket-object-lock-enabled")?.toLowerCase() === "true") {
    throw s3Error("NOT_IMPLEMENTED", { members: { Header: "x-amz-bucket-object-lock-enabled" } });
  }
  const location = readCreateBucket(await call.body.document(documentBytes.small));
  if (location !== undefined && call.isRegionFixed && location !== region) {
    throw s3Error("LOCATION_CONSTRAINT_INVALID", { members: { LocationConstraint: location } });
  }
  await call.service.createBucket(bucket, call.options);
  return { status: 200, headers: { location: `/${bucket}` } };
}

export async function headBucket(call: Call): Promise<Answer> {
  await call.service.bucket(call.bucket, call.options);
  return { status: 200, headers: { "x-amz-bucket-region": call.region } };
}

export async function deleteBucket(call: Call): Promise<Answer> {
  await call.service.deleteBucket(call.bucket, call.options);
  return NO_CONTENT;
}

export async function getBucketLocation(call: Call): Promise<Answer> {
  await call.service.bucket(call.bucket, call.options);
  return documentAnswer(locationDocument(call.region));
}

export async function getBucketEncryption(call: Call): Promise<Answer> {
  const { encryption } = await call.service.bucket(call.bucket, call.options);
  if (encryption === undefined) throw s3Error("ENCRYPTION_NOT_FOUND");
  return documentAnswer(encryptionDocument(encryption));
}

export async function putBucketEncryption(call: Call): Promise<Answer> {
  const encryption = readEncryption(await call.body.document(documentBytes.encryption));
  await call.service.setBucketEncryption(call.bucket, encryption, call.options);
  return { status: 200 };
}

export async function deleteBucketEncryption(call: Call): Promise<Answer> {
  await call.service.setBucketEncryption(call.bucket, undefined, call.options);
  return NO_CONTENT;
}

/** There are no versions, and nothing may look as if there were. */
export async function putBucketVersioning(call: Call): Promise<Answer> {
  readVersioning(await call.body.document(documentBytes.small));
  await call.service.bucket(call.bucket, call.options);
  throw s3Error("NOT_IMPLEMENTED");
}

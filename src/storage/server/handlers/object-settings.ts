/** What belongs to an object besides its content: tags, the key that it is sealed under, access lists. */
import { documentBytes, isPrivateAcl, readObjectEncryption, readTagging } from "../../s3/documents.js";
import { s3Error } from "../../s3/errors.js";
import { refuseUnsupported } from "../../s3/headers.js";
import { aclDocument, taggingDocument } from "../../s3/result-documents.js";
import { type Answer, documentAnswer, NO_CONTENT } from "../answer.js";
import type { Call } from "../call.js";
import { refuseVersions } from "./handler.js";

export async function getObjectTagging(call: Call): Promise<Answer> {
  refuseVersions(call.query);
  return documentAnswer(taggingDocument(await call.service.tags(call.path, call.options)));
}

export async function putObjectTagging(call: Call): Promise<Answer> {
  refuseVersions(call.query);
  const tags = readTagging(await call.body.document(documentBytes.small));
  await call.service.setTags(call.path, tags, call.options);
  return { status: 200 };
}

export async function deleteObjectTagging(call: Call): Promise<Answer> {
  refuseVersions(call.query);
  await call.service.setTags(call.path, [], call.options);
  return NO_CONTENT;
}

/** `PUT ?encryption` of an object: its key sealed anew, content, ETag and time as they were (S3 encryption reference §3.5). */
export async function updateObjectEncryption(call: Call): Promise<Answer> {
  refuseVersions(call.query);
  const { keyId } = readObjectEncryption(await call.body.document(documentBytes.small));
  const to = { kind: "SSE-KMS", keyId: nameOfArn(keyId) } as const;
  const outcome = await call.service.reseal(call.path, to, call.options);
  // S3 has one code for all of them; whoever goes through many objects wants to tell them apart.
  if (outcome !== "resealed") throw s3Error(RESEAL_FAILURES[outcome], { members: { Outcome: outcome } });
  return { status: 200 };
}

/** Clients of AWS insist on a whole ARN here, of whatever region and account; all it can say is the key's name. */
function nameOfArn(keyId: string): string {
  return /^arn:aws[a-z-]*:kms:[^:]*:[^:]*:key\/(.+)$/.exec(keyId)?.[1] ?? keyId;
}

const RESEAL_FAILURES = {
  plain: "RESEAL_UNENCRYPTED",
  "customer-key": "RESEAL_CUSTOMER_KEY",
  refused: "RESEAL_REFUSED",
} as const;

export async function getObjectAcl(call: Call): Promise<Answer> {
  await requireObject(call);
  return documentAnswer(aclDocument(call.owner));
}

/** Access lists that change nothing are accepted, which is what clients send after a copy. */
export async function putObjectAcl(call: Call): Promise<Answer> {
  await checkAcl(call);
  await requireObject(call);
  return { status: 200 };
}

export async function getBucketAcl(call: Call): Promise<Answer> {
  await call.service.bucket(call.bucket, call.options);
  return documentAnswer(aclDocument(call.owner));
}

export async function putBucketAcl(call: Call): Promise<Answer> {
  await checkAcl(call);
  await call.service.bucket(call.bucket, call.options);
  return { status: 200 };
}

/** @throws S3Error `NOT_IMPLEMENTED` for what would give something to others */
async function checkAcl(call: Call): Promise<void> {
  refuseUnsupported(call.headers);
  const body = await call.body.document(documentBytes.small);
  if (body.length > 0 && !isPrivateAcl(body)) throw s3Error("NOT_IMPLEMENTED");
}

/** @throws S3Error `BUCKET_NOT_FOUND`, `KEY_NOT_FOUND` */
export async function requireObject(call: Call): Promise<void> {
  refuseVersions(call.query);
  // Costs no key, whatever the object is encrypted with.
  await call.service.tags(call.path, call.options);
}

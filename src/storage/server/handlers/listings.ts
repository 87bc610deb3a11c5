/** Listings of objects and uploads (S3 API reference §5, §6). */
import { readListUploads, readListV1, readListV2, readListVersions } from "../../s3/listing-query.js";
import { listV1Document, listV2Document, listVersionsDocument } from "../../s3/listing-xml.js";
import { uploadsDocument } from "../../s3/result-documents.js";
import { type Answer, documentAnswer } from "../answer.js";
import type { Call } from "../call.js";

export async function listObjects(call: Call): Promise<Answer> {
  const query = readListV1(call.query);
  const page = await call.service.list(call.bucket, query, call.options);
  return documentAnswer(listV1Document(call.bucket, query, page, call.owner));
}

export async function listObjectsV2(call: Call): Promise<Answer> {
  const query = readListV2(call.query);
  const page = await call.service.list(call.bucket, query, call.options);
  return documentAnswer(listV2Document(call.bucket, query, page, call.owner));
}

export async function listObjectVersions(call: Call): Promise<Answer> {
  const query = readListVersions(call.query);
  const page = await call.service.list(call.bucket, query, call.options);
  return documentAnswer(listVersionsDocument(call.bucket, query, page, call.owner));
}

export async function listMultipartUploads(call: Call): Promise<Answer> {
  const query = readListUploads(call.query);
  const page = await call.service.uploads(call.bucket, query, call.options);
  return documentAnswer(uploadsDocument(call.bucket, query, page, call.owner));
}

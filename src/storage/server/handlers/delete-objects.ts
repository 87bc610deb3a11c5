/** DeleteObjects: up to a thousand keys, each with an outcome of its own (S3 API reference §4.3). */
import { type DeleteTarget, documentBytes, readDelete } from "../../s3/documents.js";
import { shownError } from "../../s3/error-reply.js";
import { s3Error } from "../../s3/errors.js";
import { checkKey } from "../../s3/names.js";
import { type DeleteOutcome, deleteDocument } from "../../s3/result-documents.js";
import { allowsObject } from "../../s3/rights.js";
import { type Answer, documentAnswer } from "../answer.js";
import type { Call } from "../call.js";
import { refuseVersion } from "./handler.js";

/** Deletes that wait for the disk together. */
const AT_ONCE = 32;

export async function deleteObjects(call: Call): Promise<Answer> {
  const body = await call.body.document(documentBytes.delete, { needsDigest: true });
  const { quiet, objects } = await readDelete(body);
  await call.service.bucket(call.bucket, call.options);
  const outcomes: DeleteOutcome[] = [];
  for (let i = 0; i < objects.length; i += AT_ONCE) {
    const some = objects.slice(i, i + AT_ONCE);
    outcomes.push(...(await Promise.all(some.map((target) => deleteOne(call, target)))));
  }
  return documentAnswer(deleteDocument(outcomes, quiet));
}

async function deleteOne(call: Call, { key, versionId, etag }: DeleteTarget): Promise<DeleteOutcome> {
  const named = { key, ...(versionId === undefined ? {} : { versionId }) };
  try {
    checkKey(key);
    refuseVersion(versionId);
    if (!allowsObject(call.rights, "write", call.bucket, key)) throw s3Error("ACCESS_DENIED");
    const conditions = etag === undefined ? {} : { match: etag };
    await call.service.delete({ bucket: call.bucket, object: key }, conditions, call.options);
    return named;
  } catch (error) {
    if (call.signal.aborted) throw error;
    const { code, message } = shownError(error);
    return { ...named, code, message };
  }
}

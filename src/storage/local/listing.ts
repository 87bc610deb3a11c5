/** ListObjects in its forms. */
import { listPage, type Page, type PageRequest } from "../s3/listing.js";
import type { ListedObject } from "../s3/listing-xml.js";
import type { ObjectRecord } from "../store/object-store.js";
import type { LocalBase } from "./base.js";
import { listedObject, needsIndex } from "./shown.js";
import { existingBucket } from "./target.js";

/** No call of the key service, but for the first in a process that meets an SSE-S3 object. */
export async function listObjects(
  base: LocalBase,
  bucket: string,
  request: PageRequest,
): Promise<Page<ListedObject>> {
  existingBucket(base, bucket);
  const page = await listPage<ObjectRecord>((start) => base.store.scan(bucket, start), request);
  const index = page.contents.some(needsIndex) ? await base.index.open() : undefined;
  return { ...page, contents: page.contents.map((record) => listedObject(record, index)) };
}

/** CopyObject: decrypt, encrypt under a new key for the new path; or onto itself, where the content can stay. */

import { type MeasuredContent, measured } from "../objects/measured.js";
import { checkNames } from "../objects/metadata-names.js";
import type { CopyRequest, WrittenObject } from "../objects/object-service.js";
import type { ChecksumAlgorithm } from "../s3/checksums.js";
import { checkCopySource } from "../s3/conditions.js";
import { checkCustomerKey } from "../sse/access.js";
import { sseError } from "../sse/errors.js";
import type { ObjectKey } from "../sse/object-key.js";
import type { RequestedEncryption } from "../sse/request.js";
import { openChecksum } from "../sse/stored-checksum.js";
import type { ObjectRecord } from "../store/object-store.js";
import type { LocalBase } from "./base.js";
import { whenUnchanged } from "./concurrent-change.js";
import { copyInPlace, storedHeaders } from "./copy-in-place.js";
import { loadedETag } from "./shown.js";
import { holdObject, openKey, type SourceObject, withContent } from "./source-object.js";
import { needsMd5, storeObject } from "./store-object.js";
import { decideFor, makeTarget } from "./target.js";
import { prepareCheck } from "./write-check.js";

/** What a copy of an object without checksum gets. */
const DEFAULT_CHECKSUM: ChecksumAlgorithm = "CRC64NVME";

export async function copyObject(base: LocalBase, request: CopyRequest): Promise<WrittenObject> {
  const { source: from, path, sse, headers } = request;
  const wanted = decideFor(base, path.bucket, sse);
  checkNames(headers ?? {});
  return whenUnchanged(async () => {
    const source = await holdSource(base, request);
    try {
      const isItself = from.path.bucket === path.bucket && from.path.object === path.object;
      const changed = isItself ? await copyInPlace(base, request, source, wanted) : undefined;
      return changed ?? (await copyContent(base, request, source, wanted));
    } finally {
      source.release();
    }
  });
}

/** The source, with its conditions held against it. @throws S3Error `PRECONDITION_FAILED`, `SSE_C_SOURCE_KEY_NEEDED` and the like */
export async function holdSource(
  base: LocalBase,
  { source: { path, conditions }, sse }: Pick<CopyRequest, "source" | "sse">,
): Promise<SourceObject> {
  const source = await holdObject(base, path);
  try {
    const { record, encryption } = source;
    checkCustomerKey(encryption?.kind, sse.source, "copy-source");
    const etag = await loadedETag(base, record);
    checkCopySource(conditions, { etag, modifiedMs: record.modifiedMs });
    return source;
  } catch (error) {
    source.release();
    throw error;
  }
}

async function copyContent(
  base: LocalBase,
  request: CopyRequest,
  source: SourceObject,
  wanted: RequestedEncryption | undefined,
): Promise<WrittenObject> {
  const { path, sse, conditions, signal } = request;
  const { record, encryption } = source;
  const check = await prepareCheck(base, path, conditions);
  const keyUse = { use: "copy-source", customerKey: sse.source, signal } as const;
  const key = await openKey(base, source.path, encryption, keyUse);
  try {
    const target = await makeTarget(base, wanted, { path, isMultipart: false, signal });
    try {
      const algorithm = request.checksum?.algorithm ?? record.checksum?.algorithm ?? DEFAULT_CHECKSUM;
      const known = knownChecksum(record, algorithm, key);
      const stored = storedHeaders(request, record);
      return await withContent(source, key, undefined, (bytes) => {
        const content = measured(bytes, { md5: needsMd5(target), checksum: algorithm });
        return storeObject(base, {
          ...{ path, stored, target, check, signal },
          content: checkedAgainst(known, content),
        });
      });
    } finally {
      target.key?.wipe();
    }
  } finally {
    key?.wipe();
  }
}

/** Of the whole source in the same algorithm, base64. */
function knownChecksum(
  { checksum }: ObjectRecord,
  algorithm: ChecksumAlgorithm,
  key: ObjectKey | undefined,
): string | undefined {
  if (checksum?.algorithm !== algorithm || checksum.type !== "FULL_OBJECT") return undefined;
  return openChecksum(checksum, key)?.value;
}

/** Damage of a plain source, which nothing else shows, must not be handed on with a checksum that fits. */
function checkedAgainst(known: string | undefined, content: MeasuredContent): MeasuredContent {
  return {
    bytes: content.bytes,
    results() {
      const results = content.results();
      if (known !== undefined && results.checksum?.value.toString("base64") !== known) {
        throw sseError("SSE_CONTENT_DAMAGED", { cause: new Error("the checksum does not fit the content") });
      }
      return results;
    },
  };
}

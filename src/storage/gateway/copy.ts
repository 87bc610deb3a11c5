/** CopyObject: by the back end where nothing is encrypted, otherwise opened and sealed anew for the new path. */
import { measured } from "../objects/measured.js";
import { checkNames } from "../objects/metadata-names.js";
import type { CopyRequest, WrittenObject } from "../objects/object-service.js";
import { checkCopySource } from "../s3/conditions.js";
import { s3Error } from "../s3/errors.js";
import type { Tag } from "../s3/headers.js";
import { checkCustomerKey } from "../sse/access.js";
import { withoutReserved } from "../sse/metadata.js";
import type { ObjectKey } from "../sse/object-key.js";
import type { RequestedEncryption } from "../sse/request.js";
import { isKeptName } from "./back-end-names.js";
import type { GatewayBase } from "./base.js";
import { copyInPlace } from "./copy-in-place.js";
import { copyRaw } from "./copy-raw.js";
import {
  type FoundObject,
  findObject,
  kindOf,
  needsKeyForETag,
  openKeyOf,
  shownETagOf,
  sizeOf,
  unquoted,
} from "./found-object.js";
import { decide } from "./put.js";
import { openSource } from "./raw-object.js";
import { storeContent } from "./store-content.js";
import { readTags } from "./tags.js";
import { backEndEncryption, passesThrough } from "./twice.js";
import { whileUnchanged } from "./while-unchanged.js";
import { writeConditions } from "./write-conditions.js";

export function copyObject(base: GatewayBase, request: CopyRequest): Promise<WrittenObject> {
  checkNames(request.headers ?? {}, isKeptName);
  return whileUnchanged(async () => {
    const { source, path, sse, headers, tags, storageClass, checksum, signal } = request;
    const wanted = decide(base, sse);
    const found = await findObject(base, source.path, sse.source, "copy-source", signal);
    checkCustomerKey(kindOf(found), sse.source, "copy-source");
    const isItself = source.path.bucket === path.bucket && source.path.object === path.object;
    const needsKey = needsKeyForETag(found) || found.sealed.encryption?.kind === "SSE-C";
    const conditional = Object.keys(source.conditions).length > 0;
    const key =
      conditional && needsKey ? await openKeyOf(base, found, sse.source, "copy-source", signal) : undefined;
    try {
      if (conditional) {
        checkCopySource(source.conditions, { etag: shownETagOf(found, key), modifiedMs: found.modifiedMs });
      }
    } finally {
      key?.wipe();
    }
    const isChanged = [headers, tags, storageClass, sse.target, checksum].some((each) => each !== undefined);
    // What a gateway with keys has sealed must not lose its entries at one without.
    const isSealed = found.sealed.encryption !== undefined;
    if (!isSealed && (wanted === undefined || passesThrough(base))) {
      if (isItself && !isChanged) throw s3Error("COPY_TO_ITSELF");
      return copyByBackEnd(base, request, found, wanted);
    }
    const changed = isItself ? await copyInPlace(base, request, found, wanted, isChanged) : undefined;
    return changed ?? copyContent(base, request, found, wanted);
  });
}

/** As the back end has it: nothing of it is ours. */
async function copyByBackEnd(
  base: GatewayBase,
  request: CopyRequest,
  found: FoundObject,
  wanted: RequestedEncryption | undefined,
): Promise<WrittenObject> {
  const { CopyObjectResult: result, ...output } = await copyRaw(base, request, found, wanted, {});
  const etag = unquoted(result?.ETag ?? "");
  const encryption = backEndEncryption(output);
  return {
    ...{ etag, size: found.storedSize, modifiedMs: result?.LastModified?.getTime() ?? base.now() },
    ...(encryption && passesThrough(base) && { encryption }),
  };
}

async function copyContent(
  base: GatewayBase,
  request: CopyRequest,
  found: FoundObject,
  wanted: RequestedEncryption | undefined,
): Promise<WrittenObject> {
  const { path, sse, signal, storageClass, source } = request;
  const conditions = await writeConditions(base, path, request.conditions, undefined, signal);
  const tags: readonly Tag[] =
    request.tags ?? (found.tagCount > 0 ? await readTags(base, source.path, signal) : []);
  const key: ObjectKey | undefined = await openKeyOf(base, found, sse.source, "copy-source", signal);
  try {
    const length = await sizeOf(base, found, signal);
    const content = await openSource(base, found, key, undefined, signal);
    try {
      const headers = request.headers ?? withoutReserved(found.headers);
      return await storeContent(base, {
        ...{ path, length, conditions, signal, wanted, md5: undefined },
        stored: { headers, tags, ...(storageClass === undefined ? {} : { storageClass }) },
        open: () => measured(content, { md5: true, checksum: request.checksum?.algorithm ?? "CRC64NVME" }),
      });
    } finally {
      // It may not have come to be read.
      await content.return?.();
    }
  } finally {
    key?.wipe();
  }
}

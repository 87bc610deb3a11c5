/** CopyObject: by the back end where nothing is encrypted, otherwise opened and sealed anew for the new path. */
import { CopyObjectCommand } from "@aws-sdk/client-s3";
import { measured } from "../objects/measured.js";
import { checkNames } from "../objects/metadata-names.js";
import type { CopyRequest, WrittenObject } from "../objects/object-service.js";
import { checkCopySource } from "../s3/conditions.js";
import { s3Error } from "../s3/errors.js";
import type { Tag } from "../s3/headers.js";
import { checkCustomerKey } from "../sse/access.js";
import { withoutReserved } from "../sse/metadata.js";
import type { ObjectKey } from "../sse/object-key.js";
import { keyNameOfId, type RequestedEncryption } from "../sse/request.js";
import { isKeptName } from "./back-end-names.js";
import type { GatewayBase } from "./base.js";
import {
  type FoundObject,
  findObject,
  kindOf,
  needsKeyForETag,
  openKeyOf,
  partsOf,
  shownETagOf,
  shownObject,
  sizeOf,
  unquoted,
} from "./found-object.js";
import { type SealedMetadata, writeMetadata } from "./metadata.js";
import { decide } from "./put.js";
import { openSource } from "./raw-object.js";
import { storeContent, tagging } from "./store-content.js";
import { readTags } from "./tags.js";
import { copySourceFields, encryptionFields, passesThrough } from "./twice.js";
import { whileUnchanged } from "./while-unchanged.js";
import { writeConditions } from "./write-conditions.js";

export function copyObject(base: GatewayBase, request: CopyRequest): Promise<WrittenObject> {
  checkNames(request.headers ?? {}, isKeptName);
  return whileUnchanged(async () => {
    const { source, path, sse, signal } = request;
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
    if (isItself && !changes(request)) throw s3Error("COPY_TO_ITSELF");
    const isPlain = found.sealed.encryption === undefined && wanted === undefined;
    if (isPlain || passesThrough(base)) return copyByBackEnd(base, request, found, wanted, {});
    if (isItself && staysAsItIs(base, request, found, wanted)) {
      return copyByBackEnd(base, request, found, wanted, await keptSealed(base, found, signal));
    }
    return copyContent(base, request, found, wanted);
  });
}

function changes({ headers, tags, storageClass, sse, checksum }: CopyRequest): boolean {
  return [headers, tags, storageClass, sse.target, checksum].some((each) => each !== undefined);
}

/** Whether the same key under the same seal will do. */
function staysAsItIs(
  { keys }: GatewayBase,
  { sse }: CopyRequest,
  { sealed: { encryption } }: FoundObject,
  wanted: RequestedEncryption | undefined,
): boolean {
  if (sse.target !== undefined || encryption === undefined || encryption.kind !== wanted?.kind) return false;
  if (encryption.kind === "SSE-C") return false;
  const keyId = wanted.kind === "SSE-KMS" ? wanted.keyId : undefined;
  return encryption.dek.keyName === (keyNameOfId(keyId) ?? keys?.defaultKey);
}

/**
 * What is stored of the encryption when the back end copies the content as it is. It forgets the parts then, so their
 * sizes are written down.
 * @throws S3Error `NOT_IMPLEMENTED` for parts of unequal sizes
 */
export async function keptSealed(
  base: GatewayBase,
  found: FoundObject,
  signal: AbortSignal | undefined,
): Promise<SealedMetadata> {
  const { sealed, backEndETag } = found;
  if (sealed.encryption?.isMultipart !== true || sealed.parts !== undefined) return sealed;
  const parts = await partsOf(base, found, signal);
  const size = parts[0]?.bytes ?? 0;
  const lastSize = parts.at(-1)?.bytes ?? 0;
  if (parts.slice(0, -1).some(({ bytes }) => bytes !== size)) {
    throw s3Error("NOT_IMPLEMENTED", { cause: new Error("parts of unequal sizes") });
  }
  return {
    ...sealed,
    etag: sealed.etag ?? unquoted(backEndETag),
    parts: { count: parts.length, size, lastSize },
  };
}

async function copyByBackEnd(
  base: GatewayBase,
  { path, headers, tags, storageClass, sse, conditions, signal, checksum }: CopyRequest,
  found: FoundObject,
  wanted: RequestedEncryption | undefined,
  sealed: SealedMetadata,
): Promise<WrittenObject> {
  const fields = await writeConditions(base, path, conditions, undefined, signal);
  const own = headers ?? withoutReserved(found.headers);
  const output = await base.backEnd.call(signal, (client, options) =>
    client.send(
      new CopyObjectCommand({
        ...{ Bucket: path.bucket, Key: path.object },
        CopySource: copySourceOf(found),
        CopySourceIfMatch: found.backEndETag,
        MetadataDirective: "REPLACE",
        ...writeMetadata(own, sealed),
        ...fields,
        ...encryptionFields(base, wanted, path),
        ...copySourceFields(found.customer),
        ...(tags === undefined ? { TaggingDirective: "COPY" } : { TaggingDirective: "REPLACE" }),
        ...tagging({ tags: tags ?? [], ...(storageClass === undefined ? {} : { storageClass }) }),
        ...(checksum === undefined ? {} : { ChecksumAlgorithm: checksum.algorithm }),
      }),
      options,
    ),
  );
  const size = await sizeOf(base, found, signal);
  const key =
    sealed.etag !== undefined && needsKeyForETag(found)
      ? await openKeyOf(base, found, sse.source, "copy-source", signal)
      : undefined;
  try {
    const etag =
      sealed.etag === undefined
        ? unquoted(output.CopyObjectResult?.ETag ?? "")
        : shownETagOf({ ...found, sealed }, key);
    const { encryption } = shownObject({ ...found, sealed }, size, etag);
    return {
      ...{ etag, size, modifiedMs: output.CopyObjectResult?.LastModified?.getTime() ?? base.now() },
      ...(encryption && { encryption }),
    };
  } finally {
    key?.wipe();
  }
}

export function copySourceOf({ path: { bucket, object } }: Pick<FoundObject, "path">): string {
  return `${bucket}/${object.split("/").map(encodeURIComponent).join("/")}`;
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
    const headers = request.headers ?? withoutReserved(found.headers);
    return await storeContent(base, {
      ...{ path, length, conditions, signal, wanted, md5: undefined },
      stored: { headers, tags, ...(storageClass === undefined ? {} : { storageClass }) },
      open: () => measured(content, { md5: true, checksum: request.checksum?.algorithm ?? "CRC64NVME" }),
    });
  } finally {
    key?.wipe();
  }
}

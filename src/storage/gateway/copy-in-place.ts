/** CopyObject onto itself, where the content stays: other metadata, another seal, by one copy of the back end. */
import { keyChange, resealed } from "../objects/key-change.js";
import type { CopyRequest, WrittenObject } from "../objects/object-service.js";
import { s3Error } from "../s3/errors.js";
import type { RequestedEncryption } from "../sse/request.js";
import { shownEncryption } from "../sse/response.js";
import type { GatewayBase } from "./base.js";
import { copyRaw } from "./copy-raw.js";
import {
  type FoundObject,
  needsKeyForETag,
  openKeyOf,
  partsOf,
  shownETagOf,
  sizeOf,
  unquoted,
} from "./found-object.js";
import type { SealedMetadata } from "./metadata.js";

/**
 * ETag and checksum stay; for an object in parts only the back end's own ETag changes.
 * @param isChanged - the request asks for something
 * @returns undefined when the content has to be written anew
 * @throws S3Error `COPY_TO_ITSELF` when nothing would change; `PRECONDITION_FAILED` when it is another object by now
 */
export async function copyInPlace(
  base: GatewayBase,
  request: CopyRequest,
  found: FoundObject,
  wanted: RequestedEncryption | undefined,
  isChanged: boolean,
): Promise<WrittenObject | undefined> {
  const { sealed } = found;
  const { encryption, checksum } = sealed;
  const { sse, signal } = request;
  const change = keyChange(base.keys, sse, encryption, wanted);
  if (!isChanged && change !== "reseal") throw s3Error("COPY_TO_ITSELF");
  const isOtherChecksum =
    request.checksum !== undefined && request.checksum.algorithm !== checksum?.algorithm;
  if (change === "rewrite" || isOtherChecksum || encryption === undefined || wanted === undefined) {
    return undefined;
  }
  const kept = await keptSealed(base, found, signal);
  if (kept === undefined || !(await base.copyConditions.areHeld(found))) return undefined;
  // Before the copy: what fails afterwards would hide that it was made.
  const key = needsKeyForETag(found)
    ? await openKeyOf(base, found, sse.source, "copy-source", signal)
    : undefined;
  let etag: string;
  try {
    etag = shownETagOf({ ...found, sealed: kept }, key);
  } finally {
    key?.wipe();
  }
  const size = await sizeOf(base, found, signal);
  const after = change === "keep" ? encryption : await resealed(base, request, encryption, wanted);
  const output = await copyRaw(base, request, found, wanted, { ...kept, encryption: after });
  const shown = shownEncryption(after);
  return {
    ...{ etag, size, modifiedMs: output.CopyObjectResult?.LastModified?.getTime() ?? base.now() },
    ...(shown && { encryption: shown }),
  };
}

/**
 * What is stored of the encryption when the back end copies the content as it is. It forgets the parts then, so their
 * sizes are written down. Undefined for parts of unequal sizes, for which there is no room.
 */
export async function keptSealed(
  base: GatewayBase,
  found: FoundObject,
  signal: AbortSignal | undefined,
): Promise<SealedMetadata | undefined> {
  const { sealed, backEndETag } = found;
  if (sealed.encryption?.isMultipart !== true || sealed.parts !== undefined) return sealed;
  const parts = await partsOf(base, found, signal);
  const size = parts[0]?.bytes ?? 0;
  const lastSize = parts.at(-1)?.bytes ?? 0;
  if (parts.slice(0, -1).some(({ bytes }) => bytes !== size)) return undefined;
  return {
    ...sealed,
    etag: sealed.etag ?? unquoted(backEndETag),
    parts: { count: parts.length, size, lastSize },
  };
}

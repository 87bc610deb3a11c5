/** CopyObject onto itself: what can be changed without a touch of the content. */
import { KesError } from "../../errors.js";
import type { CopyRequest, WrittenObject } from "../objects/object-service.js";
import { checkWrite } from "../s3/conditions.js";
import { s3Error } from "../s3/errors.js";
import type { StoredHeaders } from "../s3/headers.js";
import { sseError } from "../sse/errors.js";
import { formatKmsContext } from "../sse/kms-context.js";
import { type Encryption, withoutReserved, writeEncryption } from "../sse/metadata.js";
import { keyNameOfId, type RequestedEncryption } from "../sse/request.js";
import { shownEncryption } from "../sse/response.js";
import { rotateCustomerKey } from "../sse/rotate.js";
import { openChecksum } from "../sse/stored-checksum.js";
import type { ObjectRecord } from "../store/object-store.js";
import type { LocalBase } from "./base.js";
import { unchanged } from "./concurrent-change.js";
import { sealAs } from "./reseal.js";
import { loadedETag } from "./shown.js";
import { openKey, type SourceObject } from "./source-object.js";

/** What becomes of the object's key: nothing, another seal, or a new key and so new content. */
type KeyChange = "keep" | "reseal" | "rewrite";

/**
 * The object with the request's metadata, its key sealed anew where that is asked for; content, ETag and checksum stay.
 * @returns undefined when the content has to be written anew
 * @throws S3Error `COPY_TO_ITSELF` when nothing would change; `OPERATION_ABORTED` when the object changes meanwhile
 */
export async function copyInPlace(
  base: LocalBase,
  request: CopyRequest,
  source: SourceObject,
  wanted: RequestedEncryption | undefined,
): Promise<WrittenObject | undefined> {
  const { record } = source;
  const change = keyChange(base, request, source.encryption, wanted);
  const isOtherChecksum =
    request.checksum !== undefined && request.checksum.algorithm !== record.checksum?.algorithm;
  if (change === "rewrite" || isOtherChecksum) return undefined;
  if (change === "keep" && !changesMetadata(request, record)) throw s3Error("COPY_TO_ITSELF");

  const etag = await loadedETag(base, record);
  checkWrite(request.conditions, { etag, modifiedMs: record.modifiedMs });
  const encryption =
    change === "keep" ? source.encryption : await resealed(base, request, source.encryption, wanted);
  request.signal?.throwIfAborted();
  const modifiedMs = base.now();
  const { bucket, object } = request.path;
  await base.store.changeObject(bucket, object, (existing) => {
    const { storageClass: _, ...rest } = unchanged(existing, record);
    return {
      ...{ ...rest, ...storedHeaders(request, rest), modifiedMs },
      encryption: encryption === undefined ? {} : writeEncryption(encryption),
    };
  });
  const checksum = record.checksum && openChecksum(record.checksum, undefined);
  const shown = shownEncryption(encryption);
  return {
    ...{ etag, modifiedMs, size: record.size },
    ...(shown && { encryption: shown }),
    ...(checksum && { checksum }),
  };
}

/** What the copy is stored with: nothing of how the source was encrypted. */
export function storedHeaders(
  { headers, tags, storageClass }: CopyRequest,
  source: Pick<ObjectRecord, "headers" | "tags">,
): StoredHeaders {
  return {
    headers: headers ?? withoutReserved(source.headers),
    tags: tags ?? source.tags,
    ...(storageClass === undefined ? {} : { storageClass }),
  };
}

function keyChange(
  { keys }: LocalBase,
  { sse }: CopyRequest,
  encryption: Encryption | undefined,
  wanted: RequestedEncryption | undefined,
): KeyChange {
  if (encryption?.kind !== wanted?.kind) return "rewrite";
  if (encryption === undefined || wanted === undefined) return "keep";
  // Said on purpose: even the same is a change, a new seal under the key as it is today.
  if (sse.target !== undefined || wanted.kind === "SSE-C" || encryption.kind === "SSE-C") return "reseal";
  const keyId = wanted.kind === "SSE-KMS" ? wanted.keyId : undefined;
  const isSameKey = encryption.dek.keyName === (keyNameOfId(keyId) ?? keys?.defaultKey);
  return isSameKey && contextOf(encryption) === contextOf(wanted) ? "keep" : "reseal";
}

function contextOf(encryption: Encryption | RequestedEncryption): string | undefined {
  const context = encryption.kind === "SSE-KMS" ? encryption.context : undefined;
  return context === undefined ? undefined : formatKmsContext(context);
}

function changesMetadata({ headers, tags, storageClass }: CopyRequest, record: ObjectRecord): boolean {
  return headers !== undefined || tags !== undefined || storageClass !== record.storageClass;
}

async function resealed(
  base: LocalBase,
  { path, sse, signal }: CopyRequest,
  encryption: Encryption | undefined,
  wanted: RequestedEncryption | undefined,
): Promise<Encryption> {
  if (encryption?.kind === "SSE-C" && wanted?.kind === "SSE-C") {
    if (sse.source === undefined) throw sseError("SSE_C_SOURCE_KEY_NEEDED");
    return rotateCustomerKey(encryption, { from: sse.source, to: wanted.key, path, random: base.random });
  }
  const key = await openKey(base, path, encryption, {
    ...{ use: "copy-source", customerKey: undefined, signal },
  });
  if (encryption === undefined || key === undefined || wanted === undefined || wanted.kind === "SSE-C") {
    throw new KesError("INTERNAL", [], { cause: new Error("not a pair of kinds that is sealed anew") });
  }
  try {
    return await sealAs(base, key, wanted, { path, isMultipart: encryption.isMultipart, signal });
  } finally {
    key.wipe();
  }
}

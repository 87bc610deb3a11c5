/** GetObject and HeadObject. */
import type { OpenedObject, ReadRequest, ReadResult, ShownObject } from "../objects/object-service.js";
import { checkRead } from "../s3/conditions.js";
import { s3Error } from "../s3/errors.js";
import type { ObjectPart } from "../s3/object-parts.js";
import { type ByteRange, resolveRange } from "../s3/ranges.js";
import { checkCustomerKey } from "../sse/access.js";
import { type Encryption, readEncryption } from "../sse/metadata.js";
import type { ObjectKey } from "../sse/object-key.js";
import { customerKeyOf } from "../sse/request.js";
import { openChecksum } from "../sse/stored-checksum.js";
import type { ObjectRecord, PartRecord } from "../store/object-store.js";
import type { LocalBase } from "./base.js";
import { loadedETag, shownObject } from "./shown.js";
import { beginContent, holdObject, type KeyUse, openKey } from "./source-object.js";

export async function headObject(base: LocalBase, request: ReadRequest): Promise<ReadResult> {
  const { path, sse, signal } = request;
  const record = base.store.object(path.bucket, path.object);
  if (record === undefined) throw s3Error("KEY_NOT_FOUND");
  const encryption = readEncryption(record.encryption);
  const keyUse: KeyUse = { use: "read", customerKey: customerKeyOf(sse), signal };
  checkCustomerKey(encryption?.kind, keyUse.customerKey, "read");
  // That of SSE-C costs nothing, and shows whether the client's is right.
  let key = encryption?.kind === "SSE-C" ? await openKey(base, path, encryption, keyUse) : undefined;
  try {
    const found = await findRange(base, request, record, encryption);
    const wantsKey = wantsChecksum(request, record, found) && encryption?.kind === "SSE-S3";
    if (wantsKey) key = await openKey(base, path, encryption, keyUse);
    return { ...found, object: withChecksums(request, record, found, key) };
  } finally {
    key?.wipe();
  }
}

export async function getObject(base: LocalBase, request: ReadRequest): Promise<OpenedObject> {
  const { path, sse, signal } = request;
  const source = await holdObject(base, path);
  const { record, encryption } = source;
  const keyUse: KeyUse = { use: "read", customerKey: customerKeyOf(sse), signal };
  let key: ObjectKey | undefined;
  try {
    checkCustomerKey(encryption?.kind, keyUse.customerKey, "read");
    if (encryption?.kind === "SSE-C") key = await openKey(base, path, encryption, keyUse);
    const found = await findRange(base, request, record, encryption);
    if (found.isNotModified) {
      key?.wipe();
      source.release();
      return { ...found, content: nothing() };
    }
    key ??= await openKey(base, path, encryption, keyUse);
    signal?.throwIfAborted();
    const object = withChecksums(request, record, found, key);
    return { ...found, object, content: await beginContent(source, key, found.range) };
  } catch (error) {
    key?.wipe();
    source.release();
    throw error;
  }
}

/** What is meant of the object, after its conditions. @throws S3Error `PRECONDITION_FAILED`, `RANGE_UNSATISFIABLE`, `PART_ABSENT` */
async function findRange(
  base: LocalBase,
  { conditions, range, partNumber }: ReadRequest,
  record: ObjectRecord,
  encryption: Encryption | undefined,
): Promise<ReadResult> {
  const etag = await loadedETag(base, record);
  const object = shownObject(record, etag, encryption);
  if (checkRead(conditions, object) === "not-modified") return { object, isNotModified: true };
  const found =
    partNumber !== undefined
      ? partRange(record, partNumber)
      : range && resolveRange(range.asked, record.size, range.header);
  return { object, isNotModified: false, ...(found && { range: found }) };
}

/** Undefined for the one part of an empty object: it has no bytes to count. */
function partRange({ size, parts }: ObjectRecord, partNumber: number): ByteRange | undefined {
  let first = 0;
  for (const part of parts ?? [{ number: 1, size }]) {
    if (part.number === partNumber) {
      if (size === 0) return undefined;
      if (part.size === 0) {
        throw s3Error("RANGE_UNSATISFIABLE", { members: { ActualObjectSize: String(size) } });
      }
      return { first, last: first + part.size - 1 };
    }
    first += part.size;
  }
  throw s3Error("PART_ABSENT");
}

/** Of the whole object, of the part that was asked for, or of all parts. */
function wantsChecksum(
  { wantsChecksum: isWanted, wantsParts = false, partNumber }: ReadRequest,
  { checksum, parts }: ObjectRecord,
  { isNotModified, range }: ReadResult,
): boolean {
  if (isNotModified) return false;
  if (wantsParts && parts?.some((part) => part.checksum !== undefined)) return true;
  if (!isWanted) return false;
  if (range === undefined) return checksum !== undefined;
  return parts?.some((part) => part.number === partNumber && part.checksum !== undefined) ?? false;
}

function withChecksums(
  request: ReadRequest,
  record: ObjectRecord,
  found: ReadResult,
  key: ObjectKey | undefined,
): ShownObject {
  const { object, range } = found;
  if (!wantsChecksum(request, record, found)) return object;
  const isWhole = range === undefined;
  const checksum =
    isWhole && request.wantsChecksum && record.checksum ? openChecksum(record.checksum, key) : undefined;
  if (isWhole && request.wantsParts !== true) return { ...object, ...(checksum && { checksum }) };
  const parts = record.parts?.map((part) =>
    shownPart(part, key, isWhole || part.number === request.partNumber),
  );
  return { ...object, ...(checksum && { checksum }), ...(parts && { parts }) };
}

function shownPart(
  { number, size, checksum: stored }: PartRecord,
  key: ObjectKey | undefined,
  isShown: boolean,
): ObjectPart {
  const checksum = isShown && stored ? openChecksum(stored, key) : undefined;
  return {
    ...{ number, size },
    ...(checksum && { checksum: { algorithm: checksum.algorithm, value: checksum.value } }),
  };
}

async function* nothing(): AsyncGenerator<Buffer, void, undefined> {}

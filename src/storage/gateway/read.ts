/** GetObject and HeadObject. */
import { HeadObjectCommand } from "@aws-sdk/client-s3";
import type { OpenedObject, ReadRequest, ReadResult, ShownObject } from "../objects/object-service.js";
import { checksumNames } from "../s3/checksums.js";
import { checkRead } from "../s3/conditions.js";
import { s3Error } from "../s3/errors.js";
import type { ObjectPart } from "../s3/object-parts.js";
import { type ByteRange, resolveRange } from "../s3/ranges.js";
import type { ShownChecksum } from "../s3/result-documents.js";
import { checkCustomerKey } from "../sse/access.js";
import type { ContentPart } from "../sse/content-layout.js";
import type { ObjectKey } from "../sse/object-key.js";
import { customerKeyOf } from "../sse/request.js";
import { openChecksum } from "../sse/stored-checksum.js";
import type { GatewayBase } from "./base.js";
import {
  type FoundObject,
  findObject,
  foundObject,
  kindOf,
  needsKeyForETag,
  openKeyOf,
  partsOf,
  shownETagOf,
  shownObject,
  sizeOf,
} from "./found-object.js";
import { contentOf, nothing, openRaw } from "./raw-object.js";
import { customerFields } from "./twice.js";
import { whileUnchanged } from "./while-unchanged.js";

export async function headObject(base: GatewayBase, request: ReadRequest): Promise<ReadResult> {
  const { path, sse, signal } = request;
  const customerKey = customerKeyOf(sse);
  const found = await findObject(base, path, customerKey, "read", signal);
  checkCustomerKey(kindOf(found), customerKey, "read");
  const needsKey =
    found.sealed.encryption?.kind === "SSE-C" ||
    needsKeyForETag(found) ||
    (request.wantsChecksum &&
      found.sealed.encryption?.kind === "SSE-S3" &&
      found.sealed.checksum?.isSealed === true);
  const key = needsKey ? await openKeyOf(base, found, customerKey, "read", signal) : undefined;
  try {
    return await readResult(base, request, found, key);
  } finally {
    key?.wipe();
  }
}

/** One call of the back end for a whole object, two for a range of it, more only for one in parts. */
export function getObject(base: GatewayBase, request: ReadRequest): Promise<OpenedObject> {
  const { path, sse, signal, range, partNumber } = request;
  const customerKey = customerKeyOf(sse);
  return whileUnchanged(async () => {
    const isWhole = range === undefined && partNumber === undefined;
    const raw = isWhole ? await openRaw(base, request, undefined, undefined) : undefined;
    let key: ObjectKey | undefined;
    try {
      const found =
        raw === undefined
          ? await findObject(base, path, customerKey, "read", signal)
          : foundObject(base, path, raw.output, customerFields(base, customerKey, path));
      checkCustomerKey(kindOf(found), customerKey, "read");
      key = await openKeyOf(base, found, customerKey, "read", signal);
      const result = await readResult(base, request, found, key);
      if (result.isNotModified) {
        key?.wipe();
        raw?.cut();
        return { ...result, content: nothing() };
      }
      return { ...result, content: await contentOf(base, request, found, result, key, raw) };
    } catch (error) {
      key?.wipe();
      raw?.cut();
      throw error;
    }
  });
}

async function readResult(
  base: GatewayBase,
  request: ReadRequest,
  found: FoundObject,
  key: ObjectKey | undefined,
): Promise<ReadResult> {
  const { conditions, range, partNumber, signal, wantsChecksum } = request;
  const etag = shownETagOf(found, key);
  const subject = { etag, modifiedMs: found.modifiedMs };
  const size = await sizeOf(base, found, signal);
  const object = shownObject(found, size, etag);
  if (checkRead(conditions, subject) === "not-modified") return { object, isNotModified: true };
  if (partNumber !== undefined) {
    const asked = partRange(await partsOf(base, found, signal), partNumber, size);
    const parts = await shownParts(base, found, signal);
    const shown: ShownObject = parts === undefined ? object : { ...object, parts };
    return { object: shown, isNotModified: false, ...(asked && { range: asked }) };
  }
  if (range !== undefined) {
    return { object, isNotModified: false, range: resolveRange(range.asked, size, range.header) };
  }
  const checksum = wantsChecksum ? await checksumOf(base, found, key, signal) : undefined;
  const parts = request.wantsParts === true ? await shownParts(base, found, signal) : undefined;
  return {
    object: { ...object, ...(checksum && { checksum }), ...(parts && { parts }) },
    isNotModified: false,
  };
}

/** Of an object uploaded in parts. Their checksums are not kept. */
async function shownParts(
  base: GatewayBase,
  found: FoundObject,
  signal: AbortSignal | undefined,
): Promise<readonly ObjectPart[] | undefined> {
  const { encryption } = found.sealed;
  const isMultipart = encryption === undefined ? found.backEndETag.includes("-") : encryption.isMultipart;
  if (!isMultipart) return undefined;
  const parts = await partsOf(base, found, signal);
  return parts.map(({ number = 1, bytes }) => ({ number, size: bytes }));
}

/** Undefined for the one part of an empty object: it has no bytes to count. */
function partRange(parts: readonly ContentPart[], asked: number, size: number): ByteRange | undefined {
  let first = 0;
  for (const [i, { number = i + 1, bytes }] of parts.entries()) {
    if (number === asked) return size === 0 ? undefined : { first, last: first + bytes - 1 };
    first += bytes;
  }
  throw s3Error("PART_ABSENT");
}

async function checksumOf(
  { backEnd }: GatewayBase,
  { path, sealed, customer }: FoundObject,
  key: ObjectKey | undefined,
  signal: AbortSignal | undefined,
): Promise<ShownChecksum | undefined> {
  if (sealed.encryption !== undefined) return sealed.checksum && openChecksum(sealed.checksum, key);
  const found = await backEnd.call(signal, (client, options) =>
    client.send(
      new HeadObjectCommand({
        ...{ Bucket: path.bucket, Key: path.object, ChecksumMode: "ENABLED" },
        ...customer,
      }),
      options,
    ),
  );
  for (const algorithm of checksumNames) {
    const value: unknown = Reflect.get(found, `Checksum${algorithm}`);
    if (typeof value !== "string") continue;
    return { algorithm, type: found.ChecksumType === "COMPOSITE" ? "COMPOSITE" : "FULL_OBJECT", value };
  }
  return undefined;
}

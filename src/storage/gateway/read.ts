/** GetObject and HeadObject. */
import { GetObjectCommand, type GetObjectCommandOutput, HeadObjectCommand } from "@aws-sdk/client-s3";
import { customerKeyOf } from "../local/read.js";
import { openChecksum } from "../local/stored-checksum.js";
import type { OpenedObject, ReadRequest, ReadResult, ShownObject } from "../objects/object-service.js";
import { checksumNames } from "../s3/checksums.js";
import { checkRead } from "../s3/conditions.js";
import { s3Error } from "../s3/errors.js";
import { type ByteRange, resolveRange } from "../s3/ranges.js";
import type { ShownChecksum } from "../s3/result-documents.js";
import { checkCustomerKey } from "../sse/access.js";
import { begun, openContent } from "../sse/content.js";
import { type ContentPart, planRead } from "../sse/content-layout.js";
import type { ObjectKey } from "../sse/object-key.js";
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

/** An object that is copied from: its plaintext, or a range of it. */
export async function openSource(
  base: GatewayBase,
  found: FoundObject,
  key: ObjectKey | undefined,
  range: ByteRange | undefined,
  signal: AbortSignal | undefined,
): Promise<AsyncIterableIterator<Buffer>> {
  const request = { path: found.path, ...(signal === undefined ? {} : { signal }) };
  return contentOf(base, request, found, range === undefined ? {} : { range }, key, undefined);
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
    const parts = await partsOf(base, found, signal);
    const asked = partRange(parts, partNumber, size);
    const isMultipart = parts.some((part) => part.number !== undefined) && found.backEndETag.includes("-");
    const shown: ShownObject = isMultipart
      ? { ...object, parts: parts.map(({ number = 1, bytes }) => ({ number, size: bytes })) }
      : object;
    return { object: shown, isNotModified: false, ...(asked && { range: asked }) };
  }
  if (range !== undefined) {
    return { object, isNotModified: false, range: resolveRange(range.asked, size, range.header) };
  }
  const checksum = wantsChecksum ? await checksumOf(base, found, key, signal) : undefined;
  return { object: { ...object, ...(checksum && { checksum }) }, isNotModified: false };
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

interface RawObject {
  readonly output: GetObjectCommandOutput;
  readonly bytes: AsyncIterable<Buffer>;
  /** Ends the transfer. */
  cut(): void;
}

async function openRaw(
  base: GatewayBase,
  { path, sse, signal }: Pick<ReadRequest, "path" | "signal"> & Partial<Pick<ReadRequest, "sse">>,
  found: FoundObject | undefined,
  stored: { readonly offset: number; readonly length: number } | undefined,
): Promise<RawObject> {
  const customer = found?.customer ?? customerFields(base, sse && customerKeyOf(sse), path);
  const range = stored && `bytes=${stored.offset}-${stored.offset + stored.length - 1}`;
  const output = await base.backEnd.call(signal, (client, options) =>
    client.send(
      new GetObjectCommand({
        ...{ Bucket: path.bucket, Key: path.object },
        ...(range === undefined ? {} : { Range: range }),
        // What was decided upon must be what is read.
        ...(found === undefined ? {} : { IfMatch: found.backEndETag }),
        ...customer,
      }),
      options,
    ),
  );
  const { Body: body } = output;
  if (body === undefined || !(Symbol.asyncIterator in body)) {
    throw s3Error("INTERNAL", { cause: new Error("the back end gave no body") });
  }
  const destroy: unknown = Reflect.get(body, "destroy");
  return {
    output,
    bytes: bytesOf(body, stored?.length ?? output.ContentLength),
    cut: () => void (typeof destroy === "function" && Reflect.apply(destroy, body, [])),
  };
}

/** Ends well only after all that was promised. */
async function* bytesOf(
  body: AsyncIterable<unknown>,
  length: number | undefined,
): AsyncGenerator<Buffer, void, undefined> {
  let given = 0;
  try {
    for await (const piece of body) {
      if (!(piece instanceof Uint8Array)) throw new Error("not bytes");
      given += piece.length;
      yield Buffer.from(piece.buffer, piece.byteOffset, piece.length);
    }
  } catch (cause) {
    throw s3Error("UNAVAILABLE", { cause });
  }
  if (length !== undefined && given !== length) {
    throw s3Error("UNAVAILABLE", { cause: new Error("the back end's answer was cut") });
  }
}

/** The content, its first bytes verified. `key` is wiped when it ends. */
async function contentOf(
  base: GatewayBase,
  request: Pick<ReadRequest, "path" | "signal"> & Partial<Pick<ReadRequest, "sse">>,
  found: FoundObject,
  { range }: Pick<ReadResult, "range">,
  key: ObjectKey | undefined,
  whole: RawObject | undefined,
): Promise<AsyncIterableIterator<Buffer>> {
  if (found.storedSize === 0) {
    whole?.cut();
    key?.wipe();
    return nothing();
  }
  const parts = key === undefined ? [] : await partsOf(base, found, request.signal);
  const plan = key === undefined ? undefined : planRead(parts, range);
  const stored =
    range === undefined
      ? undefined
      : plan === undefined
        ? { offset: range.first, length: range.last - range.first + 1 }
        : { offset: plan.sealedOffset, length: plan.sealedBytes };
  const raw = whole ?? (await openRaw(base, request, found, stored));
  async function* content(): AsyncGenerator<Buffer, void, undefined> {
    try {
      if (key === undefined || plan === undefined) yield* raw.bytes;
      else yield* openContent(raw.bytes, key, plan);
    } finally {
      key?.wipe();
      raw.cut();
    }
  }
  return begun(content());
}

async function* nothing(): AsyncGenerator<Buffer, void, undefined> {}

/** Content of the back end's objects: fetched, opened, verified. */
import { GetObjectCommand, type GetObjectCommandOutput } from "@aws-sdk/client-s3";
import type { ReadRequest, ReadResult } from "../objects/object-service.js";
import { s3Error } from "../s3/errors.js";
import type { ByteRange } from "../s3/ranges.js";
import { begun, openContent } from "../sse/content.js";
import { planRead } from "../sse/content-layout.js";
import type { ObjectKey } from "../sse/object-key.js";
import { customerKeyOf } from "../sse/request.js";
import type { GatewayBase } from "./base.js";
import { type FoundObject, partsOf } from "./found-object.js";
import { customerFields } from "./twice.js";

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

/** An answer of the back end on its way. */
export interface RawObject {
  readonly output: GetObjectCommandOutput;
  readonly bytes: AsyncIterable<Buffer>;
  /** Ends the transfer. */
  cut(): void;
}

/** What the back end has of an object, all of it or a range. */
export async function openRaw(
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
  const cut = (): void => void (typeof destroy === "function" && Reflect.apply(destroy, body, []));
  if (!isAsked(output, found, stored)) {
    cut();
    throw s3Error("UNAVAILABLE", { cause: new Error("the back end gave another range than was asked for") });
  }
  return { output, bytes: bytesOf(body, stored?.length ?? output.ContentLength), cut };
}

/** Of a range that the back end leaves out of account, other bytes of a plain object would be taken for it. */
function isAsked(
  { ContentRange: range, ContentLength: length }: GetObjectCommandOutput,
  found: FoundObject | undefined,
  stored: { readonly offset: number; readonly length: number } | undefined,
): boolean {
  const expected = stored?.length ?? found?.storedSize;
  if (expected !== undefined && length !== undefined && length !== expected) return false;
  if (stored === undefined) return range === undefined;
  const last = stored.offset + stored.length - 1;
  if (range === undefined) return stored.offset === 0 && stored.length === found?.storedSize;
  return range.startsWith(`bytes ${stored.offset}-${last}/`);
}

/** Never more than was promised, and well ended only after all of it. */
async function* bytesOf(
  body: AsyncIterable<unknown>,
  length: number | undefined,
): AsyncGenerator<Buffer, void, undefined> {
  let given = 0;
  try {
    for await (const piece of body) {
      if (!(piece instanceof Uint8Array)) throw new Error("not bytes");
      given += piece.length;
      if (length !== undefined && given > length) throw new Error("more than was promised");
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
export async function contentOf(
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

export async function* nothing(): AsyncGenerator<Buffer, void, undefined> {}

/** One PUT of the back end: plaintext in, sealed or not, with all that belongs to it in the same step. */
import type { Readable } from "node:stream";
import { PutObjectCommand, type PutObjectCommandOutput, StorageClass } from "@aws-sdk/client-s3";
import { sealedSize } from "../../crypto/dare-sizes.js";
import type { MeasuredContent } from "../objects/measured.js";
import type { WrittenObject } from "../objects/object-service.js";
import type { BodyResults } from "../s3/body.js";
import type { StoredHeaders } from "../s3/headers.js";
import type { ShownChecksum } from "../s3/result-documents.js";
import { sealContent } from "../sse/content.js";
import { encryptObject } from "../sse/encryption.js";
import { sealETag, shownETag } from "../sse/etag.js";
import type { Encryption } from "../sse/metadata.js";
import type { ObjectKey } from "../sse/object-key.js";
import type { RequestedEncryption } from "../sse/request.js";
import { shownEncryption } from "../sse/response.js";
import type { ObjectPath } from "../sse/seal.js";
import { storedChecksum } from "../sse/stored-checksum.js";
import type { GatewayBase } from "./base.js";
import { unquoted } from "./found-object.js";
import { type SealedMetadata, writeMetadata } from "./metadata.js";
import { sendBytes } from "./send-bytes.js";
import { backEndEncryption, encryptionFields, passesThrough } from "./twice.js";
import type { ConditionFields } from "./write-conditions.js";

export interface NewContent {
  readonly path: ObjectPath;
  readonly stored: StoredHeaders;
  readonly wanted: RequestedEncryption | undefined;
  /** To be opened once the key is there. */
  readonly open: () => MeasuredContent;
  /** Bytes of plaintext. */
  readonly length: number;
  /** Known before the content was read: `Content-MD5`. */
  readonly md5: Buffer | undefined;
  readonly conditions: ConditionFields;
  readonly signal: AbortSignal | undefined;
}

/** Nothing is stored unless this resolves; rejected by an outage, nobody knows. */
export async function storeContent(base: GatewayBase, content: NewContent): Promise<WrittenObject> {
  const { path, wanted, signal } = content;
  if (wanted === undefined || passesThrough(base)) return storePlain(base, content);
  const { keys, random } = base;
  const { key, encryption } = await encryptObject(wanted, {
    ...{ path, keys, random },
    ...(signal === undefined ? {} : { signal }),
  });
  try {
    return await storeSealed(base, content, key, encryption);
  } finally {
    key.wipe();
  }
}

async function storePlain(base: GatewayBase, content: NewContent): Promise<WrittenObject> {
  const { memory } = base;
  const measured = content.open();
  const whole = await memory.take(measured.bytes, content.length);
  let output: PutObjectCommandOutput;
  try {
    const body = whole ?? withheld(measured.bytes);
    output = await putBytes(base, content, {}, body, content.length);
  } finally {
    if (whole !== undefined) memory.giveBack(whole);
  }
  const results = measured.results();
  const encryption = backEndEncryption(output);
  const checksum = shownChecksum(results);
  return {
    ...{ etag: unquoted(output.ETag ?? ""), modifiedMs: base.now(), size: results.size },
    ...(encryption && { encryption }),
    ...(checksum && { checksum }),
  };
}

async function storeSealed(
  base: GatewayBase,
  content: NewContent,
  key: ObjectKey,
  encryption: Encryption,
): Promise<WrittenObject> {
  const { random, memory } = base;
  const measured = content.open();
  // The back end takes metadata before content, and the ETag of an SSE-S3 object is the MD5 of all of it.
  const whole = await memory.take(measured.bytes, content.length);
  try {
    const known = whole === undefined ? undefined : measured.results();
    const etag = etagOf(base, content, key, encryption, known);
    const checksum = known && shownChecksum(known);
    const sealed: SealedMetadata = {
      ...{ encryption, etag: etag.stored },
      ...(checksum && { checksum: storedChecksum(checksum, key, random) }),
    };
    const source = whole === undefined ? measured.bytes : [whole];
    const bytes = sealContent(iterable(source), key, undefined, random);
    const body = whole === undefined ? bytes : await collected(bytes);
    await putBytes(base, content, sealed, body, sealedSize(content.length));
    const results = known ?? measured.results();
    const shown = shownEncryption(encryption);
    const shownSum = shownChecksum(results);
    return {
      ...{ etag: etag.shown, modifiedMs: base.now(), size: results.size },
      ...(shown && { encryption: shown }),
      ...(shownSum && { checksum: shownSum }),
    };
  } finally {
    if (whole !== undefined) memory.giveBack(whole);
  }
}

/**
 * A large SSE-S3 object whose MD5 nobody knows yet gets an ETag that no client takes for an MD5: it ends in `-1`, as that
 * of an object in one part does.
 */
function etagOf(
  { random }: GatewayBase,
  content: NewContent,
  key: ObjectKey,
  { kind }: Encryption,
  known: BodyResults | undefined,
): { readonly stored: string; readonly shown: string } {
  const md5 = content.md5 ?? (kind === "SSE-S3" ? known?.md5 : undefined);
  if (kind === "SSE-S3" && md5 === undefined) {
    const etag = `${random(16).toString("hex")}-1`;
    return { stored: etag, shown: etag };
  }
  const stored = sealETag(key, md5, random);
  return { stored, shown: shownETag(kind, stored, key) };
}

function shownChecksum({ checksum }: BodyResults): ShownChecksum | undefined {
  return (
    checksum && {
      algorithm: checksum.algorithm,
      type: "FULL_OBJECT",
      value: checksum.value.toString("base64"),
    }
  );
}

/** @param bytes - those in memory are sent again by AWS's client where that may help (503, broken connections) */
async function putBytes(
  base: GatewayBase,
  { path, stored, wanted, conditions, signal }: NewContent,
  sealed: SealedMetadata,
  bytes: AsyncIterable<Uint8Array> | Buffer,
  length: number,
): Promise<PutObjectCommandOutput> {
  const put = (body: Readable | Buffer, aborted: AbortSignal | undefined) =>
    base.backEnd.call(aborted, (client, options) =>
      client.send(
        new PutObjectCommand({
          ...{ Bucket: path.bucket, Key: path.object, Body: body, ContentLength: length },
          ...writeMetadata(stored.headers, sealed),
          ...conditions,
          ...encryptionFields(base, wanted, path),
          ...tagging(stored),
        }),
        options,
      ),
    );
  return Buffer.isBuffer(bytes) ? put(bytes, signal) : sendBytes(bytes, signal, put);
}

async function collected(source: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const pieces: Uint8Array[] = [];
  for await (const piece of source) pieces.push(piece);
  return Buffer.concat(pieces);
}

export function tagging({ tags, storageClass }: Pick<StoredHeaders, "tags" | "storageClass">) {
  const query = new URLSearchParams(tags.map(({ key, value }): [string, string] => [key, value])).toString();
  return {
    ...(query === "" ? {} : { Tagging: query }),
    ...storageClassField(storageClass),
  };
}

/** A class that AWS's client does not know is left out: the back end then takes its usual one. */
export function storageClassField(name: string | undefined): { readonly StorageClass?: StorageClass } {
  const known = Object.values(StorageClass).find((each) => each === name);
  return known === undefined ? {} : { StorageClass: known };
}

/**
 * The same content, its last piece kept back until the source has ended well: a PUT whose bytes are all there is done,
 * and a body that turns out wrong at its end must not be.
 */
export async function* withheld(
  source: AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array, void, undefined> {
  let last: Uint8Array | undefined;
  for await (const piece of source) {
    if (last !== undefined) yield last;
    last = piece;
  }
  if (last !== undefined) yield last;
}

async function* iterable(source: Iterable<Uint8Array> | AsyncIterable<Uint8Array>) {
  yield* source;
}

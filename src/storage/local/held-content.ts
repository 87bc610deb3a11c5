/** The content of an object that is held: verified plaintext of all of it, or of a range. */
import { sealedSize } from "../../crypto/dare-sizes.js";
import { s3Error } from "../s3/errors.js";
import type { ByteRange } from "../s3/ranges.js";
import { openContent } from "../sse/content.js";
import { type ContentPart, planRead } from "../sse/content-layout.js";
import { sseError } from "../sse/errors.js";
import type { Encryption } from "../sse/metadata.js";
import type { ObjectKey } from "../sse/object-key.js";
import type { HeldObject, ObjectRecord } from "../store/object-store.js";

/**
 * The streams of packages that a record speaks of.
 * @throws S3Error `SSE_CONTENT_DAMAGED` where record and content do not fit together
 */
export function contentParts(
  { size, parts }: ObjectRecord,
  encryption: Encryption | undefined,
  storedSize: number,
): readonly ContentPart[] {
  const streams = parts?.map(({ number, size: bytes }) => ({ number, bytes })) ?? [{ bytes: size }];
  const sizeOf = encryption === undefined ? (bytes: number) => bytes : sealedSize;
  const plain = streams.reduce((sum, { bytes }) => sum + bytes, 0);
  const stored = streams.reduce((sum, { bytes }) => sum + sizeOf(bytes), 0);
  const isMultipart = parts !== undefined;
  if (plain !== size || stored !== storedSize || (encryption?.isMultipart ?? isMultipart) !== isMultipart) {
    throw sseError("SSE_CONTENT_DAMAGED", { cause: new Error("record and content do not fit together") });
  }
  return streams;
}

/** @param key - of the object; undefined for a plain one. It is used until the content has ended */
export function heldContent(
  held: HeldObject,
  parts: readonly ContentPart[],
  key: ObjectKey | undefined,
  range: ByteRange | undefined,
): AsyncGenerator<Buffer, void, undefined> {
  if (key === undefined) return plainContent(held, range);
  const plan = planRead(parts, range);
  return openContent(held.read(plan.sealedOffset, plan.sealedBytes), key, plan);
}

/** Ends well only after all that was asked for. */
async function* plainContent(
  held: HeldObject,
  range: ByteRange | undefined,
): AsyncGenerator<Buffer, void, undefined> {
  const { first, last } = range ?? { first: 0, last: held.storedSize - 1 };
  const length = last - first + 1;
  let given = 0;
  if (length === 0) return;
  for await (const chunk of held.read(first, length)) {
    given += chunk.length;
    yield chunk;
  }
  if (given !== length) throw s3Error("INTERNAL", { cause: new Error("content is shorter than its record") });
}

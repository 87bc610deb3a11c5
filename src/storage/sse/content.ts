/** Content as it streams: plaintext to packages, packages to verified plaintext. Memory does not grow with size. */
import { DareFault, type DareFlaw } from "../../crypto/dare.js";
import { PACKAGE_BYTES } from "../../crypto/dare-sizes.js";
import type { RandomSource } from "../../crypto/random.js";
import { isKesError } from "../../errors.js";
import { S3Error } from "../s3-error.js";
import type { ContentSegment, ReadPlan } from "./content-layout.js";
import type { ContentOpener } from "./content-opener.js";
import { sseErrors } from "./errors.js";
import type { ObjectKey } from "./object-key.js";

/** Streams of Node.js are some; a consumer that stops early ends them. */
export type ByteSource = AsyncIterable<Uint8Array>;

/** `SSE_CONTENT_DAMAGED`, with where the damage lies: for whoever verifies, not for clients. */
export class ContentDamage extends S3Error {
  override readonly name = "ContentDamage";
  readonly flaw: DareFlaw;
  /** Number of the part; undefined for an object in one piece. */
  readonly part: number | undefined;
  /** Plaintext before the first package that cannot be opened. */
  readonly offset: number;

  constructor(flaw: DareFlaw, part: number | undefined, offset: number, cause?: unknown) {
    super("SSE_CONTENT_DAMAGED", sseErrors.SSE_CONTENT_DAMAGED, { cause });
    this.flaw = flaw;
    this.part = part;
    this.offset = offset;
  }
}

/**
 * Seals content; fits into `stream.pipeline` as `(source) => sealContent(source, …)`. When the source fails, so does
 * this, and the packages given so far have no end: they never read as a whole object.
 * @param part - as of `ObjectKey.contentSealer`
 */
export async function* sealContent(
  source: ByteSource,
  key: ObjectKey,
  part: number | undefined,
  random: RandomSource,
): AsyncGenerator<Buffer, void, undefined> {
  const sealer = key.contentSealer(part, random);
  for await (const chunk of source) {
    const sealed = sealer.update(chunk);
    if (sealed.length > 0) yield sealed;
  }
  const last = sealer.final();
  if (last.length > 0) yield last;
}

/**
 * Opens what a plan says. Gives nothing that was not verified, in chunks of the source's size or so, `plan.bytes` in
 * all; throws when the source has fewer or more bytes than the plan.
 *
 * @param source - the sealed bytes from `plan.sealedOffset` on, `plan.sealedBytes` long: one stream, or parts' segments
 *   one behind the other
 * @throws ContentDamage for packages that are altered, cut, swapped, repeated, or of another object
 */
export async function* openContent(
  source: ByteSource,
  key: ObjectKey,
  plan: ReadPlan,
): AsyncGenerator<Buffer, void, undefined> {
  const reader = new ContentReader(key, plan);
  for await (const chunk of source) {
    for (const plaintext of reader.update(toBuffer(chunk))) yield plaintext;
  }
  reader.end();
}

/**
 * Waits for the first bytes, so that damage there can still be answered by a status.
 * @returns the same content from its beginning; its `return` ends the source, also before anything was taken
 */
export async function begun(
  content: AsyncGenerator<Buffer, void, undefined>,
): Promise<AsyncIterableIterator<Buffer>> {
  let first: IteratorResult<Buffer, void> | undefined = await content.next();
  // No generator: one that was left before it began would not pass that on.
  const resumed: AsyncIterableIterator<Buffer> = {
    async next() {
      const taken = first;
      first = undefined;
      return taken ?? content.next();
    },
    async return() {
      first = undefined;
      return content.return();
    },
    [Symbol.asyncIterator]: () => resumed,
  };
  return resumed;
}

/** Splits what comes at the borders of parts and cuts what was not asked for. */
class ContentReader {
  readonly #key: ObjectKey;
  readonly #segments: readonly ContentSegment[];
  readonly #plan: ReadPlan;
  #index = 0;
  #opener: ContentOpener | undefined;
  /** Of the current segment. */
  #sealedTaken = 0;
  /** Plaintext opened so far, what is dropped included. */
  #opened = 0;

  constructor(key: ObjectKey, plan: ReadPlan) {
    this.#key = key;
    this.#plan = plan;
    this.#segments = plan.segments;
  }

  *update(sealed: Buffer): Generator<Buffer, void, undefined> {
    for (let rest = sealed; rest.length > 0; ) {
      const segment = this.#segments[this.#index];
      if (segment === undefined) throw this.#damage("trailing", this.#segments.at(-1));
      const part = rest.subarray(0, segment.sealedBytes - this.#sealedTaken);
      rest = rest.subarray(part.length);
      this.#sealedTaken += part.length;
      yield* this.#given(this.#open(segment, (opener) => opener.update(part)));
      if (this.#sealedTaken < segment.sealedBytes) continue;
      yield* this.#given(this.#open(segment, (opener) => opener.final()));
      this.#index++;
      this.#sealedTaken = 0;
      this.#opener = undefined;
    }
  }

  /** @throws ContentDamage unless all was there */
  end(): void {
    const segment = this.#segments[this.#index];
    if (segment !== undefined) throw this.#damage("truncated", segment);
    const { skip, bytes } = this.#plan;
    if (this.#opened < skip + bytes) throw this.#damage("truncated", this.#segments.at(-1));
  }

  #open(segment: ContentSegment, use: (opener: ContentOpener) => Buffer): Buffer {
    const { part, sequence, reachesEnd } = segment;
    this.#opener ??= this.#key.contentOpener(part.number, { sequence, isRange: !reachesEnd });
    try {
      return use(this.#opener);
    } catch (cause) {
      if (!isKesError(cause, "DECRYPT_FAILED") || !(cause.cause instanceof DareFault)) throw cause;
      const offset = segment.partStart + cause.cause.sequence * PACKAGE_BYTES;
      throw new ContentDamage(cause.cause.flaw, part.number, offset, cause);
    }
  }

  /** Of verified bytes, those that were asked for. */
  *#given(plaintext: Buffer): Generator<Buffer, void, undefined> {
    const { skip, bytes } = this.#plan;
    const before = this.#opened;
    this.#opened += plaintext.length;
    const wanted = plaintext.subarray(Math.max(0, skip - before), Math.max(0, skip + bytes - before));
    if (wanted.length > 0) yield wanted;
  }

  #damage(flaw: DareFlaw, segment: ContentSegment | undefined): ContentDamage {
    const [first] = this.#segments;
    const start = first === undefined ? 0 : first.partStart + first.sequence * PACKAGE_BYTES;
    return new ContentDamage(flaw, segment?.part.number, start + this.#opened);
  }
}

function toBuffer(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

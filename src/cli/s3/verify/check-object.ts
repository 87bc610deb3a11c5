/** One object, opened and held against all that is known of it. */
import { createHash, type Hash } from "node:crypto";
import type { ObjectService, ShownObject } from "../../../storage/objects/object-service.js";
import { type Checksum, createChecksum } from "../../../storage/s3/checksums.js";
import { isS3Error } from "../../../storage/s3/errors.js";
import { isSseError, type SseFailure } from "../../../storage/sse/errors.js";
import type { ObjectPath } from "../../../storage/sse/seal.js";

/**
 * `sound`: every byte was opened, and what is known of the whole is right. `locked`: under a key of a client, which
 * nobody else has. `unopened`: its key cannot be had at the moment, which says nothing of it. `damaged`: from this byte
 * of the content on, or as a whole where that is the first.
 */
export type Finding =
  | { readonly state: "sound"; readonly bytes: number }
  | { readonly state: "locked" }
  | { readonly state: "unopened"; readonly error: unknown }
  | { readonly state: "damaged"; readonly offset: number; readonly error: unknown };

const KEY_FAILURES: readonly SseFailure[] = [
  "KMS_NOT_CONFIGURED",
  "KMS_KEY_NOT_FOUND",
  "KMS_DENIED",
  "KMS_UNAVAILABLE",
  "KMS_FAILED",
];

/** Rejects only when `signal` is aborted. */
export async function checkObject(
  service: ObjectService,
  path: ObjectPath,
  signal: AbortSignal,
): Promise<Finding> {
  let offset = 0;
  try {
    const { object, content } = await service.get({
      path,
      sse: { target: undefined, source: undefined },
      conditions: {},
      wantsChecksum: true,
      signal,
    });
    const digests = new Digests(object);
    for await (const piece of content) {
      digests.update(piece);
      offset += piece.length;
      signal.throwIfAborted();
    }
    if (offset !== object.size) throw new Error(`has ${offset} bytes in the place of ${object.size}`);
    await digests.check();
    return { state: "sound", bytes: offset };
  } catch (error) {
    signal.throwIfAborted();
    if (isSseError(error, "SSE_C_KEY_NEEDED")) return { state: "locked" };
    const isLocked = isSseError(error, ...KEY_FAILURES);
    if (isLocked) return { state: "unopened", error };
    return { state: "damaged", offset: await placeOf(service, path, offset, signal), error };
  }
}

/** Plaintext of a package; a range of one opens no other. */
const PACKAGE_BYTES = 64 * 1024;
/** What is read ahead, and fails before it was handed out, is no more than this. */
const MAX_AHEAD_BYTES = 16 * 1024 * 1024;

/** The first package from `offset` on that does not open; `offset` itself where each opens alone. */
async function placeOf(
  service: ObjectService,
  path: ObjectPath,
  offset: number,
  signal: AbortSignal,
): Promise<number> {
  const start = offset - (offset % PACKAGE_BYTES);
  for (let first = start; first < start + MAX_AHEAD_BYTES; first += PACKAGE_BYTES) {
    const asked = { first, last: first + PACKAGE_BYTES - 1 };
    try {
      const { content } = await service.get({
        path,
        sse: { target: undefined, source: undefined },
        conditions: {},
        range: { asked, header: `bytes=${asked.first}-${asked.last}` },
        wantsChecksum: false,
        signal,
      });
      for await (const _piece of content) signal.throwIfAborted();
    } catch (error) {
      signal.throwIfAborted();
      return isS3Error(error, "RANGE_UNSATISFIABLE") ? offset : first;
    }
  }
  return offset;
}

/** MD5 and checksum as they stand with the object, where they can be computed from its content. */
class Digests {
  readonly #object: ShownObject;
  readonly #md5: Hash[] = [createHash("md5")];
  readonly #checksum: Checksum | undefined;
  /** Bytes of the current part that are still to come. */
  #left: number;
  #part = 0;

  constructor(object: ShownObject) {
    this.#object = object;
    this.#left = object.parts?.[0]?.size ?? Number.POSITIVE_INFINITY;
    const { checksum } = object;
    this.#checksum = checksum?.type === "FULL_OBJECT" ? createChecksum(checksum.algorithm) : undefined;
  }

  update(bytes: Buffer): void {
    this.#checksum?.update(bytes);
    for (let rest = bytes; rest.length > 0; ) {
      while (this.#left === 0) this.#nextPart();
      const taken = rest.subarray(0, Math.min(rest.length, this.#left));
      this.#md5.at(-1)?.update(taken);
      this.#left -= taken.length;
      rest = rest.subarray(taken.length);
    }
  }

  /** @throws Error that says what differs */
  async check(): Promise<void> {
    const { etag, encryption, checksum } = this.#object;
    // Only of plain objects and SSE-S3 is the ETag an MD5, or made of those of the parts.
    const isMd5 = encryption === undefined || encryption.kind === "SSE-S3";
    if (isMd5 && this.#etag() !== etag)
      throw new Error("the content is not the one that the ETag belongs to");
    if (this.#checksum === undefined || checksum === undefined) return;
    if ((await this.#checksum.digest()).toString("base64") !== checksum.value) {
      throw new Error(`the content is not the one that the ${checksum.algorithm} belongs to`);
    }
  }

  #nextPart(): void {
    this.#part++;
    this.#left = this.#object.parts?.[this.#part]?.size ?? Number.POSITIVE_INFINITY;
    this.#md5.push(createHash("md5"));
  }

  #etag(): string {
    const { parts } = this.#object;
    while (parts !== undefined && this.#md5.length < parts.length) this.#nextPart();
    const digests = this.#md5.map((hash) => hash.digest());
    if (parts === undefined) return digests[0]?.toString("hex") ?? "";
    const whole = createHash("md5").update(Buffer.concat(digests)).digest("hex");
    return `${whole}-${parts.length}`;
  }
}

/** Memory that large signed chunks may hold, those of all bodies together. */

/** A chunk up to this size needs no leave: what clients of AWS and MinIO send is smaller, bytes. */
const ALWAYS_BYTES = 1024 * 1024;
const MAX_BYTES = 512 * 1024 * 1024;

/** One chunk may be 16 MiB and is held until its signature is checked; without a common bound, times all requests. */
export class ChunkMemory {
  readonly #maxBytes: number;
  #taken = 0;

  /** @param maxBytes - of all chunks that need leave */
  constructor(maxBytes = MAX_BYTES) {
    this.#maxBytes = maxBytes;
  }

  /** @returns what to give back later, bytes; undefined when so much is not there now */
  take(chunkBytes: number): number | undefined {
    if (chunkBytes <= ALWAYS_BYTES) return 0;
    if (this.#taken + chunkBytes > this.#maxBytes) return undefined;
    this.#taken += chunkBytes;
    return chunkBytes;
  }

  /** @param bytes - as {@link take} told */
  giveBack(bytes: number): void {
    this.#taken -= bytes;
  }
}

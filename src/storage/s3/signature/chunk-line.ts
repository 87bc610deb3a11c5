/** Lines in a chunked body, however they are cut on the way. */
import { s3Error } from "../errors.js";

const LINE_FEED = 0x0a;

/** Collects one line after the other; those since the last {@link reset} share the limit. */
export class ChunkLine {
  readonly #held: Buffer;
  #start = 0;
  #end = 0;

  /** @param limit - bytes */
  constructor(limit: number) {
    this.#held = Buffer.allocUnsafeSlow(limit);
  }

  /**
   * Takes bytes up to the end of the line.
   * @param size - where the line is known to have so many bytes
   * @returns the line with its end, valid until the next call, once it is whole
   * @throws S3Error `CHUNK_MALFORMED` beyond the limit
   */
  take(bytes: Buffer, size?: number): { readonly taken: number; readonly line: Buffer | undefined } {
    const feed = bytes.indexOf(LINE_FEED);
    const missing = size === undefined ? Number.POSITIVE_INFINITY : size - (this.#end - this.#start);
    const taken = Math.min(feed < 0 ? bytes.length : feed + 1, missing);
    if (this.#end + taken > this.#held.length) throw s3Error("CHUNK_MALFORMED");
    this.#end += bytes.copy(this.#held, this.#end, 0, taken);
    const isWhole = (feed >= 0 && taken === feed + 1) || taken === missing;
    if (!isWhole) return { taken, line: undefined };
    const line = this.#held.subarray(this.#start, this.#end);
    this.#start = this.#end;
    return { taken, line };
  }

  /** The limit begins anew. */
  reset(): void {
    this.#start = 0;
    this.#end = 0;
  }
}

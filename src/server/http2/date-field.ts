/** The `date` of answers (RFC 9110 §6.6.1), encoded once a second for all connections of an engine. */
import { huffmanEncode, huffmanLength } from "./huffman.js";

/** Literal without indexing, its name the 33rd of the static table (RFC 7541 §6.2.2). */
const NAME = [0x0f, 33 - 0x0f] as const;
const HUFFMAN = 0x80;

export class DateField {
  readonly #now: () => number;
  #second = Number.NaN;
  #bytes: Buffer = Buffer.alloc(0);

  /** @param now - milliseconds since 1970 */
  constructor(now: () => number) {
    this.#now = now;
  }

  /** The field as a part of any header block. */
  bytes(): Buffer {
    const second = Math.floor(this.#now() / 1000);
    if (second !== this.#second) {
      this.#second = second;
      const text = new Date(second * 1000).toUTCString();
      const length = huffmanLength(text);
      this.#bytes = Buffer.from([...NAME, HUFFMAN | length, ...new Uint8Array(length)]);
      huffmanEncode(text, this.#bytes, NAME.length + 1);
    }
    return this.#bytes;
  }
}

/** The text of a long answer while it is written: no strings and buffers for its parts, in memory that serves again. */
import type { SpareMemory } from "../keys/spare-memory.js";

const ALPHABET: Buffer = Buffer.from(
  "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/",
  "latin1",
);
const EQUALS = 0x3d;

/** A text of ASCII characters alone, written from its beginning to its end. */
export class AnswerPage {
  readonly #spare: SpareMemory;
  #memory: Buffer;
  #length = 0;

  /** @param expectedBytes - room for so many at first; it grows */
  constructor(spare: SpareMemory, expectedBytes: number) {
    this.#spare = spare;
    this.#memory = spare.take(expectedBytes);
  }

  /** Adds characters as they are. */
  ascii(characters: Uint8Array): void {
    const { length } = characters;
    const memory = this.#room(length);
    let at = this.#length;
    for (let i = 0; i < length; i++) memory[at++] = characters[i] ?? 0;
    this.#length = at;
  }

  /** Adds `bytes` in padded standard base64 (RFC 4648 §4). */
  base64(bytes: Uint8Array): void {
    const { length } = bytes;
    const memory = this.#room(4 * Math.ceil(length / 3));
    let at = this.#length;
    let i = 0;
    for (const whole = length - 2; i < whole; i += 3, at += 4) {
      const bits = ((bytes[i] ?? 0) << 16) | ((bytes[i + 1] ?? 0) << 8) | (bytes[i + 2] ?? 0);
      memory[at] = ALPHABET[bits >> 18] ?? 0;
      memory[at + 1] = ALPHABET[(bits >> 12) & 0x3f] ?? 0;
      memory[at + 2] = ALPHABET[(bits >> 6) & 0x3f] ?? 0;
      memory[at + 3] = ALPHABET[bits & 0x3f] ?? 0;
    }
    if (i < length) {
      const isLast = i + 1 === length;
      const bits = ((bytes[i] ?? 0) << 16) | (isLast ? 0 : (bytes[i + 1] ?? 0) << 8);
      memory[at] = ALPHABET[bits >> 18] ?? 0;
      memory[at + 1] = ALPHABET[(bits >> 12) & 0x3f] ?? 0;
      memory[at + 2] = isLast ? EQUALS : (ALPHABET[(bits >> 6) & 0x3f] ?? 0);
      memory[at + 3] = EQUALS;
      at += 4;
    }
    this.#length = at;
  }

  /** The text so far. */
  text(): string {
    return this.#memory.toString("latin1", 0, this.#length);
  }

  /** The page is not used any more: its memory is wiped and serves the next one. To be called once. */
  recycle(): void {
    this.#spare.give(this.#memory, this.#length);
  }

  /** Memory with room for `bytes` behind what is written. */
  #room(bytes: number): Buffer {
    const memory = this.#memory;
    const needed = this.#length + bytes;
    if (needed <= memory.length) return memory;
    const larger = this.#spare.take(Math.max(needed, 2 * memory.length));
    memory.copy(larger, 0, 0, this.#length);
    this.#spare.give(memory, this.#length);
    this.#memory = larger;
    return larger;
  }
}

/** What {@link AnswerPage.ascii} takes. @throws Error when there is another character */
export function ascii(text: string): Buffer {
  const bytes = Buffer.from(text, "utf8");
  if (bytes.some((byte) => byte > 0x7f)) throw new Error("not ASCII");
  return bytes;
}

/** Small bodies that are taken whole, so that their ETag is known before they are sent on, and they can be sent again; bounded in all. */

const MAX_ONE_BYTES = 8 * 1024 * 1024;
const MAX_ALL_BYTES = 128 * 1024 * 1024;

export class BodyMemory {
  #taken = 0;

  /**
   * Takes a body whole if there is room.
   * @param length - bytes that it has
   * @returns undefined, with the source untouched, when it is too large or too much is taken already
   */
  async take(source: AsyncIterable<Uint8Array>, length: number): Promise<Buffer | undefined> {
    if (length > MAX_ONE_BYTES || this.#taken + length > MAX_ALL_BYTES) return undefined;
    this.#taken += length;
    try {
      const pieces: Uint8Array[] = [];
      for await (const piece of source) pieces.push(piece);
      return Buffer.concat(pieces);
    } catch (error) {
      this.#taken -= length;
      throw error;
    }
  }

  /** What {@link take} gave is not needed any more. */
  giveBack(body: Buffer): void {
    this.#taken -= body.length;
  }
}

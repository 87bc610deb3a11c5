/** Reads the next block while the caller works on the one before. */
import type { Source } from "./source.js";

export class ReadAhead {
  readonly #source: Source;
  readonly #buffers: readonly [Buffer, Buffer];
  #turn: 0 | 1 = 0;
  #pending: Promise<Outcome> | undefined;

  /** @param source - read by nobody else from here on */
  constructor(source: Source, blockBytes: number) {
    this.#source = source;
    this.#buffers = [Buffer.allocUnsafeSlow(blockBytes), Buffer.allocUnsafeSlow(blockBytes)];
  }

  /** The next block, valid until the next call. The first that is shorter than the others ends the input. */
  async next(): Promise<Buffer> {
    const buffer = this.#buffers[this.#turn];
    const outcome = await (this.#pending ?? this.#read(buffer));
    if (outcome.error !== undefined) throw outcome.error;
    this.#turn = this.#turn === 0 ? 1 : 0;
    this.#pending = outcome.bytes === buffer.length ? this.#read(this.#buffers[this.#turn]) : undefined;
    return buffer.subarray(0, outcome.bytes);
  }

  // Never rejects: nobody may be waiting when it fails.
  #read(buffer: Buffer): Promise<Outcome> {
    return this.#source.read(buffer).then(
      (bytes) => ({ bytes }),
      (error: unknown) => ({ bytes: 0, error: error ?? new Error("read failed") }),
    );
  }
}

interface Outcome {
  readonly bytes: number;
  readonly error?: unknown;
}

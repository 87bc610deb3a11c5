/** What became of the last streams: a frame for one that is over means something else for each end (RFC 9113 §5.1). */

/** Streams that are remembered. */
const REMEMBERED = 128;

export type StreamEnd =
  /** Both sides had ended, or the client had reset it. */
  | "over"
  /** We reset it: what is on its way to it is nobody's fault. */
  | "cut"
  /** It was never opened, or so long ago that nobody remembers. */
  | "unknown";

export class RecentStreams {
  /** By number: the stream, negative when we have cut it. Grows with the streams: most connections have few. */
  readonly #ends: number[] = [];

  opened(stream: number): void {
    this.#ends[(stream >>> 1) % REMEMBERED] = stream;
  }

  cut(stream: number): void {
    this.#ends[(stream >>> 1) % REMEMBERED] = -stream;
  }

  end(stream: number): StreamEnd {
    const end = this.#ends[(stream >>> 1) % REMEMBERED];
    return end === stream ? "over" : end === -stream ? "cut" : "unknown";
  }
}

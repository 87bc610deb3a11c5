/** Where the bytes of a result go. */

export interface Sink {
  /** How messages call it: `'photo.tar'`, or `standard output`. */
  readonly name: string;
  /** Writes all of `bytes`, which must stay as they are until then. One call at a time. */
  write(bytes: Buffer): Promise<void>;
  /** The result is complete and right: it may appear under its name, unless `signal` is aborted before it does. */
  publish(signal: AbortSignal): Promise<void>;
  /** Always called at the end, also after {@link publish}: nothing unfinished stays. */
  close(): Promise<void>;
}

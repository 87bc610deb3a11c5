/** Bytes from a source through a cipher into a sink: reading, the cipher and writing go on at the same time. */
import type { ReadAhead } from "./read-ahead.js";
import type { Sink } from "./sink.js";

/** Bytes read at a time; larger ones were not faster, and three or four are in memory at once. */
export const BLOCK_BYTES = 1024 * 1024;

export interface Transform {
  /** @returns a part of `target`, to be written before `target` is used again */
  update(bytes: Buffer, target: Buffer): Buffer;
  final(): Buffer;
}

export interface PumpOptions {
  /** Read already. */
  readonly first: Buffer;
  /** Gives the blocks behind `first`; undefined when there are none. */
  readonly rest: ReadAhead | undefined;
  readonly transform: Transform;
  /** The most that `transform` gives for a block. */
  readonly targetBytes: number;
  readonly sink: Sink;
  readonly signal: AbortSignal;
  /** Called with the bytes read after each block. */
  readonly onProgress: (bytes: number) => void;
}

/** @throws what source, cipher or sink throw, or the signal's reason; no write is under way then */
export async function pump(options: PumpOptions): Promise<void> {
  const { first, rest, transform, targetBytes, sink, signal, onProgress } = options;
  // One is filled while the other is written.
  let targets = [Buffer.allocUnsafeSlow(targetBytes), Buffer.allocUnsafeSlow(targetBytes)] as const;
  let writing: Promise<Failure | undefined> = Promise.resolve(undefined);
  const written = async (): Promise<void> => {
    const failure = await writing;
    if (failure !== undefined) throw failure.error;
  };
  const write = async (bytes: Buffer): Promise<void> => {
    await written();
    writing = sink.write(bytes).then(
      () => undefined,
      (error: unknown) => ({ error }),
    );
  };
  try {
    let block = first;
    for (;;) {
      signal.throwIfAborted();
      await write(transform.update(block, targets[0]));
      targets = [targets[1], targets[0]];
      onProgress(block.length);
      if (rest === undefined) break;
      block = await rest.next();
      if (block.length === 0) break;
    }
    await write(transform.final());
    await written();
  } finally {
    // The caller closes the sink next.
    await writing;
  }
}

interface Failure {
  readonly error: unknown;
}

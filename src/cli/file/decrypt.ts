/** Opening what {@link encryptFile} made (docs/file-format.md). */
import { DareFault, type DareFlaw } from "../../crypto/dare.js";
import { DareOpener, mostOpenBytes } from "../../crypto/dare-opener.js";
import { SEALED_PACKAGE_BYTES } from "../../crypto/dare-sizes.js";
import { isKesError } from "../../errors.js";
import { CommandError } from "../command.js";
import { type FileHeader, MAX_HEADER_BYTES, openHeader, parseHeader } from "./header.js";
import { BLOCK_BYTES, pump } from "./pump.js";
import { ReadAhead } from "./read-ahead.js";
import type { Sink } from "./sink.js";
import type { Source } from "./source.js";

export interface DecryptOptions {
  readonly source: Source;
  readonly sink: Sink;
  /** Asks for the data key, bound to `FILE_CONTEXT`. What it gives is wiped after use. */
  readonly openDek: (header: FileHeader) => Promise<Buffer>;
  readonly signal: AbortSignal;
  readonly onProgress: (bytes: number) => void;
}

/**
 * Writes what `source` holds encrypted to `sink` and publishes it when all of it was proved.
 *
 * Each package is proved before a byte of it is written, so a sink that cannot take back (a pipe) gets true bytes
 * only; that the end is missing shows at the end.
 * @throws CommandError for a file that is none of ours, altered or cut short; what source, sink and `openDek` throw;
 *   the signal's reason. Nothing is published then
 */
export async function decryptFile(options: DecryptOptions): Promise<void> {
  const { source, sink, openDek, signal, onProgress } = options;
  const head = Buffer.alloc(MAX_HEADER_BYTES);
  const bytes = head.subarray(0, await source.read(head));
  const header = parseHeader(bytes, source.name);
  const dek = await openDek(header);
  let contentKey: Buffer;
  try {
    contentKey = openHeader(header, dek, source.name);
  } finally {
    dek.fill(0);
  }
  const transform = new DareOpener(contentKey);
  contentKey.fill(0);
  const first = bytes.subarray(header.bytes.length);
  // Without a first package nothing says that the content is missing, and with one that there should be none.
  if (header.isEmpty !== (first.length === 0))
    throw damaged(source.name, first.length === 0 ? "truncated" : "trailing");
  onProgress(header.bytes.length);
  const rest = bytes.length < head.length ? undefined : new ReadAhead(source, BLOCK_BYTES);
  const targetBytes = mostOpenBytes(BLOCK_BYTES);
  try {
    await pump({ first, rest, transform, targetBytes, sink, signal, onProgress });
  } catch (error) {
    if (!isKesError(error, "DECRYPT_FAILED") || !(error.cause instanceof DareFault)) throw error;
    throw damaged(
      source.name,
      error.cause.flaw,
      header.bytes.length + error.cause.sequence * SEALED_PACKAGE_BYTES,
    );
  }
  await sink.publish(signal);
}

const FLAWS: Readonly<Record<DareFlaw, string>> = {
  truncated: "is truncated: its end is missing",
  trailing: "has bytes behind its end",
  altered: "is altered or damaged",
  "unknown-format": "is altered or damaged",
};

/** @param at - where in the file the part begins that cannot be opened */
function damaged(file: string, flaw: DareFlaw, at?: number): CommandError {
  return new CommandError(`${file} ${FLAWS[flaw]}${at === undefined ? "" : ` (from byte ${at} on)`}`);
}

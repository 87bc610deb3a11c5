/** Reading a bundle: each part proved before it is used, the whole only at the end. */
import { DareFault, type DareFlaw } from "../../../crypto/dare.js";
import { DareOpener } from "../../../crypto/dare-opener.js";
import { SEALED_PACKAGE_BYTES } from "../../../crypto/dare-sizes.js";
import { isKesError } from "../../../errors.js";
import { CommandError } from "../../command.js";
import type { Source } from "../../file/source.js";
import { type BundleLock, MAX_HEADER_BYTES, openBundleHeader, parseBundleHeader } from "./header.js";
import {
  type BundleAbout,
  BundleFormatError,
  type BundleKey,
  type BundleRecord,
  RecordReader,
} from "./records.js";

/** Gives the secret of a lock; asked once for a reading. What it gives is wiped after use. */
export type Opener = (lock: BundleLock, file: string) => Promise<Buffer>;

/** Called when the first record was read. */
type OnAbout = (about: BundleAbout) => void;

/**
 * The keys of a bundle in byte order of their names. Whoever changes anything by them first goes through all of
 * them once: that nothing is missing shows at the end.
 * @param source - at its beginning
 * @throws CommandError for what is no bundle, altered, cut short, or opened with the wrong secret
 */
export async function* readBundle(
  source: Source,
  open: Opener,
  onAbout: OnAbout = () => {},
): AsyncGenerator<BundleKey> {
  const head = Buffer.alloc(MAX_HEADER_BYTES);
  const first = head.subarray(0, await source.read(head));
  const header = parseBundleHeader(first, source.name);
  const secret = await open(header.lock, source.name);
  let contentKey: Buffer;
  try {
    contentKey = openBundleHeader(header, secret, source.name);
  } finally {
    secret.fill(0);
  }
  const opener = new DareOpener(contentKey);
  contentKey.fill(0);
  const records = recordsOf(source, first.subarray(header.bytes.length), opener);
  yield* keysOf(records, source.name, onAbout);
}

async function* recordsOf(source: Source, first: Buffer, opener: DareOpener): AsyncGenerator<BundleRecord> {
  const reader = new RecordReader();
  const block = Buffer.allocUnsafeSlow(SEALED_PACKAGE_BYTES);
  try {
    yield* reader.feed(opener.update(first));
    for (;;) {
      const size = await source.read(block);
      yield* reader.feed(size === 0 ? opener.final() : opener.update(block.subarray(0, size)));
      if (size === 0) break;
    }
  } catch (error) {
    throw damage(error, source.name);
  }
  // A stream that was cut down to nothing has no package that could say so.
  if (!reader.isComplete) throw new CommandError(`${source.name} is truncated: its end is missing`);
}

async function* keysOf(
  records: AsyncIterable<BundleRecord>,
  file: string,
  onAbout: OnAbout,
): AsyncGenerator<BundleKey> {
  let last: string | undefined;
  let count = 0;
  let isBegun = false;
  for await (const record of records) {
    if (isBegun === (record.kind === "about")) throw malformed(file, "its records are out of order");
    isBegun = true;
    if (record.kind === "about") onAbout(record.about);
    else if (record.kind === "key") {
      if (last !== undefined && record.name <= last) throw malformed(file, "its names are out of order");
      last = record.name;
      count++;
      yield { name: record.name, value: record.value, canary: record.canary };
    } else if (record.count !== count) {
      throw malformed(file, `it says that it holds ${record.count} keys and holds ${count}`);
    }
  }
}

const FLAWS: Readonly<Record<DareFlaw, string>> = {
  truncated: "is truncated: its end is missing",
  trailing: "has bytes behind its end",
  altered: "is altered or damaged",
  "unknown-format": "is altered or damaged",
};

function damage(error: unknown, file: string): unknown {
  if (error instanceof BundleFormatError) return malformed(file, error.message);
  if (!isKesError(error, "DECRYPT_FAILED") || !(error.cause instanceof DareFault)) return error;
  return new CommandError(`${file} ${FLAWS[error.cause.flaw]}`, { cause: error });
}

function malformed(file: string, what: string): CommandError {
  return new CommandError(`${file} was not written by this version of kes: ${what}`);
}

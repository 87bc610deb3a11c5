/** Writes a private key and its certificate: both, or neither. */
import { readFile, rm, stat } from "node:fs/promises";
import { dirname } from "node:path";
import { getSystemErrorMap } from "node:util";
import { CommandError } from "../command.js";
import { removeStaleDrafts } from "../file/drafts.js";
import { exists } from "../init/layout.js";
import { publish, replace } from "../init/publish.js";

const KEY_MODE = 0o600;
const CERT_MODE = 0o644;
/** Of an older certificate that is kept in memory until the new key is in its place. */
const MAX_CERT_BYTES = 1024 * 1024;

/** Absolute paths, or PEM text. */
export interface Pair {
  readonly key: string;
  readonly cert: string;
}

/** @throws CommandError in KES's words when a file exists that must not be overwritten */
export async function refuseExisting({ key, cert }: Pair): Promise<void> {
  if (await exists(key)) throw new CommandError("private key already exists. Use --force to overwrite it");
  if (await exists(cert)) throw new CommandError("certificate already exists. Use --force to overwrite it");
}

/**
 * Writes the certificate, then the key. Each appears whole or not at all, and when the key cannot be written the
 * certificate is again what it was. The key goes last: an older one is gone only once all else is in its place.
 * What a run that was killed has left is removed: it may be a private key.
 * @param isForced - existing files are replaced; otherwise they are refused
 * @throws CommandError that names the file
 */
export async function writePair(
  files: Pair,
  contents: Pair,
  isForced: boolean,
  nowMs: number,
): Promise<void> {
  await named(files.key, () => removeStaleDrafts(dirname(files.key), nowMs));
  const undo = await named(files.cert, async () => {
    const old = isForced && (await exists(files.cert)) ? await contentOf(files.cert) : undefined;
    await put(files.cert, contents.cert, CERT_MODE, isForced);
    return () => (old === undefined ? rm(files.cert) : replace(files.cert, old.content, old.mode));
  });
  try {
    await named(files.key, () => put(files.key, contents.key, KEY_MODE, isForced));
  } catch (cause) {
    await undo();
    throw cause;
  }
}

/** Runs the writing of `file`; what the system refuses is told with the file's name, not with that of its draft. */
export async function named<T>(file: string, write: () => Promise<T>): Promise<T> {
  try {
    return await write();
  } catch (cause) {
    if (!(cause instanceof Error && "errno" in cause && typeof cause.errno === "number")) throw cause;
    const [, reason = cause.message] = getSystemErrorMap().get(cause.errno) ?? [];
    throw new CommandError(`cannot write '${file}': ${reason}`, { cause });
  }
}

async function put(file: string, content: string, mode: number, isForced: boolean): Promise<void> {
  if (isForced && (await exists(file))) await replace(file, content, mode);
  else await publish(file, content, mode);
}

async function contentOf(file: string): Promise<{ readonly content: Buffer; readonly mode: number }> {
  const { mode, size } = await stat(file);
  if (size > MAX_CERT_BYTES) throw new CommandError(`'${file}' is no certificate and is left as it is`);
  return { content: await readFile(file), mode: mode & 0o777 };
}

/** Reads the small text files that a configuration consists of. */
import { constants } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";

/** Larger files are refused. */
export const MAX_FILE_BYTES = 1024 * 1024;

/** A file that cannot be read, said so that an operator can mend it. `missing`: there is no such file. */
export class TextFileError extends Error {
  override readonly name = "TextFileError";
  readonly missing: boolean;

  constructor(message: string, missing = false) {
    super(message);
    this.missing = missing;
  }
}

/**
 * The text of `file`, without byte order mark: at most {@link MAX_FILE_BYTES} of UTF-8.
 * @throws TextFileError
 */
export async function readTextFile(file: string): Promise<string> {
  let handle: FileHandle | undefined;
  let bytes: Uint8Array;
  try {
    // Without O_NONBLOCK the open of a pipe that nobody writes to would never return.
    handle = await open(file, constants.O_RDONLY | constants.O_NONBLOCK);
    bytes = await readBytes(handle);
  } catch (error) {
    throw explained(error);
  } finally {
    await handle?.close();
  }
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw new TextFileError("is not UTF-8 text");
  }
}

async function readBytes(handle: FileHandle): Promise<Uint8Array> {
  const stat = await handle.stat();
  if (stat.isDirectory()) throw new TextFileError("is a folder, not a file");
  // The configuration is read again every 15 minutes and on each reload, which a pipe cannot serve.
  if (!stat.isFile()) throw new TextFileError("is not a regular file");
  // One byte more than allowed, also when the file grows meanwhile, tells "too large" from "just fits".
  const buffer = Buffer.alloc(Math.min(stat.size, MAX_FILE_BYTES) + 1);
  let length = 0;
  while (length < buffer.length) {
    const { bytesRead } = await handle.read(buffer, length, buffer.length - length, length);
    if (bytesRead === 0) return buffer.subarray(0, length);
    length += bytesRead;
  }
  if (stat.size >= MAX_FILE_BYTES) throw new TextFileError(`is larger than ${MAX_FILE_BYTES} bytes`);
  throw new TextFileError("changes while it is being read");
}

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: "no such file",
  ENOTDIR: "no such file: a part of its path is not a folder",
  EACCES: "permission denied",
  EPERM: "permission denied",
  ELOOP: "too many symbolic links",
  ENAMETOOLONG: "its name is too long",
  EISDIR: "is a folder, not a file",
};

function explained(error: unknown): TextFileError {
  if (error instanceof TextFileError) return error;
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  const reason = REASONS[code] ?? (code || "unknown reason");
  return new TextFileError(reason, code === "ENOENT" || code === "ENOTDIR");
}

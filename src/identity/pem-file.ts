/** Reading a PEM file: bounded, and never hanging on a pipe or a device. */
import { constants } from "node:fs";
import { open } from "node:fs/promises";
import { MAX_PEM_CHARS } from "./pem.js";

/** The file cannot be read. The message says why, without the file's name. */
export class PemFileError extends Error {
  override readonly name = "PemFileError";
}

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: "no such file or directory",
  ENOTDIR: "no such file or directory",
  EACCES: "permission denied",
  EISDIR: "is a directory",
};

/** The text of `file`, one character a byte. @throws PemFileError */
export async function readPemFile(file: string): Promise<string> {
  try {
    // Without O_NONBLOCK the open of a pipe that nobody writes to would never return.
    const handle = await open(file, constants.O_RDONLY | constants.O_NONBLOCK);
    try {
      const buffer = Buffer.alloc(MAX_PEM_CHARS + 1);
      let length = 0;
      for (;;) {
        const { bytesRead } = await handle.read(buffer, length, buffer.length - length);
        length += bytesRead;
        if (length > MAX_PEM_CHARS) throw new PemFileError("PEM data is too large");
        if (bytesRead === 0) return buffer.toString("latin1", 0, length);
      }
    } finally {
      await handle.close();
    }
  } catch (cause) {
    if (cause instanceof PemFileError) throw cause;
    const code = cause instanceof Error && "code" in cause ? String(cause.code) : "unknown error";
    throw new PemFileError(REASONS[code] ?? `cannot be read (${code})`, { cause });
  }
}

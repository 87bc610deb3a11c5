/** Small files and streams that hold a secret: read whole, up to a limit, with a note when others can read them. */
import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { resolve } from "node:path";
import { type CommandContext, CommandError } from "./command.js";

/** Far above any API key or key in base64. */
const MAX_SECRET_BYTES = 16 * 1024;

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: "no such file or directory",
  EACCES: "permission denied",
  EISDIR: "is a directory",
};

/**
 * The bytes of a file; also of a pipe (`<(command)`), for which it waits.
 * @param what - for errors: `API key file`
 * @param path - as given, relative to the working directory
 * @throws CommandError
 */
export async function readSecretFile(context: CommandContext, what: string, path: string): Promise<Buffer> {
  const file = resolve(context.cwd, path);
  try {
    const bytes = await readUpTo(createReadStream(file), MAX_SECRET_BYTES);
    if (bytes === undefined)
      throw new CommandError(`${what} '${path}': larger than ${MAX_SECRET_BYTES} bytes`);
    await noteIfReadable(context, what, path);
    return bytes;
  } catch (cause) {
    if (!(cause instanceof Error && "syscall" in cause && "code" in cause)) throw cause;
    const code = String(cause.code);
    throw new CommandError(`${what} '${path}': ${REASONS[code] ?? `cannot be read (${code})`}`, { cause });
  }
}

/** Notes that every user of the machine can read a secret. */
export async function noteIfReadable(
  { cwd, output }: CommandContext,
  what: string,
  path: string,
): Promise<void> {
  const { mode } = await stat(resolve(cwd, path));
  // Windows has no such bits: Node gives them all.
  if (process.platform !== "win32" && (mode & 0o004) !== 0) {
    output.note(`every user of this machine can read the ${what} '${path}': chmod 600 it`);
  }
}

/** All of `stream` in memory of its own; undefined when there is more than `maxBytes`. */
export async function readUpTo(
  stream: AsyncIterable<Buffer | string>,
  maxBytes: number,
): Promise<Buffer | undefined> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of stream) {
    const bytes = Buffer.from(chunk);
    size += bytes.length;
    if (size > maxBytes) return undefined;
    chunks.push(bytes);
  }
  return Buffer.concat(chunks);
}

/** Where a file's bytes come from: a regular file, a pipe, standard input. */
import { constants } from "node:fs";
import { type FileHandle, open, stat } from "node:fs/promises";
import { resolve } from "node:path";
import { addAbortSignal, type Readable } from "node:stream";
import { CommandError } from "../command.js";
import { worded } from "./reasons.js";

export interface Source {
  /** How messages call it: `'photo.tar'`, or `standard input`. */
  readonly name: string;
  /** Device and inode, when it is a regular file. */
  readonly file?: FileIdentity;
  /** In bytes, when it can be told beforehand. */
  readonly size?: number;
  /** Fills `target`. @returns the bytes read, fewer than asked for only at the end */
  read(target: Buffer): Promise<number>;
  /** Ends a read that waits for a pipe; of a file, one under way is waited for. */
  close(): Promise<void>;
}

/** What makes two names one file. */
export interface FileIdentity {
  readonly dev: number;
  readonly ino: number;
}

/** True when `path` is standard input or output, as `-` is. */
export function isStandardStream(path: string, name: "stdin" | "stdout"): boolean {
  return path === "-" || path === `/dev/${name}`;
}

export interface SourceOptions {
  readonly cwd: string;
  readonly stdin: Readable;
  /** Ends a wait for a pipe. */
  readonly signal: AbortSignal;
}

/** @throws CommandError for what cannot be read */
export async function openSource(path: string, options: SourceOptions): Promise<Source> {
  const { cwd, stdin, signal } = options;
  if (isStandardStream(path, "stdin")) {
    return new StreamSource("standard input", addAbortSignal(signal, stdin));
  }
  const absolute = resolve(cwd, path);
  const name = `'${path}'`;
  try {
    const stats = await stat(absolute);
    if (stats.isDirectory()) {
      throw new CommandError(`${name} is a folder`, {
        hints: [`of a folder, an archive can be encrypted: tar -c ${path} | kes key encrypt-file NAME - OUT`],
      });
    }
    if (stats.isFIFO()) return new StreamSource(name, await openPipe(absolute, signal));
    const handle = await open(absolute, constants.O_RDONLY | constants.O_NONBLOCK);
    return await fileSource(name, handle);
  } catch (error) {
    throw worded(error, `cannot read ${name}`);
  }
}

async function fileSource(name: string, handle: FileHandle): Promise<Source> {
  const { size, dev, ino, ...stats } = await handle.stat();
  const read = async (target: Buffer): Promise<number> => {
    let length = 0;
    try {
      while (length < target.length) {
        const { bytesRead } = await handle.read(target, length, target.length - length);
        if (bytesRead === 0) break;
        length += bytesRead;
      }
    } catch (error) {
      throw worded(error, `cannot read ${name}`);
    }
    return length;
  };
  const isRegular = (stats.mode & constants.S_IFMT) === constants.S_IFREG;
  return {
    name,
    ...(isRegular ? { file: { dev, ino }, size } : {}),
    read,
    close: () => handle.close(),
  };
}

/** A named pipe as a stream: a read in libuv's threads would wait for the writer and let nothing end the process. */
async function openPipe(path: string, signal: AbortSignal): Promise<Readable> {
  const [{ Socket }, { openSync }] = await Promise.all([import("node:net"), import("node:fs")]);
  const fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  return new Socket({ fd, readable: true, writable: false, signal });
}

class StreamSource implements Source {
  readonly name: string;
  readonly #stream: Readable;
  readonly #chunks: AsyncIterator<Buffer>;
  #rest: Buffer = Buffer.alloc(0);

  constructor(name: string, stream: Readable) {
    this.name = name;
    this.#stream = stream;
    this.#chunks = stream[Symbol.asyncIterator]();
  }

  async read(target: Buffer): Promise<number> {
    let length = 0;
    while (length < target.length) {
      if (this.#rest.length === 0) {
        const { done, value } = await this.#next();
        if (done === true) break;
        this.#rest = value;
      }
      const copied = this.#rest.copy(target, length);
      this.#rest = this.#rest.subarray(copied);
      length += copied;
    }
    return length;
  }

  async close(): Promise<void> {
    this.#stream.destroy();
  }

  async #next(): Promise<IteratorResult<Buffer>> {
    try {
      return await this.#chunks.next();
    } catch (error) {
      throw worded(error, `cannot read ${this.name}`);
    }
  }
}

/** Standard output as {@link Sink}: what is written is out, there is no taking back. */
import { fstatSync, write } from "node:fs";
import { promisify } from "node:util";
import { CommandError } from "../command.js";
import { worded } from "./reasons.js";
import type { Sink } from "./sink.js";
import type { FileIdentity } from "./source.js";

/** The part of `process.stdout` that is used here. */
export interface OutputPipe {
  readonly fd: number;
  readonly isTTY?: boolean;
  write(bytes: Uint8Array, callback: (error?: Error | null) => void): unknown;
}

const writeTo = promisify(write);
const NAME = "standard output";

/**
 * @param source - the file that is read: it must not be the one that standard output goes to
 * @throws CommandError
 */
export function standardOutput(stdout: OutputPipe, source: FileIdentity | undefined): Sink {
  const stats = fstatSync(stdout.fd);
  if (stats.isFile() && source !== undefined && source.dev === stats.dev && source.ino === stats.ino) {
    throw new CommandError("standard output is also the input: IN and OUT must be two files");
  }
  // Of a file or a device (a full disk, /dev/full) the stream would end the process with its error.
  const isDirect = stats.isFile() || (stats.isCharacterDevice() && stdout.isTTY !== true);
  const put = isDirect ? writeDirectly : writeToStream;
  return {
    name: NAME,
    async write(bytes) {
      try {
        await put(stdout, bytes);
      } catch (error) {
        throw worded(error, `cannot write to ${NAME}`);
      }
    },
    publish: async () => undefined,
    close: async () => undefined,
  };
}

async function writeDirectly({ fd }: OutputPipe, bytes: Buffer): Promise<void> {
  for (let written = 0; written < bytes.length; ) {
    written += (await writeTo(fd, bytes, written, bytes.length - written, null)).bytesWritten;
  }
}

function writeToStream(stdout: OutputPipe, bytes: Buffer): Promise<void> {
  return new Promise((resolve, reject) => {
    stdout.write(bytes, (error) => (error ? reject(error) : resolve()));
  });
}

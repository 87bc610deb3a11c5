/** Writes lines to a file descriptor without ever waiting for its reader. */
import { fstatSync } from "node:fs";
import SonicBoom from "sonic-boom";

/** Lines waiting for a reader that does not read may take this much memory; later ones are dropped and counted. */
const MAX_BUFFER_BYTES = 8 * 1024 * 1024;
/** Longest wait for a reader at the end. */
const FLUSH_TIMEOUT_MS = 500;

/** Where console lines go. */
export interface LineWriter {
  /** @param line - with its newline */
  write(line: string): void;
  /** Resolves when what is buffered is written out, or when the reader does not take it in time. */
  flush(): Promise<void> | undefined;
}

/**
 * A writer on `fd`. Lines that find 8 MiB waiting are dropped, and their number is written as soon as there is room
 * again: a reader that stops reading must stop neither the server nor its end.
 */
export function lineWriter(fd: 1 | 2): LineWriter {
  makeNonBlocking(fd);
  const out = new SonicBoom.SonicBoom({ fd, sync: false, maxLength: MAX_BUFFER_BYTES, minLength: 0 });
  let dropped = 0;
  let isBroken = false;
  out.on("drop", () => dropped++);
  // A closed pipe (EPIPE) or a full disk ends the log, not the server.
  out.on("error", (error: NodeJS.ErrnoException) => {
    isBroken ||= error.code === "EPIPE";
  });
  return {
    write(line) {
      if (isBroken) return;
      if (dropped > 0) {
        const lost = dropped;
        dropped = 0;
        out.write(`${lost} log lines were dropped: the reader of this log was too slow\n`);
      }
      out.write(line);
    },
    flush() {
      if (isBroken) return undefined;
      return new Promise((resolve) => {
        const timer = setTimeout(resolve, FLUSH_TIMEOUT_MS);
        out.flush(() => {
          clearTimeout(timer);
          resolve();
        });
      });
    },
  };
}

/**
 * Writing to a full pipe that blocks would hold one of the few threads that the keystore's files need as well, and
 * not even `process.exit` gets past it. Node makes a pipe non-blocking when its stream is made, but a child process
 * that inherits it turns that back; what Node has no public name for is called by its internal one.
 */
function makeNonBlocking(fd: 1 | 2): void {
  const stat = fstatSync(fd);
  if (!stat.isFIFO() && !stat.isSocket()) return;
  const handle: unknown = Reflect.get(fd === 1 ? process.stdout : process.stderr, "_handle");
  if (typeof handle !== "object" || handle === null) return;
  const setBlocking: unknown = Reflect.get(handle, "setBlocking");
  if (typeof setBlocking === "function") Reflect.apply(setBlocking, handle, [false]);
}

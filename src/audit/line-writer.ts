/** Writes lines to a file descriptor without ever waiting for its reader. */
import SonicBoom from "sonic-boom";

/** Lines waiting for a reader that does not read may take this much memory; later ones are dropped and counted. */
const MAX_BUFFER_BYTES = 8 * 1024 * 1024;

/** Where console lines go. */
export interface LineWriter {
  /** @param line - with its newline */
  write(line: string): void;
  /** Writes out what is buffered, as far as the reader takes it. */
  flush(): void;
}

/**
 * A writer on `fd`. A plain `process.stdout.write` blocks the whole server when the other end of a pipe stops
 * reading; this one drops lines instead and says how many as soon as it can write again.
 */
export function lineWriter(fd: number): LineWriter {
  const out = new SonicBoom.SonicBoom({ fd, sync: false, maxLength: MAX_BUFFER_BYTES, minLength: 0 });
  let dropped = 0;
  out.on("drop", () => dropped++);
  // A closed pipe (EPIPE) ends the log, not the server; the drop count goes with it.
  out.on("error", () => undefined);
  return {
    write(line) {
      if (dropped > 0) {
        const lost = dropped;
        dropped = 0;
        out.write(`${lost} log lines were dropped: the reader of this log was too slow\n`);
      }
      out.write(line);
    },
    flush() {
      try {
        out.flushSync();
      } catch {
        // The reader is gone or stuck; at shutdown there is nobody left to tell.
      }
    },
  };
}

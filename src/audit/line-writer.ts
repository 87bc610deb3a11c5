/** Writes lines to a file descriptor without ever waiting for its reader. */
import { fstatSync } from "node:fs";
import SonicBoom from "sonic-boom";

/** Lines waiting for a reader that does not read may take this much memory; later ones are dropped and counted. */
const MAX_BUFFER_BYTES = 8 * 1024 * 1024;
/** Lines on standard output wait so long for company: a write for each of them costs more than all else about it. */
const GATHER_MS = 5;
/** More than this is not gathered. */
const MAX_GATHERED = 64 * 1024;
/** Longest wait for a reader at the end. */
const FLUSH_TIMEOUT_MS = 500;

/** Where console lines go. */
export interface LineWriter {
  /** @param line - with its newline */
  write(line: string): void;
  /** The same for a line that is in UTF-8 already, each of its characters one byte of that. */
  writeOctets?(line: string): void;
  /** Resolves when what is buffered is written out, or when the reader does not take it in time. */
  flush(): Promise<void> | undefined;
}

/**
 * A writer on `fd`. Standard output has a line for every request: they are written every few milliseconds, those of
 * standard error at once. Lines that find 8 MiB waiting are dropped, and their number is written as soon as there is room
 * again: a reader that stops reading must stop neither the server nor its end.
 */
export function lineWriter(fd: 1 | 2): LineWriter {
  makeNonBlocking(fd);
  const out = new SonicBoom.SonicBoom({
    ...{ fd, sync: false, maxLength: MAX_BUFFER_BYTES, minLength: 0 },
    contentMode: "buffer",
  });
  const gatherMs = fd === 1 ? GATHER_MS : 0;
  /** Octets. */
  let gathered = "";
  let timer: NodeJS.Timeout | undefined;
  let dropped = 0;
  let isBroken = false;
  out.on("drop", (lines: Buffer) => {
    dropped += lines.toString("latin1").split("\n").length - 1;
  });
  // A closed pipe (EPIPE) or a full disk ends the log, not the server.
  out.on("error", (error: NodeJS.ErrnoException) => {
    isBroken ||= error.code === "EPIPE";
  });
  const release = (): void => {
    clearTimeout(timer);
    timer = undefined;
    if (isBroken) gathered = "";
    if (gathered === "") return;
    if (dropped > 0) {
      const lost = dropped;
      dropped = 0;
      put(out, `${lost} log lines were dropped: the reader of this log was too slow\n`);
    }
    const lines = gathered;
    gathered = "";
    put(out, lines);
  };
  const writeOctets = (line: string): void => {
    if (isBroken) return;
    gathered += line;
    if (gatherMs === 0 || gathered.length >= MAX_GATHERED) release();
    else timer ??= setTimeout(release, gatherMs);
  };
  return {
    write: (line) => writeOctets(OTHER_THAN_PLAIN.test(line) ? octetsOf(line) : line),
    writeOctets,
    flush() {
      release();
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

const OTHER_THAN_PLAIN = /[^ -~\n]/;

function octetsOf(line: string): string {
  return Buffer.from(line, "utf8").toString("latin1");
}

function put(out: SonicBoom.SonicBoom, octets: string): void {
  const bytes = Buffer.from(octets, "latin1");
  // Its types have texts alone; with `contentMode: "buffer"` it takes bytes.
  Reflect.apply(out.write, out, [bytes]);
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

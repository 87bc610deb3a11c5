/** Where the access log goes: standard output, a file that may be moved away, or nowhere. */
import SonicBoom from "sonic-boom";
import { lineWriter } from "../../audit/line-writer.js";
import { ConfigError } from "../../errors.js";

export interface AccessLogWriter {
  write(line: string): void;
  /** Opens the file anew, after it was moved away. */
  reopen(): void;
  /** Resolves when everything is written, or cannot be. */
  close(): Promise<void>;
}

/** Lines that wait for a slow disk; later ones are dropped and counted. */
const MAX_BUFFER_BYTES = 8 * 1024 * 1024;
const FILE_MODE = 0o640;

/** @param to - `-` for standard output, `off`, or a file. @throws ConfigError when the file cannot be opened */
export async function openAccessLog(to: string, note: (text: string) => void): Promise<AccessLogWriter> {
  if (to === "off") return { write: () => undefined, reopen: () => undefined, close: async () => undefined };
  if (to === "-") {
    const out = lineWriter(1);
    return {
      write: (line) => out.write(line),
      reopen: () => undefined,
      close: async () => await out.flush(),
    };
  }
  return openFile(to, note);
}

async function openFile(file: string, note: (text: string) => void): Promise<AccessLogWriter> {
  const out = new SonicBoom.SonicBoom({
    dest: file,
    append: true,
    sync: false,
    minLength: 0,
    maxLength: MAX_BUFFER_BYTES,
    mode: FILE_MODE,
  });
  await new Promise<void>((resolve, reject) => {
    out.once("ready", resolve);
    out.once("error", (cause) =>
      reject(new ConfigError([{ file, message: `cannot be opened: ${cause.message}` }])),
    );
  });
  let dropped = 0;
  let isFailing = false;
  out.on("drop", () => {
    if (dropped++ === 0) note(`${file}: the disk is too slow: access log lines are dropped`);
  });
  out.on("error", (error) => {
    if (!isFailing) note(`${file}: ${error.message}`);
    isFailing = true;
  });
  out.on("drain", () => {
    dropped = 0;
    isFailing = false;
  });
  return {
    write: (line) => void out.write(line),
    reopen: () => out.reopen(),
    close: () =>
      new Promise((resolve) => {
        out.once("close", resolve);
        out.once("error", () => resolve());
        out.end();
      }),
  };
}

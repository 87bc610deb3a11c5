/** Reading the lines of audit files: as a stream, compressed or not, in the order of their chain. */
import { createReadStream } from "node:fs";
import { open } from "node:fs/promises";
import { resolve } from "node:path";
import { createGunzip } from "node:zlib";
import { frameOf, MAX_LINE_BYTES, membersOf } from "./line.js";
import { type Header, headerOf } from "./members.js";

const CHUNK_BYTES = 1024 * 1024;
/** First bytes of a gzip file. */
const GZIP = 0x1f8b;

/** The content of `file`, which may be compressed. */
export async function* chunksOf(file: string): AsyncIterable<Buffer> {
  const handle = await open(file, "r");
  const magic = Buffer.alloc(2);
  try {
    await handle.read(magic, 0, 2, 0);
  } finally {
    await handle.close();
  }
  const raw = createReadStream(file, { highWaterMark: CHUNK_BYTES });
  if (magic.readUInt16BE(0) !== GZIP) yield* raw;
  else {
    const plain = createGunzip({ chunkSize: CHUNK_BYTES });
    raw.on("error", (error) => plain.destroy(error));
    yield* raw.pipe(plain);
  }
}

/** Cuts chunks into lines; memory stays bounded, whatever they hold. */
export class LineCutter {
  readonly #take: (line: Buffer | "too-long") => void;
  #rest: Buffer = Buffer.alloc(0);
  #isTooLong = false;

  /** @param take - called for each line, without its newline; the buffer is good for the call alone */
  constructor(take: (line: Buffer | "too-long") => void) {
    this.#take = take;
  }

  add(chunk: Buffer): void {
    const data = this.#rest.length > 0 ? Buffer.concat([this.#rest, chunk]) : chunk;
    let start = 0;
    for (let end = data.indexOf(10); end >= 0; end = data.indexOf(10, start)) {
      this.#take(this.#isTooLong ? "too-long" : data.subarray(start, end));
      this.#isTooLong = false;
      start = end + 1;
    }
    if (data.length - start > MAX_LINE_BYTES) this.#isTooLong = true;
    this.#rest = this.#isTooLong ? Buffer.alloc(0) : Buffer.from(data.subarray(start));
  }

  /** Bytes behind the last newline; `too-long` for more than a line can have. */
  end(): number | "too-long" {
    return this.#isTooLong ? "too-long" : this.#rest.length;
  }
}

/**
 * Number of the first line and the header of `file`; undefined when that is not how it begins, `torn` when it ends before
 * its first line does: a server died as it began the file.
 */
export async function startOf(
  file: string,
): Promise<{ readonly first: number; readonly header: Header } | "torn" | undefined> {
  for await (const chunk of chunksOf(file)) {
    const end = chunk.indexOf(10);
    if (end < 0 && chunk.length <= MAX_LINE_BYTES && beginsAsLine(chunk)) return "torn";
    if (end < 0 || end > MAX_LINE_BYTES) return undefined;
    const line = chunk.subarray(0, end);
    const frame = frameOf(line);
    const header = headerOf(membersOf(line));
    return frame === undefined || header === undefined ? undefined : { first: frame.sequence, header };
  }
  return "torn";
}

const LINE_START = Buffer.from('{"seq":');

function beginsAsLine(chunk: Buffer): boolean {
  const length = Math.min(chunk.length, LINE_START.length);
  return chunk.subarray(0, length).equals(LINE_START.subarray(0, length));
}

/** The lines of `files`, oldest file first; what has no header comes last. The buffers stay good. */
export async function* linesOfFiles(
  files: readonly string[],
  cwd: string,
): AsyncIterable<{ readonly file: string; readonly line: Buffer; readonly number: number }> {
  const placed: { file: string; first: number }[] = [];
  for (const file of files) {
    const start = await startOf(resolve(cwd, file));
    const first = typeof start === "object" ? start.first : Number.POSITIVE_INFINITY;
    placed.push({ file, first });
  }
  placed.sort((a, b) => a.first - b.first);
  for (const { file } of placed) {
    let number = 0;
    let batch: Buffer[] = [];
    // Of what is too long to be a record only that it is there.
    const cutter = new LineCutter((line) =>
      batch.push(line === "too-long" ? Buffer.from("…") : Buffer.from(line)),
    );
    for await (const chunk of chunksOf(resolve(cwd, file))) {
      cutter.add(chunk);
      for (const line of batch) yield { file, line, number: ++number };
      batch = [];
    }
  }
}

/**
 * Reads a chain and says whether it is whole: every line follows from the one before, every checkpoint is signed, no
 * file is missing between two others, and the end is where it was known to be.
 */
import type { KeyObject } from "node:crypto";
import { createReadStream } from "node:fs";
import { open } from "node:fs/promises";
import { createGunzip } from "node:zlib";
import { type Checkpoint, checkpointOf, isSignedBy, keyIdOf } from "./checkpoint.js";
import { frameOf, GENESIS, LineHasher, type Link, MAX_LINE_BYTES, membersOf } from "./line.js";
import { type Header, headerOf } from "./members.js";

export type FindingKind =
  | "malformed"
  | "changed"
  | "missing"
  | "repeated"
  | "unsigned"
  | "forged"
  | "other-chain"
  | "truncated"
  | "torn"
  | "not-an-audit-file";

/** Something that must not be. */
export interface Finding {
  readonly file: string;
  /** 1 for the first; 0 for the file as a whole. */
  readonly line: number;
  /** Number of the record, where it has one. */
  readonly sequence?: number;
  readonly kind: FindingKind;
  readonly message: string;
}

export interface VerifyOptions {
  /** Ed25519, public. Without any, signatures are not checked. */
  readonly keys: readonly KeyObject[];
  /** A line that must be in the chain, from elsewhere: what tells a chain that was cut. */
  readonly heads: readonly Link[];
  /** Bytes read since the last call. */
  readonly onProgress?: (bytes: number) => void;
  readonly signal?: AbortSignal;
}

export interface VerifiedFile {
  readonly file: string;
  readonly first: number;
  readonly last: number;
}

export interface Report {
  /** The first {@link MAX_FINDINGS}, in the order of the chain. */
  readonly findings: readonly Finding[];
  readonly findingCount: number;
  readonly chain: string;
  readonly files: readonly VerifiedFile[];
  readonly lines: number;
  readonly bytes: number;
  readonly checkpoints: number;
  /** True when every checkpoint's signature was checked. */
  readonly signaturesChecked: boolean;
  /** The last line. */
  readonly head: Link | undefined;
  readonly lastCheckpoint:
    | { readonly file: string; readonly line: number; readonly checkpoint: Checkpoint }
    | undefined;
  /** Lines behind it, which nothing but their chain holds. */
  readonly unsigned: number;
  /** The last line is the checkpoint of a server that ended in good order, or of a rotation. */
  readonly closed: boolean;
}

/** More findings are counted, not kept. */
export const MAX_FINDINGS = 100;
const CHUNK_BYTES = 1024 * 1024;

/** A file that is part of a chain. */
interface ChainFile {
  readonly file: string;
  readonly first: number;
  readonly header: Header;
}

/**
 * Verifies `files` as one chain, whatever their order. Compressed ones (gzip) are read as well.
 * @throws the system's error for a file that cannot be read
 */
export async function verifyFiles(files: readonly string[], options: VerifyOptions): Promise<Report> {
  const verifier = new Verifier(options);
  const found: ChainFile[] = [];
  for (const file of files) {
    const start = await startOf(file);
    if (start === undefined)
      verifier.report({ file, line: 1, kind: "not-an-audit-file", message: NO_HEADER });
    else found.push({ file, ...start });
  }
  found.sort((a, b) => a.first - b.first);
  for (const one of found) {
    verifier.begin(one);
    for await (const chunk of chunksOf(one.file)) {
      options.signal?.throwIfAborted();
      verifier.read(chunk);
      options.onProgress?.(chunk.length);
    }
    verifier.end();
  }
  return verifier.finish();
}

const NO_HEADER = "the first line is not the header of an audit file";

async function startOf(file: string): Promise<{ first: number; header: Header } | undefined> {
  for await (const chunk of chunksOf(file)) {
    const end = chunk.indexOf(10);
    if (end < 0 || end > MAX_LINE_BYTES) return undefined;
    const line = chunk.subarray(0, end);
    const frame = frameOf(line);
    const header = headerOf(membersOf(line));
    return frame === undefined || header === undefined ? undefined : { first: frame.sequence, header };
  }
  return undefined;
}

/** The content of `file`, which may be compressed. */
async function* chunksOf(file: string): AsyncIterable<Buffer> {
  const handle = await open(file, "r");
  const magic = Buffer.alloc(2);
  try {
    await handle.read(magic, 0, 2, 0);
  } finally {
    await handle.close();
  }
  const raw = createReadStream(file, { highWaterMark: CHUNK_BYTES });
  if (magic.readUInt16BE(0) !== 0x1f8b) yield* raw;
  else {
    const plain = createGunzip({ chunkSize: CHUNK_BYTES });
    raw.on("error", (error) => plain.destroy(error));
    yield* raw.pipe(plain);
  }
}

class Verifier {
  readonly #keys: ReadonlyMap<string, KeyObject>;
  readonly #heads: Map<number, string>;
  readonly #hasher = new LineHasher();
  readonly #findings: Finding[] = [];
  #findingCount = 0;
  readonly #files: VerifiedFile[] = [];
  #file: ChainFile | undefined;
  #chain = "";
  /** The line before; undefined before the first, whose header says it. */
  #last: Link | undefined;
  #isFirstLine = true;
  #line = 0;
  #lines = 0;
  #bytes = 0;
  #checkpoints = 0;
  #unsigned = 0;
  #closed = false;
  #lastCheckpoint: Report["lastCheckpoint"];
  /** The part of a line that came with the last chunk. */
  #rest: Buffer = Buffer.alloc(0);
  #isTooLong = false;

  constructor(options: VerifyOptions) {
    this.#keys = new Map(options.keys.map((key) => [keyIdOf(key), key]));
    this.#heads = new Map(options.heads.map(({ sequence, hash }) => [sequence, hash]));
  }

  report(finding: Finding): void {
    this.#findingCount++;
    if (this.#findings.length < MAX_FINDINGS) this.#findings.push(finding);
  }

  #find(kind: FindingKind, message: string, sequence?: number): void {
    const file = this.#file?.file ?? "";
    this.report({ file, line: this.#line, kind, message, ...(sequence === undefined ? {} : { sequence }) });
  }

  begin(file: ChainFile): void {
    this.#file = file;
    this.#line = 0;
    this.#isFirstLine = true;
    this.#rest = Buffer.alloc(0);
    this.#isTooLong = false;
  }

  read(chunk: Buffer): void {
    this.#bytes += chunk.length;
    let data = chunk;
    if (this.#rest.length > 0) data = Buffer.concat([this.#rest, chunk]);
    let start = 0;
    for (let end = data.indexOf(10); end >= 0; end = data.indexOf(10, start)) {
      this.#line++;
      if (this.#isTooLong) this.#malformed("is longer than any line can be");
      else this.#take(data.subarray(start, end));
      this.#isTooLong = false;
      start = end + 1;
    }
    const rest = data.subarray(start);
    // Bounded, whatever the file holds.
    if (rest.length > MAX_LINE_BYTES) this.#isTooLong = true;
    this.#rest = this.#isTooLong ? Buffer.alloc(0) : Buffer.from(rest);
  }

  #malformed(what: string): void {
    this.#find("malformed", `the line ${what}`);
  }

  #take(line: Buffer): void {
    const frame = frameOf(line);
    if (frame === undefined) return this.#malformed("has not the form of a record");
    const { sequence, hash, type } = frame;
    this.#lines++;
    const previous = this.#isFirstLine ? this.#enter() : this.#last;
    this.#isFirstLine = false;
    if (previous !== undefined) this.#follow(line, frame, previous);
    const head = this.#heads.get(sequence);
    if (head !== undefined) {
      this.#heads.delete(sequence);
      if (head !== hash)
        this.#find("changed", `record ${sequence} is not the one that is known from elsewhere`, sequence);
    }
    this.#last = { sequence, hash };
    this.#closed = false;
    if (type === "checkpoint") this.#check(line, previous);
    else this.#unsigned++;
  }

  /** What the first line of a file must follow. */
  #enter(): Link | undefined {
    const { header, first, file } = this.#file ?? {};
    if (header === undefined || first === undefined) return undefined;
    const claimed = header.previous ?? { sequence: 0, hash: GENESIS };
    const before = this.#last;
    const from = this.#files.at(-1)?.file ?? "";
    this.#files.push({ file: file ?? "", first, last: first });
    if (this.#chain === "") this.#chain = header.chain;
    if (header.chain !== this.#chain) {
      this.#find("other-chain", `the file belongs to another chain than ${from}`, first);
      this.#chain = header.chain;
    } else if (before !== undefined) {
      if (claimed.sequence > before.sequence) {
        const gap = claimed.sequence - before.sequence;
        this.#find("missing", `${count(gap)} between the end of ${from} and this file`, first);
      } else if (claimed.sequence < before.sequence) {
        this.#find("repeated", `${from} goes on behind the record that this file follows`, first);
      } else if (claimed.hash !== before.hash) {
        this.#find(
          "changed",
          `this file does not follow from the last record of ${from}: one was changed`,
          first,
        );
      }
    }
    return claimed;
  }

  #follow(line: Buffer, { sequence, hash }: Link, previous: Link): void {
    const gap = sequence - previous.sequence - 1;
    if (gap > 0) this.#find("missing", `${count(gap)} before record ${sequence}`, sequence);
    else if (gap < 0) {
      this.#find("repeated", `record ${sequence} stands behind record ${previous.sequence}`, sequence);
    } else if (this.#hasher.hash(previous.hash, line) !== hash) {
      this.#find("changed", `record ${sequence} was changed, or the one before it`, sequence);
    }
  }

  #check(line: Buffer, previous: Link | undefined): void {
    this.#checkpoints++;
    const sequence = this.#last?.sequence;
    const checkpoint = checkpointOf(line);
    if (checkpoint === undefined) return this.#malformed("is no checkpoint, but says so");
    const { last, chain, key, reason } = checkpoint;
    const isHere =
      last.sequence === previous?.sequence && last.hash === previous.hash && chain === this.#chain;
    const since = `since ${this.#place() ?? "the start"}`;
    if (!isHere) {
      return this.#find(
        "forged",
        `the checkpoint is not about the record before it: records were changed ${since}`,
        sequence,
      );
    }
    const publicKey = this.#keys.get(key);
    if (this.#keys.size > 0) {
      if (publicKey === undefined)
        return this.#find("forged", `the checkpoint names another key: ${key}`, sequence);
      if (!isSignedBy(checkpoint, publicKey)) {
        return this.#find("forged", `the signature is not right: records were changed ${since}`, sequence);
      }
    }
    this.#unsigned = 0;
    this.#closed = reason !== "interval";
    this.#lastCheckpoint = { file: this.#file?.file ?? "", line: this.#line, checkpoint };
  }

  #place(): string | undefined {
    const last = this.#lastCheckpoint;
    return last === undefined ? undefined : `the checkpoint at ${last.file}:${last.line}`;
  }

  end(): void {
    const { file = "", first = 0 } = this.#file ?? {};
    if (this.#rest.length > 0 || this.#isTooLong) {
      this.#line++;
      this.#find("torn", `the file ends in the middle of a line: ${this.#rest.length} bytes`);
    }
    this.#files.splice(-1, 1, { file, first, last: this.#last?.sequence ?? first });
  }

  finish(): Report {
    this.#lookForHeads();
    return {
      findings: this.#findings,
      findingCount: this.#findingCount,
      chain: this.#chain,
      files: this.#files,
      lines: this.#lines,
      bytes: this.#bytes,
      checkpoints: this.#checkpoints,
      signaturesChecked: this.#keys.size > 0,
      head: this.#last,
      lastCheckpoint: this.#lastCheckpoint,
      unsigned: this.#unsigned,
      closed: this.#closed,
    };
  }

  #lookForHeads(): void {
    const first = this.#files[0]?.first ?? 0;
    const end = this.#last?.sequence ?? 0;
    for (const sequence of this.#heads.keys()) {
      // Older than what was given to be verified.
      if (sequence < first) continue;
      const message =
        sequence > end
          ? `the chain ends at record ${end}, but record ${sequence} is known: ${count(sequence - end)}`
          : `record ${sequence} is known, but not there`;
      this.#find(sequence > end ? "truncated" : "missing", message, sequence);
    }
  }
}

function count(records: number): string {
  return records === 1 ? "1 record is missing" : `${records} records are missing`;
}

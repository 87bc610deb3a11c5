/**
 * Reads a chain and says whether it is whole: every line follows from the one before, every checkpoint is signed, no
 * file is missing between two others, and the end is where it was known to be.
 */
import type { KeyObject } from "node:crypto";
import { resolve } from "node:path";
import { type Checkpoint, checkpointOf, isSignedBy, keyIdOf } from "./checkpoint.js";
import { frameOf, GENESIS, LineHasher, type Link, membersOf } from "./line.js";
import { chunksOf, LineCutter, startOf } from "./lines.js";
import type { Header } from "./members.js";

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
  /** A chain without any checkpoint is no finding although there are keys: it may be younger than its first. */
  readonly allowUnsigned?: boolean;
  /** A line that must be in the chain, from elsewhere: what tells a chain that was cut. */
  readonly heads: readonly Link[];
  /** Bytes read since the last call. */
  readonly onProgress?: (bytes: number) => void;
  readonly signal?: AbortSignal;
  /** What relative names start from; the working directory of the process by default. */
  readonly cwd?: string;
}

/** Something that the server itself has told in the chain. */
export interface ToldNotice {
  readonly file: string;
  readonly line: number;
  readonly event: string;
  /** Members of the notice but its place. */
  readonly details: Readonly<Record<string, unknown>>;
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
  /** The first {@link MAX_FINDINGS}. */
  readonly notices: readonly ToldNotice[];
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
    const start = await startOf(pathOf(file, options));
    if (start === undefined)
      verifier.report({ file, line: 1, kind: "not-an-audit-file", message: NO_HEADER });
    else if (start === "torn") verifier.report({ file, line: 1, kind: "torn", message: TORN_HEADER });
    else found.push({ file, ...start });
  }
  found.sort((a, b) => a.first - b.first);
  for (const one of found) {
    verifier.begin(one);
    for await (const chunk of chunksOf(pathOf(one.file, options))) {
      options.signal?.throwIfAborted();
      verifier.read(chunk);
      options.onProgress?.(chunk.length);
    }
    verifier.end();
  }
  return verifier.finish();
}

function pathOf(file: string, { cwd = "" }: VerifyOptions): string {
  return resolve(cwd, file);
}

const UNSIGNED = "no checkpoint is signed by the key: whoever can write the file may have written all of it";
const TORN_HEADER =
  "the file ends within its header: a server died as it began the file, and the next start writes it anew";
const NO_HEADER = "the first line is not the header of an audit file";

class Verifier {
  readonly #keys: ReadonlyMap<string, KeyObject>;
  readonly #heads: Map<number, string>;
  readonly #allowUnsigned: boolean;
  readonly #hasher = new LineHasher();
  readonly #findings: Finding[] = [];
  #findingCount = 0;
  readonly #notices: ToldNotice[] = [];
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
  #cutter = new LineCutter((line) => this.#read(line));

  constructor(options: VerifyOptions) {
    this.#keys = new Map(options.keys.map((key) => [keyIdOf(key), key]));
    this.#allowUnsigned = options.allowUnsigned === true;
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
    this.#cutter = new LineCutter((line) => this.#read(line));
  }

  read(chunk: Buffer): void {
    this.#bytes += chunk.length;
    this.#cutter.add(chunk);
  }

  #read(line: Buffer | "too-long"): void {
    this.#line++;
    if (line === "too-long") this.#malformed("is longer than any record can be");
    else this.#take(line);
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
    if (type === "checkpoint") return this.#check(line, previous);
    this.#unsigned++;
    if (type === "notice" && this.#notices.length < MAX_FINDINGS) this.#listen(line);
  }

  #listen(line: Buffer): void {
    const { seq: _seq, type: _type, hash: _hash, event, ...details } = membersOf(line) ?? {};
    this.#notices.push({ file: this.#file?.file ?? "", line: this.#line, event: String(event), details });
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
    const rest = this.#cutter.end();
    if (rest !== 0) {
      this.#line++;
      this.#find(
        "torn",
        `the file ends in the middle of a line${rest === "too-long" ? "" : `, behind ${rest} bytes of it`}`,
      );
    }
    this.#files.splice(-1, 1, { file, first, last: this.#last?.sequence ?? first });
  }

  finish(): Report {
    this.#lookForHeads();
    this.#lookForSignature();
    return {
      findings: this.#findings,
      findingCount: this.#findingCount,
      notices: this.#notices,
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

  /** Whoever asks with a key wants to know whose log this is; one made anew by somebody else has no good checkpoint. */
  #lookForSignature(): void {
    const file = this.#files.at(-1)?.file;
    const isSigned = this.#keys.size === 0 || this.#lastCheckpoint !== undefined;
    // What is known to be altered needs no second reason.
    if (isSigned || this.#allowUnsigned || file === undefined || this.#findingCount > 0) return;
    this.report({ file, line: 0, kind: "unsigned", message: UNSIGNED });
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

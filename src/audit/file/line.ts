/**
 * A line of the audit file: `{"seq":N,` members `,"hash":"` 64 hex digits `"}`. The hash is SHA-256 over the hash of the
 * line before, as its 64 hex digits, and the bytes of this line before `,"hash":`: what stands there, not what a
 * parser makes of it, so that no two readers can differ (docs/audit.md).
 */
import { hash } from "node:crypto";

/** What the first line of a chain follows. */
export const GENESIS = "0".repeat(64);

/** Longest line that a reader takes, in bytes, its newline left out. */
export const MAX_LINE_BYTES = 64 * 1024;

const HASH_MARK = ',"hash":"';
/** Bytes of a line behind what is hashed: mark, digits, `"}`. */
const TRAILER_BYTES = HASH_MARK.length + 64 + 2;
const START = '{"seq":';

/** Position in a chain: the sequence number and the hash of a line. */
export interface Link {
  readonly sequence: number;
  readonly hash: string;
}

/** What a line says of its place, without its members. */
export interface Frame extends Link {
  /** `request`, `checkpoint` … */
  readonly type: string;
}

/** The line that follows `previous`, with its newline, and its link. */
export function chained(previous: Link, members: string): { readonly text: string; readonly link: Link } {
  const sequence = previous.sequence + 1;
  const body = `${START}${sequence},${members}`;
  const digest = hash("sha256", previous.hash + body, "hex");
  return { text: `${body}${HASH_MARK}${digest}"}\n`, link: { sequence, hash: digest } };
}

const FRAME = /^\{"seq":([1-9][0-9]{0,14}),"type":"([a-z]{1,32})"[,}]/;
const TRAILER = /^,"hash":"([0-9a-f]{64})"\}$/;

/** Place and type of `line`, which has no newline; undefined for what has not the form of a line. */
export function frameOf(line: Uint8Array): Frame | undefined {
  const buffer = Buffer.from(line.buffer, line.byteOffset, line.byteLength);
  if (buffer.length <= TRAILER_BYTES || buffer.length > MAX_LINE_BYTES) return undefined;
  const end = buffer.length - TRAILER_BYTES;
  const trailer = TRAILER.exec(buffer.toString("latin1", end));
  const start = FRAME.exec(`${buffer.toString("latin1", 0, Math.min(end, 64))},`);
  if (trailer === null || start === null) return undefined;
  return { sequence: Number(start[1]), type: start[2] ?? "", hash: trailer[1] ?? "" };
}

/** Computes the hash of lines in one buffer that is used again and again. */
export class LineHasher {
  readonly #scratch = Buffer.alloc(64 + MAX_LINE_BYTES);

  /** The hash that `line` must have behind one with `previous`; {@link frameOf} took the line. */
  hash(previous: string, line: Uint8Array): string {
    const length = line.length - TRAILER_BYTES;
    this.#scratch.write(previous, 0, 64, "latin1");
    this.#scratch.set(line.subarray(0, length), 64);
    return hash("sha256", this.#scratch.subarray(0, 64 + length), "hex");
  }
}

/** The members of a line as plain data; undefined when it is no JSON object. */
export function membersOf(line: Uint8Array): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(Buffer.from(line.buffer, line.byteOffset, line.byteLength).toString());
    if (typeof value === "object" && value !== null && !Array.isArray(value)) return { ...value };
  } catch {
    // Told by the absence of a value.
  }
  return undefined;
}

/** `{"seq":…,"hash":…}` as a link. */
export function linkOf(value: unknown): Link | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  const sequence: unknown = Reflect.get(value, "seq");
  const digest: unknown = Reflect.get(value, "hash");
  if (typeof sequence !== "number" || !Number.isSafeInteger(sequence) || sequence < 1) return undefined;
  if (typeof digest !== "string" || !/^[0-9a-f]{64}$/.test(digest)) return undefined;
  return { sequence, hash: digest };
}

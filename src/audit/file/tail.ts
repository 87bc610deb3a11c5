/** Where an audit file ends: what a server needs to know of it to go on. */
import { type CheckpointSigner, checkpointOf, isSignedBy } from "./checkpoint.js";
import { type Frame, frameOf, GENESIS, LineHasher, type Link, MAX_LINE_BYTES, membersOf } from "./line.js";
import { headerOf } from "./members.js";
import type { AuditFileSystem } from "./system.js";

/** How far from its end a file is read, in bytes: more than a minute's records fit. */
const WINDOW_BYTES = 4 * 1024 * 1024;

type PublicKey = Pick<CheckpointSigner, "keyId" | "publicKey">;

/** The end of a file. */
export interface Tail {
  readonly chain: string;
  /** When the file was begun, in milliseconds since the epoch, by the clock of that time. */
  readonly openedAtMs: number;
  /** Sequence number of the first line. */
  readonly first: number;
  /** The last line that has the form of one. */
  readonly last: Link;
  /** Bytes up to its end. */
  readonly size: number;
  /** What follows it: a line that was begun when the server died, or what somebody put there. */
  readonly rest: Buffer;
  /** The last line is a checkpoint. */
  readonly signed: boolean;
  /** The server that wrote the last line ended in good order. */
  readonly closed: boolean;
  /** Lines behind the last checkpoint, as far as the file was read. */
  readonly unsigned: number;
  /** The first line, in the part that was read, that does not fit those before. */
  readonly damagedAt: number | undefined;
  /** The hash of a line by its number, in the part that was read. */
  readonly hashOf: (sequence: number) => string | undefined;
}

interface Placed extends Frame {
  readonly line: Buffer;
  /** Bytes of the file up to the end of the line, its newline included. */
  readonly end: number;
  /** Before it stands something that has not the form of a line. */
  readonly isBehindJunk: boolean;
}

/**
 * Reads the end of the file of `size` bytes and holds it against itself, from the oldest checkpoint that was read on.
 * @param key - signatures of other keys are not looked at
 * @returns undefined when the file is no audit file, or has none of its lines in its last 4 MiB
 */
export async function readTail(
  fs: Pick<AuditFileSystem, "read">,
  fd: number,
  size: number,
  key: PublicKey,
): Promise<Tail | undefined> {
  const start = await readAt(fs, fd, 0, Math.min(size, MAX_LINE_BYTES));
  const firstEnd = start.indexOf(10);
  if (firstEnd < 0) return undefined;
  const header = headerOf(membersOf(start.subarray(0, firstEnd)));
  const first = frameOf(start.subarray(0, firstEnd));
  if (header === undefined || first === undefined) return undefined;

  const from = Math.max(0, size - WINDOW_BYTES);
  const window = await readAt(fs, fd, from, size - from);
  const lines = linesOf(window, from);
  const last = lines.at(-1);
  if (last === undefined) return undefined;
  const lastCheckpoint = lines.findLastIndex(({ type }) => type === "checkpoint");
  return {
    chain: header.chain,
    openedAtMs: header.timeMs,
    first: first.sequence,
    last: { sequence: last.sequence, hash: last.hash },
    size: last.end,
    rest: window.subarray(last.end - from),
    signed: last.type === "checkpoint",
    closed: last.type === "checkpoint" && membersOf(last.line)?.reason !== "interval",
    unsigned: lines.length - 1 - lastCheckpoint,
    damagedAt: firstDamage(lines, from === 0 ? (header.previous?.hash ?? GENESIS) : undefined, key),
    hashOf: (sequence) => lines.find((line) => line.sequence === sequence)?.hash,
  };
}

async function readAt(
  fs: Pick<AuditFileSystem, "read">,
  fd: number,
  position: number,
  length: number,
): Promise<Buffer> {
  const buffer = Buffer.alloc(length);
  return buffer.subarray(0, await fs.read(fd, buffer, position));
}

/** The lines of `window` that have the form of one; its first may have been cut and is left out then. */
function linesOf(window: Buffer, from: number): readonly Placed[] {
  const lines: Placed[] = [];
  let start = from === 0 ? 0 : window.indexOf(10) + 1;
  let isBehindJunk = false;
  for (let end = window.indexOf(10, start); end >= 0; end = window.indexOf(10, start)) {
    const line = window.subarray(start, end);
    const frame = frameOf(line);
    if (frame !== undefined) lines.push({ ...frame, line, end: from + end + 1, isBehindJunk });
    isBehindJunk = frame === undefined;
    start = end + 1;
  }
  return lines;
}

function firstDamage(
  lines: readonly Placed[],
  before: string | undefined,
  key: PublicKey,
): number | undefined {
  const hasher = new LineHasher();
  let previous: Link | undefined =
    before === undefined ? undefined : { sequence: (lines[0]?.sequence ?? 1) - 1, hash: before };
  for (const { line, sequence, hash, type, isBehindJunk } of lines) {
    if (isBehindJunk) return sequence;
    if (previous !== undefined) {
      if (sequence !== previous.sequence + 1 || hasher.hash(previous.hash, line) !== hash) return sequence;
      if (type === "checkpoint" && !isGood(line, previous, key)) return sequence;
    }
    previous = { sequence, hash };
  }
  return undefined;
}

function isGood(line: Buffer, previous: Link, { keyId, publicKey }: PublicKey): boolean {
  const checkpoint = checkpointOf(line);
  if (checkpoint === undefined) return false;
  const { last, key } = checkpoint;
  if (last.sequence !== previous.sequence || last.hash !== previous.hash) return false;
  return key !== keyId || isSignedBy(checkpoint, publicKey);
}

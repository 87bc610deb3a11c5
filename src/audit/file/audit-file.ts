/** One chain of lines in a file that is rotated: opened, gone on with, written, closed. One call at a time. */
import { randomBytes } from "node:crypto";
import { constants, type Stats } from "node:fs";
import { dirname } from "node:path";
import { type ChainStart, chainStart, readHead } from "./chain-start.js";
import type { CheckpointReason, CheckpointSigner } from "./checkpoint.js";
import { chained, GENESIS, type Link } from "./line.js";
import { headerMembers, type Notice, noticeMembers } from "./members.js";
import { headFileOf, rotatedFilesOf } from "./names.js";
import { copyOf, cutOff, moveAway, OPEN_FLAGS } from "./salvage.js";
import type { AuditFileSystem } from "./system.js";
import { readTail, type Tail } from "./tail.js";

/** What of the configuration the file needs; replaced on a reload. */
export interface AuditFileSettings {
  readonly path: string;
  /** The file is rotated when it has grown to this; 0 for never. */
  readonly maxBytes: number;
  /** The same by age; 0 for never. */
  readonly maxAgeMs: number;
  /** Rotated files that stay; 0 for all. */
  readonly keep: number;
  readonly signer: CheckpointSigner;
  /** Lines are on the disk when {@link AuditFile.write} returns. */
  readonly sync: boolean;
}

export interface AuditFileParts {
  readonly fs: AuditFileSystem;
  readonly log: {
    info(message: string): void;
    warn(message: string): void;
    error(message: string, cause?: unknown): void;
  };
  /** Wall clock: milliseconds since the epoch. */
  readonly now: () => number;
  /** A clock that only goes forward, in milliseconds. */
  readonly monotonic: () => number;
  /** Version of this program. */
  readonly version: string;
  /** The oldest line that somebody has yet to read; its file is not removed. */
  readonly neededFrom: () => number;
}

/** The clock may drift so much between two looks before the chain says that it was set. */
const CLOCK_JUMP_MS = 5_000;

interface Open {
  readonly fd: number;
  readonly first: number;
  size: number;
  /** By the clock that only goes forward. */
  readonly openedMs: number;
}

export class AuditFile {
  readonly #parts: AuditFileParts;
  #settings: AuditFileSettings;
  #file: Open | undefined;
  #chain = "";
  #last: Link | undefined;
  #unsigned = 0;
  #checkpointMs: number;
  #drift: number;
  /** Written before the next record. */
  #notices: Notice[] = [];

  constructor(settings: AuditFileSettings, parts: AuditFileParts) {
    this.#settings = settings;
    this.#parts = parts;
    this.#checkpointMs = parts.monotonic();
    this.#drift = parts.now() - parts.monotonic();
  }

  get path(): string {
    return this.#settings.path;
  }
  /** Number of the last line; 0 before there is one. */
  get sequence(): number {
    return this.#last?.sequence ?? 0;
  }
  /** Hash of the last line. */
  get hash(): string {
    return this.#last?.hash ?? GENESIS;
  }
  get bytes(): number {
    return this.#file?.size ?? 0;
  }
  /** Number of the file's first line. */
  get first(): number {
    return this.#file?.first ?? 0;
  }
  get unsigned(): number {
    return this.#unsigned;
  }
  get msSinceCheckpoint(): number {
    return this.#parts.monotonic() - this.#checkpointMs;
  }

  /** Of the same path. Another key signs from the next file on, which begins at once. */
  async configure(settings: AuditFileSettings): Promise<void> {
    const isOtherKey = settings.signer.keyId !== this.#settings.signer.keyId;
    const file = this.#file;
    if (!isOtherKey || file === undefined) {
      this.#settings = settings;
      return;
    }
    await this.#end("rotation");
    this.#settings = settings;
    await this.#moveAway(file.first);
    await this.open();
  }

  /** Puts `notice` before the next record. */
  note(notice: Notice): void {
    this.#notices.push(notice);
  }

  /** Makes sure that there is a file to write to. */
  async open(): Promise<void> {
    if (this.#file !== undefined) return;
    const { path } = this.#settings;
    const { fs } = this.#parts;
    const found = await fs.stat(path);
    if (found?.isFile() === false) throw new Error(`'${path}' is not a file`);
    const size = found?.size ?? 0;
    const fd = size === 0 ? undefined : await fs.open(path, OPEN_FLAGS);
    const pending = this.#notices;
    const told: Notice[] = [];
    try {
      const tail = fd === undefined ? undefined : await readTail(fs, fd, size, this.#settings.signer);
      const start = await this.#start(tail, size);
      told.push(...start.notices);
      this.#chain = start.chain;
      if (start.goesOn && fd !== undefined && tail !== undefined) told.push(...(await this.#goOn(fd, tail)));
      else {
        if (fd !== undefined) await fs.close(fd);
        if (size > 0) await this.#moveAway(tail?.first ?? 0);
        this.#last = start.last;
        await this.#begin();
      }
      // Not before it succeeded: it is tried again and again while the disk is full.
      for (const notice of told) this.#tell(notice);
    } catch (error) {
      this.#notices = pending;
      if (fd !== undefined && this.#file === undefined) await fs.close(fd).catch(() => undefined);
      throw error;
    }
  }

  /** How the chain goes on, given what was found. */
  async #start(tail: Tail | undefined, size: number): Promise<ChainStart> {
    const { signer, path } = this.#settings;
    const { fs } = this.#parts;
    const known = this.#last === undefined ? undefined : { chain: this.#chain, last: this.#last };
    const head = await readHead(fs, headFileOf(path), signer);
    const { version } = this.#parts;
    return chainStart({
      tail,
      size,
      known,
      head,
      version,
      freshChain: () => randomBytes(16).toString("hex"),
    });
  }

  /** Appends to the file that was found. */
  async #goOn(fd: number, tail: Tail): Promise<Notice[]> {
    const { monotonic, now } = this.#parts;
    const notices = tail.rest.length > 0 ? [await cutOff(this.#parts.fs, fd, tail, this.#settings.path)] : [];
    const ageMs = Math.max(0, Math.min(now() - tail.openedAtMs, this.#settings.maxAgeMs));
    this.#file = { fd, first: tail.first, size: tail.size, openedMs: monotonic() - ageMs };
    this.#last = tail.last;
    this.#unsigned = tail.unsigned;
    return notices;
  }

  /** Begins a file behind {@link #last}. */
  async #begin(): Promise<void> {
    const { fs, monotonic } = this.#parts;
    const { path, signer } = this.#settings;
    const fd = await fs.open(path, OPEN_FLAGS | constants.O_CREAT, 0o640);
    const previous = this.#last;
    const first = (previous?.sequence ?? 0) + 1;
    const { size } = await fs.fstat(fd);
    this.#file = { fd, first, size, openedMs: monotonic() };
    try {
      if (size > 0) throw new Error(`'${path}' was made by somebody else meanwhile`);
      await this.#put(
        [headerMembers({ chain: this.#chain, key: signer.keyId, previous }, this.#time())],
        true,
      );
      await fs.syncFolder(dirname(path));
    } catch (error) {
      // Its header may be half written, and is written anew.
      await fs.truncate(fd, size).catch(() => undefined);
      this.#last = previous;
      await this.#letGo();
      throw error;
    }
  }

  /**
   * Writes records, before them what happened to the file, behind them a checkpoint if asked for, in one go.
   * When that fails, none of it stands in the file, as far as the disk allows, and the file is closed.
   */
  async write(records: readonly string[], checkpoint?: CheckpointReason): Promise<void> {
    await this.open();
    this.#lookAtClock();
    const notices = this.#notices;
    this.#notices = [];
    try {
      const time = this.#time();
      const all = [...notices.map((notice) => noticeMembers(notice, time)), ...records];
      await this.#put(all, this.#settings.sync, checkpoint);
    } catch (error) {
      this.#notices = [...notices, ...this.#notices];
      await this.#undo();
      throw error;
    }
    await this.#lookAtFile();
  }

  async #put(members: readonly string[], sync: boolean, checkpoint?: CheckpointReason): Promise<void> {
    const file = this.#file;
    if (file === undefined) throw new Error("the audit file is not open");
    const { fs, monotonic } = this.#parts;
    let last = this.#last ?? { sequence: 0, hash: GENESIS };
    let text = "";
    for (const one of members) {
      const line = chained(last, one);
      text += line.text;
      last = line.link;
    }
    let head = "";
    if (checkpoint !== undefined) {
      const line = chained(last, this.#settings.signer.members(this.#chain, last, this.#time(), checkpoint));
      head = line.text;
      last = line.link;
    }
    const bytes = Buffer.from(text + head);
    if (bytes.length === 0) return;
    await fs.append(file.fd, bytes);
    if (sync || checkpoint !== undefined) await fs.fdatasync(file.fd);
    file.size += bytes.length;
    this.#last = last;
    this.#unsigned += members.length;
    if (checkpoint === undefined) return;
    this.#unsigned = 0;
    this.#checkpointMs = monotonic();
    await fs.replace(headFileOf(this.#settings.path), head).catch((error) => {
      this.#parts.log.warn(`audit: the last checkpoint could not be noted beside the file: ${String(error)}`);
    });
  }

  /** Takes back what a failed write left, and lets go of the file: it is looked at anew before the next write. */
  async #undo(): Promise<void> {
    const file = this.#file;
    if (file === undefined) return;
    // What cannot be taken back is found when the file is opened again.
    await this.#parts.fs.truncate(file.fd, file.size).catch(() => undefined);
    await this.#letGo();
  }

  async #letGo(): Promise<void> {
    const file = this.#file;
    this.#file = undefined;
    // Closed in any case, whatever close(2) says.
    if (file !== undefined) await this.#parts.fs.close(file.fd).catch(() => undefined);
  }

  /** Was the file cut, written by others or deleted? What was acknowledged is saved then. */
  async #lookAtFile(): Promise<void> {
    const file = this.#file;
    if (file === undefined) return;
    const { size, nlink } = await this.#parts.fs.fstat(file.fd);
    if (size !== file.size) {
      this.#tell({ event: "damaged", details: { what: "size changed", expected: file.size, found: size } });
      file.size = size;
      // A file without its beginning is none; the chain goes on in the next.
      if (nlink > 0) return this.rotate();
    }
    if (nlink === 0) await this.#restore(file);
  }

  /** The file was deleted, but this process has it still: its content goes where rotated files are. */
  async #restore(file: Open): Promise<void> {
    const path = await copyOf(this.#parts.fs, file.fd, this.#settings.path, file.first);
    await this.#letGo();
    this.#tell({ event: "deleted", details: { restored: path } });
    await this.open();
  }

  /** Looks whether the path still leads to the file; it is opened anew if not. @param expected - somebody said so */
  async lookAtPlace(expected = false): Promise<void> {
    const file = this.#file;
    if (file === undefined) return;
    const { fs } = this.#parts;
    const [own, there] = [await fs.fstat(file.fd), await fs.stat(this.#settings.path)];
    if (isSame(own, there) && own.size === file.size) return;
    if (isSame(own, there) || own.nlink === 0) return this.#lookAtFile();
    if (!expected) this.#tell({ event: "moved", details: { path: this.#settings.path } });
    await this.#end("rotation");
    await this.open();
  }

  /** True when the file is large or old enough. */
  get isDue(): boolean {
    const file = this.#file;
    if (file === undefined || this.sequence <= file.first) return false;
    const { maxBytes, maxAgeMs } = this.#settings;
    if (maxBytes > 0 && file.size >= maxBytes) return true;
    return maxAgeMs > 0 && this.#parts.monotonic() - file.openedMs >= maxAgeMs;
  }

  /** Ends the file with a checkpoint, gives it the name of its first line, begins the next. */
  async rotate(): Promise<void> {
    const file = this.#file;
    if (file === undefined) return this.open();
    const { fs } = this.#parts;
    const own = await fs.fstat(file.fd);
    await this.#end("rotation");
    if (isSame(own, await fs.stat(this.#settings.path))) await this.#moveAway(file.first);
    await this.open();
    await this.#removeOld();
  }

  async #end(reason: "rotation" | "close"): Promise<void> {
    try {
      await this.#put([], true, reason);
    } catch (error) {
      await this.#undo();
      throw error;
    }
    await this.#letGo();
  }

  /** Ends the chain for now. */
  async close(): Promise<void> {
    if (this.#file !== undefined) await this.#end("close");
  }

  #moveAway(first: number): Promise<void> {
    return moveAway(this.#parts.fs, this.#settings.path, first);
  }

  async #removeOld(): Promise<void> {
    const { keep, path } = this.#settings;
    if (keep === 0) return;
    const { fs, log, neededFrom } = this.#parts;
    const files = rotatedFilesOf(path, await fs.list(dirname(path)));
    const surplus = files.slice(0, Math.max(0, files.length - keep));
    for (const [index, file] of surplus.entries()) {
      const next = files[index + 1]?.first ?? this.first;
      if (neededFrom() < next) return;
      await fs.remove(file.path);
      log.info(`audit: removed ${file.path}: more than ${keep} rotated files`);
      this.note({ event: "removed", details: { file: file.path, first: file.first, last: next - 1 } });
    }
  }

  /** The chain says when the clock was set: times before and after it do not compare. */
  #lookAtClock(): void {
    const { now, monotonic, log } = this.#parts;
    const drift = now() - monotonic();
    const jump = Math.round(drift - this.#drift);
    this.#drift = drift;
    if (Math.abs(jump) < CLOCK_JUMP_MS) return;
    log.warn(`audit: the clock was set by ${jump} ms`);
    this.note({ event: "clock", details: { jumpMs: jump } });
  }

  #tell(notice: Notice): void {
    this.note(notice);
    const { event, details = {} } = notice;
    if (event === "start" || event === "resume") return;
    const text = Object.entries(details).map(([name, value]) => `${name}=${String(value)}`);
    this.#parts.log.error(`audit: ${SAID[event] ?? event}: ${text.join(", ")}`);
  }

  #time(): string {
    return new Date(this.#parts.now()).toISOString();
  }
}

const SAID: Readonly<Partial<Record<Notice["event"], string>>> = {
  torn: "the file ended in the middle of a line",
  damaged: "the file was changed by somebody else",
  deleted: "the file was deleted under this server and put back",
  moved: "the file was moved away, a new one is begun",
};

function isSame(one: Stats, other: Stats | undefined): boolean {
  return other !== undefined && one.ino === other.ino && one.dev === other.dev;
}

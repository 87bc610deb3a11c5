/** The files of data: giving numbers, writing them durably, reading, removing. */
import { constants } from "node:fs";
import { damaged, errnoOf, onDisk, unless } from "./faults.js";
import type { FileSystem } from "./file-system.js";
import { FolderSync } from "./folder-sync.js";
import { Gate } from "./gate.js";
import { END_OF_NUMBERS, type FileName, folderOf, type Layout } from "./layout.js";
import { decodeRecordFile, encodeRecordFile, MAX_RECORD_BYTES, type RecordFile } from "./record-file.js";
import type { StoredRecord } from "./stored-record.js";

const CREATE = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;
// O_NONBLOCK: what somebody put there instead must not keep us waiting.
const READ = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
/** Files open for a moment, at a time. Those of drafts are counted by themselves. */
const MAX_OPEN = 128;
/** Folders that were looked at and are known not to be links. */
const MAX_KNOWN_FOLDERS = 4096;
const NOTHING = Buffer.alloc(0);

/** Files of one change, which belong to nothing before its index entry is durable. */
export class FileSet {
  readonly files: FileName[] = [];
}

export class Files {
  readonly layout: Layout;
  readonly #system: FileSystem;
  readonly #sync: FolderSync;
  readonly #open = new Gate(MAX_OPEN);
  /** Numbers that were given and are neither in the index nor known to be gone. */
  readonly #unsettled = new Set<number>();
  readonly #knownFolders = new Set<number>();
  #next: number;

  /** @param next - a number above those of all files */
  constructor(layout: Layout, system: FileSystem, next: number) {
    this.layout = layout;
    this.#system = system;
    this.#sync = new FolderSync(system);
    this.#next = next;
  }

  /** Every file with a lower number is in the index, was never, or is garbage. */
  get settledNumber(): number {
    // The oldest comes first.
    for (const number of this.#unsettled) return number;
    return this.#next;
  }

  /** Every file in a folder below this is in the index, or known to be garbage. */
  get settledFolder(): number {
    return folderOf(this.settledNumber);
  }

  #takeNumber(): number {
    if (this.#next >= END_OF_NUMBERS) throw damaged("all numbers of files are used up");
    const number = this.#next++;
    this.#unsettled.add(number);
    return number;
  }

  /** The index knows them, or they are gone for good. */
  settle({ files }: FileSet): void {
    for (const { number } of files) this.#unsettled.delete(number);
  }

  /**
   * Writes a record file. Durable once {@link flush} was called, too.
   * @param make - gets the number of the file
   * @returns that number
   */
  async writeRecord(
    set: FileSet,
    make: (number: number) => StoredRecord,
    content: Uint8Array = NOTHING,
  ): Promise<number> {
    const number = this.#takeNumber();
    const name: FileName = { number, kind: "record" };
    set.files.push(name);
    const bytes = encodeRecordFile(make(number), content);
    await this.#open.run(async () => {
      await this.#prepareFolder(folderOf(number));
      const fd = await this.#system.open(this.layout.file(name), CREATE, 0o600);
      try {
        await this.#system.write(fd, bytes);
        await this.#system.fsync(fd);
      } finally {
        await this.#system.close(fd);
      }
    });
    return number;
  }

  /** Moves durable content in. Its place is durable once {@link flush} was called, too. @returns its number */
  async takeIn(set: FileSet, path: string): Promise<number> {
    const number = this.#takeNumber();
    const name: FileName = { number, kind: "content" };
    set.files.push(name);
    await this.#prepareFolder(folderOf(number));
    await this.#system.rename(path, this.layout.file(name));
    return number;
  }

  /** Makes the names of the files durable. */
  async flush({ files }: FileSet): Promise<void> {
    const folders = new Set(files.map(({ number }) => folderOf(number)));
    await Promise.all([...folders].map((folder) => this.#sync.sync(this.layout.folder(folder))));
  }

  /**
   * Takes back what a change has written that came to nothing.
   * Where that fails the files stay unsettled, and the next start removes them.
   */
  async takeBack(set: FileSet): Promise<void> {
    await this.remove(set.files);
    this.settle(set);
  }

  /** Removes files durably. Those that are gone already are no failure; all are tried. */
  async remove(files: readonly FileName[]): Promise<void> {
    const ends = await Promise.allSettled(
      files.map((name) =>
        this.#open.run(() => unless("ENOENT", this.#system.unlink(this.layout.file(name)))),
      ),
    );
    for (const end of ends) if (end.status === "rejected") throw end.reason;
    const folders = new Set(files.map(({ number }) => folderOf(number)));
    await Promise.all([...folders].map((folder) => this.#syncAfterRemoval(folder)));
  }

  /** Reads a record file. @returns undefined when there is none; @throws S3Error `INTERNAL` when it is damaged */
  async readRecord(number: number): Promise<RecordFile | undefined> {
    const bytes = await this.readWhole({ number, kind: "record" });
    if (bytes === undefined) return undefined;
    const file = decodeRecordFile(bytes);
    if (file === undefined) throw damaged(`record file ${number} is damaged`);
    return file;
  }

  /** A whole file of at most {@link MAX_RECORD_BYTES}; undefined when there is none. */
  async readWhole(name: FileName): Promise<Buffer | undefined> {
    return this.#reading(name, async (fd, size) => {
      if (size > MAX_RECORD_BYTES) throw damaged(`${name.kind} file ${name.number} is too large`);
      return this.#readAt(fd, 0, size);
    });
  }

  /** `length` bytes at `offset`. @throws S3Error `INTERNAL` when they are not there */
  async readSome(name: FileName, offset: number, length: number): Promise<Buffer> {
    const bytes = await this.#reading(name, (fd) => this.#readAt(fd, offset, length));
    if (bytes?.length !== length) throw damaged(`${name.kind} file ${name.number} is gone or too short`);
    return bytes;
  }

  /** Bytes; undefined when there is no such file. */
  async sizeOf(name: FileName): Promise<number | undefined> {
    return this.#reading(name, async (_, size) => size);
  }

  /** The file is opened for each stretch, so that slow readers hold nothing open. */
  #reading<T>(name: FileName, use: (fd: number, size: number) => Promise<T>): Promise<T | undefined> {
    return onDisk(this.#open.run(() => this.#readFile(name, use)));
  }

  async #readFile<T>(name: FileName, use: (fd: number, size: number) => Promise<T>): Promise<T | undefined> {
    let fd: number;
    try {
      fd = await this.#system.open(this.layout.file(name), READ);
    } catch (cause) {
      if (errnoOf(cause) === "ENOENT") return undefined;
      throw cause;
    }
    try {
      const stats = await this.#system.fstat(fd);
      if (!stats.isFile()) throw damaged(`${name.kind} file ${name.number} is not a regular file`);
      return await use(fd, stats.size);
    } finally {
      await this.#system.close(fd);
    }
  }

  /** As much as there is of it. */
  async #readAt(fd: number, offset: number, length: number): Promise<Buffer> {
    const bytes = Buffer.allocUnsafe(length);
    let done = 0;
    for (let got = -1; got !== 0 && done < length; done += got)
      got = await this.#system.read(fd, bytes.subarray(done), offset + done);
    return bytes.subarray(0, done);
  }

  async #prepareFolder(folder: number): Promise<void> {
    if (this.#knownFolders.has(folder)) return;
    const path = this.layout.folder(folder);
    await unless("EEXIST", this.#system.mkdir(path, 0o700));
    if (!(await this.#system.lstat(path)).isDirectory()) throw damaged(`folder ${folder} is not a folder`);
    // Else a power loss could take it away together with what was acknowledged.
    await this.#sync.sync(this.layout.data);
    if (this.#knownFolders.size >= MAX_KNOWN_FOLDERS) this.#knownFolders.clear();
    this.#knownFolders.add(folder);
  }

  async #syncAfterRemoval(folder: number): Promise<void> {
    const path = this.layout.folder(folder);
    await unless("ENOENT", this.#sync.sync(path));
    // Nothing is written to folders before the current one, but by changes that are under way.
    if (folder >= this.settledFolder) return;
    this.#knownFolders.delete(folder);
    try {
      await this.#system.rmdir(path);
    } catch (cause) {
      const errno = errnoOf(cause);
      if (errno !== "ENOTEMPTY" && errno !== "EEXIST" && errno !== "ENOENT") throw cause;
    }
  }
}

/**
 * A directory store that this process only reads, whoever has it open: a running server, nobody, or a disk that cannot be
 * written. It takes no lock, removes no leftovers and changes no byte. What it reads may be replaced and removed under
 * its hands, for nobody knows of it: {@link StoreReader.version} tells that from damage.
 */
import { s3Error } from "../s3/errors.js";
import { Buckets } from "./buckets.js";
import { Collector } from "./collector.js";
import { Core, SETTLED } from "./core.js";
import type { ListedRecord } from "./entries.js";
import { errnoOf } from "./faults.js";
import { type FileSystem, nodeFileSystem } from "./file-system.js";
import { Files } from "./files.js";
import { Holds } from "./holds.js";
import { IndexReader } from "./index-reader.js";
import { FILES_PER_FOLDER, Layout } from "./layout.js";
import type { BucketRecord, HeldObject, ObjectRecord, ObjectStore } from "./object-store.js";
import { Objects } from "./objects.js";
import { StoreFolderError } from "./prepare-folder.js";
import { readingOnly } from "./reading-only.js";
import { Uploads } from "./uploads.js";
import { type StoreFinding, verifyStore } from "./verify.js";

export class StoreReader implements ObjectStore {
  readonly #system: FileSystem;
  readonly #index: IndexReader;
  readonly #core: Core;
  readonly #buckets: Buckets;
  readonly #objects: Objects;
  readonly #uploads: Uploads;

  private constructor(system: FileSystem, layout: Layout, index: IndexReader) {
    const files = new Files(layout, system, 0);
    const holds = new Holds(() => undefined);
    const collector = new Collector(index, files, holds, () => undefined);
    this.#system = system;
    this.#index = index;
    this.#core = new Core(index, files, holds, collector, () => undefined);
    this.#buckets = new Buckets(this.#core);
    this.#objects = new Objects(this.#core);
    this.#uploads = new Uploads(this.#core, this.#objects);
  }

  /** @throws StoreFolderError when there is no store, or its index is not its own */
  static async open(folder: string, system: FileSystem = nodeFileSystem): Promise<StoreReader> {
    const reading = readingOnly(system);
    const layout = new Layout(folder);
    try {
      return new StoreReader(reading, layout, await IndexReader.open(reading, layout));
    } catch (cause) {
      const errno = errnoOf(cause);
      if (errno !== "EACCES" && errno !== "EPERM") throw cause;
      throw new StoreFolderError(`'${folder}' cannot be read: only its server's user and root can`, {
        cause,
      });
    }
  }

  bucket(name: string): BucketRecord | undefined {
    return this.#buckets.bucket(name);
  }

  buckets(): readonly BucketRecord[] {
    return this.#buckets.buckets();
  }

  object(bucket: string, key: string): ObjectRecord | undefined {
    return this.#objects.object(bucket, key);
  }

  /** Does not keep its content from being removed. */
  hold(bucket: string, key: string): Promise<HeldObject | undefined> {
    return this.#objects.hold(bucket, key);
  }

  scan(bucket: string, start: Buffer): Iterable<ListedRecord> {
    return this.#objects.scan(this.#core.bucket(bucket).bucket, start);
  }

  upload(bucket: string, key: string, id: string): ReturnType<ObjectStore["upload"]> {
    return this.#uploads.upload(bucket, key, id);
  }

  scanUploads(bucket: string, start: Buffer): ReturnType<ObjectStore["scanUploads"]> {
    return this.#uploads.scan(this.#core.bucket(bucket).bucket, start);
  }

  parts(bucket: string, key: string, id: string): ReturnType<ObjectStore["parts"]> {
    return this.#uploads.parts(bucket, key, id);
  }

  setting(name: string): string | undefined {
    return this.#buckets.setting(name);
  }

  /**
   * Which version of an object is there now; undefined: none. When it is the same before something failed and after,
   * the object is as it was all the time, and the failure is its own.
   * @throws StoreFolderError when the index was replaced: nothing that was found means anything
   */
  async version(bucket: string, key: string): Promise<number | undefined> {
    await this.#index.checkIdentity();
    this.#index.refresh();
    const found = this.#buckets.number(bucket);
    return found === undefined ? undefined : this.#objects.version(found, key);
  }

  /** Holds the index against the files, both ways. @throws StoreFolderError when the index was replaced meanwhile */
  async *verify(): AsyncIterable<StoreFinding> {
    const settled = (): number => Number(this.#index.get("state", SETTLED) ?? "0") * FILES_PER_FOLDER;
    for await (const finding of verifyStore(this.#system, this.#core, settled)) {
      await this.#index.checkIdentity();
      yield finding;
    }
    await this.#index.checkIdentity();
  }

  close(): Promise<void> {
    return this.#index.close();
  }

  createBucket = refuse;
  changeBucket = refuse;
  deleteBucket = refuse;
  draft = refuse;
  publish = refuse;
  changeObject = refuse;
  deleteObject = refuse;
  createUpload = refuse;
  putPart = refuse;
  completeUpload = refuse;
  abortUpload = refuse;
  changeSetting = refuse;
}

async function refuse(): Promise<never> {
  throw s3Error("METHOD_NOT_ALLOWED");
}

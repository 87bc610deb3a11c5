/** Buckets and objects in a local folder: contents in files, an index in lmdb (docs/storage-format.md). */
import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { s3Error } from "../s3/errors.js";
import { Buckets } from "./buckets.js";
import { Collector } from "./collector.js";
import { Core } from "./core.js";
import { makeDraft, StoredDraft } from "./draft.js";
import type { ListedRecord } from "./entries.js";
import { damaged } from "./faults.js";
import { type FileSystem, nodeFileSystem } from "./file-system.js";
import { Files } from "./files.js";
import { Gate } from "./gate.js";
import { Holds } from "./holds.js";
import { type Committer, type IndexDatabase, openIndex } from "./index-database.js";
import { settleIndex } from "./index-exchange.js";
import { Layout } from "./layout.js";
import type {
  BucketRecord,
  Check,
  Draft,
  HeldObject,
  ObjectRecord,
  ObjectStore,
  PartRecord,
  UploadCheck,
  UploadRecord,
} from "./object-store.js";
import { Objects } from "./objects.js";
import { prepareFolder } from "./prepare-folder.js";
import { takeLock } from "./process-lock.js";
import { recover } from "./recovery.js";
import { beginSession } from "./session.js";
import { Space } from "./space.js";
import { Uploads } from "./uploads.js";
import { type StoreFinding, verifyStore } from "./verify.js";

const MIB = 1024 * 1024;

export interface DirectoryStoreOptions {
  /** Leftovers and other things that somebody should know, for the error log. */
  readonly warn?: (message: string) => void;
  /** Bytes of the disk that uploads leave free, so that deleting works on a full one. Default 64 MiB. */
  readonly reserveBytes?: number;
  /** Files that uploads leave free, where the file system counts them: a start needs a few. Default 64. */
  readonly reserveFiles?: number;
  /** Uploads that are larger than 64 KiB and go on at a time. Each takes 1 MiB of memory and one open file. Default 128. */
  readonly maxUploads?: number;
  readonly system?: FileSystem;
  readonly committer?: Committer;
  /** Monotonic milliseconds. */
  readonly now?: () => number;
  /** 16 lower-case letters and digits or more, never the same again. */
  readonly randomId?: () => string;
}

/** How long at most the index keeps what a process that was killed while it read has held. */
const UPKEEP_MS = 60_000;
/** Uploads that wait for one of `maxUploads`; the next is told to slow down. */
const MAX_WAITING_UPLOADS = 1024;

export class DirectoryStore implements ObjectStore {
  readonly #system: FileSystem;
  readonly #core: Core;
  readonly #buckets: Buckets;
  readonly #objects: Objects;
  readonly #uploads: Uploads;
  readonly #draft: (source: AsyncIterable<Uint8Array>, signal: AbortSignal) => Promise<StoredDraft>;
  readonly #unlock: () => Promise<void>;
  readonly #drafting = new Set<AbortController>();
  readonly #running = new Set<Promise<unknown>>();
  /** Ends what goes on in the background. */
  readonly #closing = new AbortController();
  #isRemovingGone = false;
  /** Another bucket was deleted meanwhile. */
  #mustRemoveGone = false;
  #upkeep: NodeJS.Timeout | undefined;
  #isClosed = false;

  private constructor(
    system: FileSystem,
    core: Core,
    draft: (source: AsyncIterable<Uint8Array>, signal: AbortSignal) => Promise<StoredDraft>,
    unlock: () => Promise<void>,
  ) {
    this.#system = system;
    this.#core = core;
    this.#buckets = new Buckets(core);
    this.#objects = new Objects(core);
    this.#uploads = new Uploads(core, this.#objects);
    this.#draft = draft;
    this.#unlock = unlock;
  }

  /**
   * Opens the store in `folder`, which is created where it is missing.
   * @throws LockedError when another process has it open; StoreFolderError when it cannot be a store
   */
  static async open(folder: string, options: DirectoryStoreOptions = {}): Promise<DirectoryStore> {
    const system = options.system ?? nodeFileSystem;
    const warn = options.warn ?? (() => {});
    const now = options.now ?? (() => performance.now());
    const randomId = options.randomId ?? (() => randomBytes(16).toString("hex"));
    const layout = new Layout(folder);
    await prepareFolder(system, layout);
    const unlock = await takeLock(system, layout.lock, layout.drafts, randomId());
    let index: IndexDatabase | undefined;
    try {
      await settleIndex(system, layout);
      index = openIndex(system, layout.index, options.committer);
      await beginSession(system, layout, index, randomId());
      const next = await recover(system, layout, index, warn);
      const files = new Files(layout, system, next);
      const holds = new Holds(() => collector.wakeForContents());
      const collector = new Collector(index, files, holds, warn);
      const place = {
        system,
        newPath: () => join(layout.drafts, randomId()),
        gate: new Gate(options.maxUploads ?? 128, MAX_WAITING_UPLOADS),
        space: new Space(
          system,
          layout.root,
          { bytes: options.reserveBytes ?? 64 * MIB, files: options.reserveFiles ?? 64 },
          now,
        ),
      };
      const store = new DirectoryStore(
        system,
        new Core(index, files, holds, collector, warn),
        (source, signal) => makeDraft(place, source, signal),
        unlock,
      );
      store.#collect();
      const kept = index;
      store.#upkeep = setInterval(() => kept.releaseDeadReaders(), UPKEEP_MS).unref();
      return store;
    } catch (cause) {
      await index?.close();
      await unlock();
      throw cause;
    }
  }

  bucket(name: string): BucketRecord | undefined {
    return this.#buckets.bucket(name);
  }

  buckets(): readonly BucketRecord[] {
    return this.#buckets.buckets();
  }

  createBucket(record: BucketRecord): Promise<void> {
    return this.#run(() => this.#buckets.create(record));
  }

  changeBucket(name: string, change: (record: BucketRecord) => BucketRecord): Promise<void> {
    return this.#run(() => this.#buckets.change(name, change));
  }

  async deleteBucket(name: string): Promise<void> {
    await this.#run(() => this.#buckets.delete(name));
    this.#collect();
  }

  object(bucket: string, key: string): ObjectRecord | undefined {
    return this.#objects.object(bucket, key);
  }

  hold(bucket: string, key: string): Promise<HeldObject | undefined> {
    return this.#run(() => this.#objects.hold(bucket, key));
  }

  scan(bucket: string, start: Buffer): Iterable<ListedRecord> {
    return this.#objects.scan(this.#core.bucket(bucket).bucket, start);
  }

  draft(source: AsyncIterable<Uint8Array>, signal?: AbortSignal): Promise<Draft> {
    return this.#run(async () => {
      const controller = new AbortController();
      const abort = (): void => controller.abort(signal?.reason);
      if (signal?.aborted) abort();
      signal?.addEventListener("abort", abort, { once: true });
      this.#drafting.add(controller);
      try {
        return await this.#draft(source, controller.signal);
      } finally {
        this.#drafting.delete(controller);
        signal?.removeEventListener("abort", abort);
      }
    });
  }

  publish(bucket: string, record: ObjectRecord, draft: Draft, check: Check): Promise<void> {
    return this.#run(() => this.#objects.publish(bucket, record, own(draft), check));
  }

  changeObject(
    bucket: string,
    key: string,
    change: (existing: ObjectRecord | undefined) => ObjectRecord,
  ): Promise<void> {
    return this.#run(() => this.#objects.change(bucket, key, change));
  }

  deleteObject(bucket: string, key: string, check: Check): Promise<void> {
    return this.#run(() => this.#objects.delete(bucket, key, check));
  }

  createUpload(bucket: string, record: UploadRecord): Promise<void> {
    return this.#run(() => this.#uploads.create(bucket, record));
  }

  upload(bucket: string, key: string, id: string): UploadRecord | undefined {
    return this.#uploads.upload(bucket, key, id);
  }

  scanUploads(bucket: string, start: Buffer): Iterable<UploadRecord> {
    return this.#uploads.scan(this.#core.bucket(bucket).bucket, start);
  }

  putPart(bucket: string, key: string, id: string, part: PartRecord, draft: Draft): Promise<void> {
    return this.#run(() => this.#uploads.putPart(bucket, key, id, part, own(draft)));
  }

  parts(bucket: string, key: string, id: string): readonly PartRecord[] {
    return this.#uploads.parts(bucket, key, id);
  }

  completeUpload(bucket: string, id: string, record: ObjectRecord, check: Check): Promise<void> {
    return this.#run(() => this.#uploads.complete(bucket, id, record, check));
  }

  abortUpload(bucket: string, key: string, id: string, check?: UploadCheck): Promise<void> {
    return this.#run(() => this.#uploads.abort(bucket, key, id, check));
  }

  setting(name: string): string | undefined {
    return this.#buckets.setting(name);
  }

  changeSetting(name: string, expected: string | undefined, value: string): Promise<boolean> {
    return this.#run(() => this.#buckets.changeSetting(name, expected, value));
  }

  /** Holds the index against the files, both ways. Contents are not read. */
  verify(): AsyncIterable<StoreFinding> {
    return verifyStore(this.#system, this.#core, () => this.#core.files.settledNumber);
  }

  /** Uploads that still come in are broken off; all other calls end first. */
  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    clearInterval(this.#upkeep);
    this.#closing.abort();
    for (const controller of this.#drafting) controller.abort(s3Error("UNAVAILABLE"));
    while (this.#running.size > 0) await Promise.allSettled(this.#running);
    await this.#core.collector.close();
    await this.#core.index.close();
    await this.#unlock();
  }

  async #run<T>(call: () => Promise<T>): Promise<T> {
    if (this.#isClosed) throw s3Error("UNAVAILABLE");
    const running = call();
    this.#running.add(running);
    try {
      return await running;
    } finally {
      this.#running.delete(running);
    }
  }

  async #removeGone(): Promise<void> {
    try {
      do {
        this.#mustRemoveGone = false;
        await this.#uploads.removeGone(this.#closing.signal);
      } while (this.#mustRemoveGone && !this.#isClosed);
    } finally {
      this.#isRemovingGone = false;
    }
  }

  /** Takes away in the background what belongs to nothing any more. */
  #collect(): void {
    this.#core.collector.wake();
    if (this.#isRemovingGone) {
      this.#mustRemoveGone = true;
      return;
    }
    this.#isRemovingGone = true;
    this.#run(() => this.#removeGone()).catch((cause) => {
      this.#core.warn(`uploads of a deleted bucket are left until the next start: ${cause}`);
    });
  }
}

function own(draft: Draft): StoredDraft {
  if (draft instanceof StoredDraft) return draft;
  throw damaged("a draft of another store");
}

/** Uploads in parts that nobody goes on with: they take room, and no listing of objects shows them. */
import type { UploadRef } from "../objects/object-service.js";
import { isS3Error } from "../s3/errors.js";
import type { ObjectStore, PartRecord, UploadRecord } from "../store/object-store.js";

/** Uploads that are looked at before others have their turn. */
const LOOKS_AT_ONCE = 100;

/** Thrown where an upload is not what it seemed to be, which undoes its removal. */
class NotStale extends Error {}

export interface StaleUploadsRemoved {
  readonly count: number;
  /** Of those that could not be removed, why the first could not. */
  readonly failure?: unknown;
}

export class StaleUploads {
  readonly #store: ObjectStore;
  readonly #now: () => number;
  /** Ids of uploads that something is being done with, and how often at once. */
  readonly #busy = new Map<string, number>();

  /** @param now - milliseconds since 1970 */
  constructor(store: ObjectStore, now: () => number) {
    this.#store = store;
    this.#now = now;
  }

  /** As long as `work` goes on, the upload is not stale, however long that takes. */
  async using<T>({ uploadId }: Pick<UploadRef, "uploadId">, work: () => Promise<T>): Promise<T> {
    this.#busy.set(uploadId, (this.#busy.get(uploadId) ?? 0) + 1);
    try {
      return await work();
    } finally {
      const others = (this.#busy.get(uploadId) ?? 1) - 1;
      if (others > 0) this.#busy.set(uploadId, others);
      else this.#busy.delete(uploadId);
    }
  }

  /**
   * Removes uploads whose begin and last part lie further back than `expiryMs`, and that nobody writes to.
   * One that cannot be removed does not keep the others.
   */
  async remove(expiryMs: number, signal: AbortSignal): Promise<StaleUploadsRemoved> {
    const isStale = ({ id, createdMs }: UploadRecord, parts: readonly PartRecord[]): boolean => {
      if (this.#busy.has(id)) return false;
      const last = parts.reduce((latest, { modifiedMs }) => Math.max(latest, modifiedMs), createdMs);
      return this.#now() - last > expiryMs;
    };
    let count = 0;
    let failure: unknown;
    let looks = 0;
    for (const { name } of this.#store.buckets()) {
      for (const upload of this.#uploadsOf(name)) {
        if (++looks % LOOKS_AT_ONCE === 0) await new Promise((resolve) => setImmediate(resolve));
        signal.throwIfAborted();
        // Most need no look at their parts.
        if (isStale(upload, [])) {
          try {
            if (await this.#removeOne(name, upload, isStale)) count++;
          } catch (error) {
            failure ??= error;
          }
        }
        // Before the store is read again, which may be closed.
        signal.throwIfAborted();
      }
    }
    return { count, ...(failure === undefined ? {} : { failure }) };
  }

  async #removeOne(
    bucket: string,
    { key, id }: UploadRecord,
    isStale: (upload: UploadRecord, parts: readonly PartRecord[]) => boolean,
  ): Promise<boolean> {
    try {
      await this.#store.abortUpload(bucket, key, id, (upload, parts) => {
        if (!isStale(upload, parts)) throw new NotStale();
      });
      return true;
    } catch (error) {
      const isGone = isS3Error(error, "UPLOAD_NOT_FOUND", "BUCKET_NOT_FOUND");
      if (isGone || error instanceof NotStale) return false;
      throw error;
    }
  }

  *#uploadsOf(bucket: string): Iterable<UploadRecord> {
    try {
      yield* this.#store.scanUploads(bucket, Buffer.alloc(0));
    } catch (error) {
      // Deleted meanwhile.
      if (!isS3Error(error, "BUCKET_NOT_FOUND")) throw error;
    }
  }
}

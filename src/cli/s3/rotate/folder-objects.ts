/** Objects of a folder that no server has at the moment. */
import type { LocalObjects } from "../../../storage/local/local-objects.js";
import { isS3Error } from "../../../storage/s3/errors.js";
import { MOST_UPLOADS, type Outcome, type RotatedObjects } from "./objects.js";

const PAGE = 1000;

/** Closes the service with itself. */
export class FolderObjects implements RotatedObjects {
  readonly place: string;
  readonly #bucket: string;
  readonly #service: LocalObjects;

  constructor(dir: string, bucket: string, service: LocalObjects) {
    this.place = dir;
    this.#bucket = bucket;
    this.#service = service;
  }

  async *keys(prefix: string, after: string): AsyncGenerator<string> {
    let next: string | undefined = after;
    while (next !== undefined) {
      const request = { prefix, delimiter: "", after: next, maxKeys: PAGE };
      const page: Awaited<ReturnType<LocalObjects["list"]>> = await this.#service.list(this.#bucket, request);
      for (const { key } of page.contents) yield key;
      next = page.next;
    }
  }

  async reseal(key: string, keyId: string, signal: AbortSignal): Promise<Outcome> {
    try {
      const path = { bucket: this.#bucket, object: key };
      return await this.#service.reseal(path, { kind: "SSE-KMS", keyId }, { signal });
    } catch (error) {
      if (isS3Error(error, "KEY_NOT_FOUND")) return "gone";
      throw error;
    }
  }

  async uploads(prefix: string): Promise<number> {
    const request = { prefix, delimiter: "", after: "", maxKeys: MOST_UPLOADS };
    return (await this.#service.uploads(this.#bucket, request)).contents.length;
  }

  close(): Promise<void> {
    return this.#service.close();
  }
}

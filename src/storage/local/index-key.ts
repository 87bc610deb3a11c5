/**
 * The key that the ETags of SSE-S3 objects are sealed under a second time, so that HEAD and listings show them without a
 * call of the key service (S3 reference §5.5). docs/storage.md says why.
 */
import type { RandomSource } from "../../crypto/random.js";
import type { KeyService } from "../keys/key-service.js";
import { S3Error } from "../s3-error.js";
import { encryptObject, openEncryption } from "../sse/encryption.js";
import { isSseError } from "../sse/errors.js";
import { openETag, sealETag } from "../sse/etag.js";
import { readEncryption, type StoredMetadata, writeEncryption } from "../sse/metadata.js";
import { ObjectKey } from "../sse/object-key.js";
import { rotateEncryption } from "../sse/rotate.js";
import type { ObjectPath } from "../sse/seal.js";
import type { ObjectStore } from "../store/object-store.js";
import { readIndexEntries, writeIndexEntries } from "./index-entries.js";

const SETTING = "index-keys";
/** No bucket can have this name. */
const PATH: ObjectPath = { bucket: ".keswick", object: "index" };
/** How long what could not be opened is not tried again. */
const RETRY_MS = 60_000;

export interface IndexKeyParts {
  readonly store: Pick<ObjectStore, "setting" | "changeSetting">;
  readonly keys: KeyService | undefined;
  readonly random: RandomSource;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

/** Keys that are open: what they seal and open costs no call. */
export class OpenIndex {
  readonly #keys: readonly ObjectKey[];
  readonly #closed: S3Error | undefined;

  /** @param closed - why one of the keys is not open, where that may pass */
  constructor(keys: readonly ObjectKey[], closed: S3Error | undefined) {
    this.#keys = keys;
    this.#closed = closed;
  }

  /**
   * The MD5 as hex; undefined for one that no key opens, because its key was erased.
   * @throws S3Error `KMS_DENIED` and the like when it may be under a key that is not to be had now
   */
  etag(sealed: string): string | undefined {
    for (const key of this.#keys) {
      try {
        return openETag(key, sealed);
      } catch (error) {
        if (!isSseError(error, "SSE_ALTERED")) throw error;
      }
    }
    if (this.#closed !== undefined) throw this.#closed;
    return undefined;
  }
}

interface State {
  readonly index: OpenIndex;
  readonly keys: readonly ObjectKey[];
  /** The first of the list, which seals; undefined when it is not open. */
  readonly sealing: ObjectKey | undefined;
  /** Why one of the others is not open, where that may pass. */
  readonly closed: S3Error | undefined;
  /** The setting that this was opened from. */
  readonly text: string | undefined;
  readonly untilMs: number;
}

/** Opened with the first use in a process, made with the first SSE-S3 object of a store. */
export class IndexKey {
  readonly #parts: IndexKeyParts;
  #state: State | undefined;
  #opening: Promise<State> | undefined;
  #isClosed = false;

  constructor(parts: IndexKeyParts) {
    this.#parts = parts;
  }

  /**
   * Without key service, or when the keys were erased, it opens nothing.
   * @throws S3Error `KMS_UNAVAILABLE`, `KMS_DENIED`, `KMS_FAILED`
   */
  async open(): Promise<OpenIndex> {
    return (await this.#current()).index;
  }

  /**
   * The sealed form of an ETag, hex.
   * @throws S3Error as {@link open}, and those of `KeyService.generate` for the first one
   */
  async sealer(): Promise<(md5: Uint8Array) => string> {
    const { random } = this.#parts;
    for (;;) {
      const state = await this.#current();
      const { sealing } = state;
      if (sealing !== undefined) return (md5) => sealETag(sealing, md5, random);
      await this.#add(state);
    }
  }

  /** Overwrites the keys. */
  close(): void {
    this.#isClosed = true;
    for (const key of this.#state?.keys ?? []) key.wipe();
    this.#state = undefined;
  }

  async #current(): Promise<State> {
    const state = this.#state;
    if (state !== undefined && this.#parts.now() < state.untilMs) return state;
    this.#opening ??= this.#openAll().finally(() => {
      this.#opening = undefined;
    });
    return this.#opening;
  }

  async #openAll(): Promise<State> {
    const { store, keys: service, now } = this.#parts;
    const text = store.setting(SETTING);
    const entries = service === undefined ? [] : readIndexEntries(text);
    const opened = await Promise.all(entries.map((entry) => this.#openEntry(entry)));
    const keys = opened.filter((each) => each instanceof ObjectKey);
    const closed = opened.find((each) => each instanceof S3Error);
    const [newest] = opened;
    const sealing = newest instanceof ObjectKey ? newest : undefined;
    const isSettled = closed === undefined && (sealing !== undefined || entries.length === 0);
    const state: State = {
      ...{ index: new OpenIndex(keys, closed), keys, sealing, closed, text },
      untilMs: isSettled ? Number.POSITIVE_INFINITY : now() + RETRY_MS,
    };
    this.#keep(state);
    if (sealing !== undefined) await this.#follow(entries, text);
    return state;
  }

  /** @returns undefined for one that is lost, the failure for one that is locked */
  async #openEntry(entry: StoredMetadata): Promise<ObjectKey | S3Error | undefined> {
    try {
      const encryption = readEncryption(entry);
      if (encryption === undefined) return undefined;
      return await openEncryption(encryption, { path: PATH, keys: this.#parts.keys, use: "read" });
    } catch (error) {
      if (isSseError(error, "KMS_KEY_NOT_FOUND", "KMS_ALTERED", "SSE_ALTERED")) return undefined;
      if (isSseError(error, "KMS_DENIED")) return error;
      throw error;
    }
  }

  /** Seals the newest key under the default key of today, so that an older one can be deleted. */
  async #follow([newest, ...others]: readonly StoredMetadata[], text: string | undefined): Promise<void> {
    const { store, keys, random } = this.#parts;
    const encryption = newest === undefined ? undefined : readEncryption(newest);
    if (encryption === undefined || encryption.kind === "SSE-C" || keys === undefined) return;
    if (encryption.dek.keyName === keys.defaultKey) return;
    try {
      const resealed = await rotateEncryption(encryption, {
        ...{ to: { kind: "SSE-S3" }, path: PATH, keys, random },
      });
      if (resealed === undefined) return;
      await store.changeSetting(SETTING, text, writeIndexEntries([writeEncryption(resealed), ...others]));
    } catch (error) {
      // It is open and stays so; the next process tries again.
      if (!(error instanceof S3Error)) throw error;
    }
  }

  /** Makes a key and puts it first, unless somebody else has changed the list meanwhile. */
  async #add({ text, keys: older, closed }: State): Promise<void> {
    const { store, keys: service, random, now } = this.#parts;
    const { key, encryption } = await encryptObject(
      { kind: "SSE-S3" },
      { path: PATH, keys: service, random },
    );
    const changed = writeIndexEntries([writeEncryption(encryption), ...readIndexEntries(text)]);
    if (!(await store.changeSetting(SETTING, text, changed))) {
      key.wipe();
      this.#state = undefined;
      return;
    }
    const keys = [key, ...older];
    this.#keep({
      ...{ index: new OpenIndex(keys, closed), keys, sealing: key, closed, text: changed },
      untilMs: closed === undefined ? Number.POSITIVE_INFINITY : now() + RETRY_MS,
    });
  }

  #keep(state: State): void {
    if (this.#isClosed) for (const key of state.keys) key.wipe();
    else this.#state = state;
  }
}

/**
 * The key that the ETags of SSE-S3 objects are sealed under a second time, so that HEAD and listings show them without a
 * call of the key service (S3 reference §5.5). docs/storage.md says why.
 */
import type { RandomSource } from "../../crypto/random.js";
import type { KeyService } from "../keys/key-service.js";
import { S3Error } from "../s3-error.js";
import { encryptObject } from "../sse/encryption.js";
import { isSseError } from "../sse/errors.js";
import { openETag, sealETag } from "../sse/etag.js";
import { writeEncryption } from "../sse/metadata.js";
import type { ObjectKey } from "../sse/object-key.js";
import type { ObjectStore } from "../store/object-store.js";
import { readIndexEntries, writeIndexEntries } from "./index-entries.js";
import { followDefaultKey, INDEX_KEY_PATH, keysOf, type Opened, openEntries } from "./index-key-entries.js";

const SETTING = "index-keys";
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
  /** The newest first. */
  readonly opened: readonly Opened[];
  /** The setting that this was opened from. */
  readonly text: string | undefined;
  /** Then what is not as it should be is tried again. */
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
      const [sealing] = keysOf(state.opened);
      if (sealing !== undefined) return (md5) => sealETag(sealing, md5, random);
      await this.#add(state);
    }
  }

  /** Overwrites the keys. */
  close(): void {
    this.#isClosed = true;
    for (const key of keysOf(this.#state?.opened ?? [])) key.wipe();
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
    const { store, keys: service } = this.#parts;
    const text = store.setting(SETTING);
    const entries = service === undefined ? [] : readIndexEntries(text);
    const before = this.#state?.opened ?? [];
    const opened = await openEntries(entries, before, service);
    const followed = await followDefaultKey(opened, this.#parts);
    const after = followed.isChanged ? writeIndexEntries(followed.opened.map(({ entry }) => entry)) : text;
    const isStored =
      after === undefined || after === text || (await store.changeSetting(SETTING, text, after));
    const isSettled = !followed.hasFailed && isStored;
    return this.#keep(isStored ? followed.opened : opened, isStored ? after : text, isSettled);
  }

  /** Makes a key and puts it first, unless somebody else has changed the list meanwhile. */
  async #add({ text, opened }: State): Promise<void> {
    const { store, keys: service, random } = this.#parts;
    const { key, encryption } = await encryptObject(
      { kind: "SSE-S3" },
      { path: INDEX_KEY_PATH, keys: service, random },
    );
    const entry = writeEncryption(encryption);
    const changed = writeIndexEntries([entry, ...readIndexEntries(text)]);
    if (await store.changeSetting(SETTING, text, changed)) {
      this.#keep([{ entry, key }, ...opened], changed, true);
    } else {
      key.wipe();
      this.#state = undefined;
    }
  }

  #keep(opened: readonly Opened[], text: string | undefined, isFollowed: boolean): State {
    const keys = keysOf(opened);
    const closed = opened.map(({ key }) => key).find((key) => key instanceof S3Error);
    const isSettled = isFollowed && closed === undefined && (keys.length > 0 || opened.length === 0);
    const state: State = {
      ...{ index: new OpenIndex(keys, closed), opened, text },
      untilMs: isSettled ? Number.POSITIVE_INFINITY : this.#parts.now() + RETRY_MS,
    };
    if (this.#isClosed) for (const key of keys) key.wipe();
    else this.#state = state;
    return state;
  }
}

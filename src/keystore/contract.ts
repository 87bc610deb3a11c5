/**
 * The contract between the key service and a keystore: where key versions rest.
 *
 * An adapter stores small values under names. It knows nothing of policies, identities or DEKs, and the
 * value is opaque to it. Several servers may share one keystore without coordination, so races are decided
 * by the keystore and by nothing else. `test/keystores/conformance.ts` holds this text as tests.
 */
import type { KeyName } from "../names.js";

/** Largest value in bytes that an adapter must store; the current key encoding needs about 210. */
export const MAX_VALUE_BYTES = 64 * 1024;

/** What an adapter can do beyond the minimum; declared, never guessed. */
export interface KeystoreAbilities {
  /** Of two racing creates of one name exactly one succeeds, also between processes. */
  readonly atomicCreate: boolean;
  /** {@link Keystore.replace} works. */
  readonly replace: boolean;
  /** An acknowledged change survives a crash of the keystore's host. */
  readonly durable: boolean;
  /** Deleting a missing name is reported as `KEY_NOT_FOUND`; otherwise it succeeds. */
  readonly reportsMissingDelete: boolean;
}

/** One page of names in ascending byte order. */
export interface KeystorePage {
  readonly names: readonly KeyName[];
  /** True when names after the last one exist; ask again with `after` = the last name. */
  readonly more: boolean;
}

/** Which names to list. */
export interface ListOptions {
  /** Only names that begin so; empty for all. */
  readonly prefix: string;
  /** Only names that come after this one in byte order. It need not exist (any more). */
  readonly after?: string;
  /** At most this many names, 1 or more. */
  readonly limit: number;
}

/** How {@link Keystore.rewrap} works. */
export interface RewrapOptions {
  /** Finds out what would be done, and changes nothing. */
  readonly isDryRun: boolean;
}

/**
 * What {@link Keystore.rewrap} did, or would do: brought the value to the newest version; found it there already;
 * or found a value that the keystore has not encrypted.
 */
export type RewrapOutcome = "rewrapped" | "current" | "plain";

/**
 * A keystore. All methods may be called at any time and concurrently.
 *
 * Errors, by `KesError.code`:
 * - `KEY_EXISTS`, `KEY_NOT_FOUND`, `KEY_CHANGED`: a definite answer of a keystore that works.
 * - `KEYSTORE_UNREACHABLE`: not reached (network, directory gone); nothing changed.
 * - `KEYSTORE_UNAVAILABLE`: reached, but failed or refused; nothing changed.
 * - `KEYSTORE_UNCERTAIN`: only from create, replace and delete: the change may or may not have happened.
 *
 * An outage is never `KEY_NOT_FOUND`: the caller would then create a second key. `cause` holds the detail
 * for the error log, without values or credentials. An aborted `signal` ends the call soon: a read rejects
 * with `KEYSTORE_UNREACHABLE`; a change that may have left this process rejects with `KEYSTORE_UNCERTAIN`.
 */
export interface Keystore {
  /** Kind and place for the banner, for example `Filesystem: ./keys`. */
  readonly description: string;
  readonly abilities: KeystoreAbilities;

  /** One cheap round trip that proves that keys can be read. @throws outage codes */
  status(signal?: AbortSignal): Promise<void>;

  /**
   * Stores `value` if and only if `name` is free. Of two racing calls exactly one succeeds. Values hold fresh
   * randomness, so a name that holds these very bytes may count as done: it was an earlier attempt of this call.
   * When it has resolved, {@link get} returns the same bytes, also after a crash if `durable`.
   * @param value - 1 to {@link MAX_VALUE_BYTES} bytes
   * @throws `KEY_EXISTS`, outage codes, `KEYSTORE_UNCERTAIN`
   */
  create(name: KeyName, value: Uint8Array, signal?: AbortSignal): Promise<void>;

  /** The exact bytes given to {@link create}. @throws `KEY_NOT_FOUND`, outage codes */
  get(name: KeyName, signal?: AbortSignal): Promise<Uint8Array>;

  /**
   * Replaces the value of `name` by `next` if and only if it is `expected`, atomically.
   * @throws `KEY_NOT_FOUND`, `KEY_CHANGED` when another value is stored, outage codes, `KEYSTORE_UNCERTAIN`
   */
  replace(name: KeyName, expected: Uint8Array, next: Uint8Array, signal?: AbortSignal): Promise<void>;

  /**
   * Only of a keystore that encrypts values with a key of its own, which has versions: brings the value under `name`
   * to the newest one. {@link get} gives the same bytes before, meanwhile and after it; it may be repeated.
   * @throws `KEY_NOT_FOUND`, outage codes, `KEYSTORE_UNCERTAIN`
   */
  readonly rewrap?:
    | ((name: KeyName, options: RewrapOptions, signal?: AbortSignal) => Promise<RewrapOutcome>)
    | undefined;

  /** Removes `name`. @throws `KEY_NOT_FOUND` (see abilities), outage codes, `KEYSTORE_UNCERTAIN` */
  delete(name: KeyName, signal?: AbortSignal): Promise<void>;

  /**
   * One page of names. Entries that are no keys (strange names, folders) are left out.
   * Reads no values; memory is bounded by `limit`, not by the number of keys, where the keystore allows it.
   */
  list(options: ListOptions, signal?: AbortSignal): Promise<KeystorePage>;

  /** Ends background work and releases handles. Calls after it reject with `KEYSTORE_UNAVAILABLE`. Idempotent. */
  close(): Promise<void>;
}

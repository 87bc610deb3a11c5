/** How an adapter announces itself to the registry and is opened from its section of the configuration. */
import type { Keystore } from "./contract.js";

/** What an adapter may use besides its own section. */
export interface AdapterContext {
  /** Reports something an operator should know, for example a strange file in the key folder. */
  readonly warn: (message: string) => void;
  /** True for a keystore that is to be there already: nothing is made for it, such as a missing key folder. */
  readonly mustExist?: boolean;
}

/** What a keystore is asked for, as far as permissions go. */
export type KeystoreOperation = "create" | "read" | "list" | "delete" | "rewrap";

/** What the log-in of a keystore must be allowed, in the words of that keystore's own access control. */
export interface KeystorePermissions {
  /** The least policy, fit to be pasted; ends with a line end. */
  readonly policy: string;
  /** How it is put into force, a line each. */
  readonly notes: readonly string[];
  /**
   * The part of the policy that was missing when `operation` failed with `error`, on one line where the language
   * allows it; undefined when `error` is no matter of permissions.
   */
  lacking(operation: KeystoreOperation, error: unknown): string | undefined;
}

/** An adapter: its configuration schema and how to open it. */
export interface KeystoreAdapter<Options = unknown> {
  /**
   * JSON Schema (draft 2020-12 as ajv 8 reads it) of the section under `keystore.<path>`; with defaults and
   * descriptions, since the configuration's documentation is made from it.
   */
  readonly schema: object;
  /**
   * Connects. `options` has been validated against {@link schema}, defaults filled in.
   * @throws KesError outage codes, or an Error whose message names the option to mend
   */
  open(options: Options, context: AdapterContext): Promise<Keystore>;
  /** What the log-in of `options` must be allowed; absent where access has no language of its own. */
  permissions?(options: Options): KeystorePermissions;
}

/** Path under `keystore:` (`fs`, `vault`, `aws.secretsmanager`) to a loader; loaded only when it is named. */
export type KeystoreRegistry = Readonly<Record<string, () => Promise<{ readonly adapter: KeystoreAdapter }>>>;

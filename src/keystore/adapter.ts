/** How an adapter announces itself to the registry and is opened from its section of the configuration. */
import type { Keystore } from "./contract.js";

/** What an adapter may use besides its own section. */
export interface AdapterContext {
  /** Reports something an operator should know, for example a strange file in the key folder. */
  readonly warn: (message: string) => void;
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
}

/** Path under `keystore:` (`fs`, `vault`, `aws.secretsmanager`) to a loader; loaded only when it is named. */
export type KeystoreRegistry = Readonly<Record<string, () => Promise<{ readonly adapter: KeystoreAdapter }>>>;

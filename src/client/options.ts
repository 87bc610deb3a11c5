/** How a client is set up. */
import type { ApiKey } from "../identity/api-key.js";

/** What a client needs to know; see each member for its default. */
export interface ClientOptions {
  /**
   * Addresses, also as one comma list; all serve the same keys. `http://` is read as `https://`, and an address
   * without scheme gets `https://` and, unless it names a port, port 7373.
   */
  readonly endpoints: string | readonly string[];
  /** Instead of `certificate` and `key`. */
  readonly apiKey?: ApiKey | string;
  /** PEM text or the path of a PEM file; may hold the chain. Goes with `key`. */
  readonly certificate?: string;
  /** PEM text or the path of a PEM file. */
  readonly key?: string;
  /** Opens an encrypted `key`. Asked for once; what it gives is kept. */
  readonly password?: string | (() => Promise<string>);
  /** PEM text, file or folder of the authorities that server certificates are checked against; default: the system's. */
  readonly ca?: string;
  /** Server certificates are not checked at all. */
  readonly insecure?: boolean;
  /** Over all endpoints and repeats of a call; default 30 s; 0 for none. */
  readonly timeoutMs?: number;
}

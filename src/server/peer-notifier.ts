/** What a server tells the other nodes of its cluster. How is not its business: the client of key servers knows. */
import type { ErrorLog } from "../audit/error-log.js";
import type { Config } from "../config/config.js";
import type { KeyName } from "../names.js";

export interface PeerNotifier {
  /** Follows a configuration that is in force from now on. */
  use(config: Config): void;
  /** A key was, or may have been, created or deleted here. Never waits and never throws; may be lost. */
  tell(name: KeyName): void;
  close(): Promise<void>;
}

/** Makes one for a server, whose log hears of nodes that are not reached. */
export type OpenPeers = (log: Pick<ErrorLog, "info" | "warn">) => PeerNotifier;

/** What one worker process of a server needs of the others. A server of one process has none. */
import type { LogRelay } from "../audit/hub.js";
import type { MetricFigures } from "../metrics/figures.js";
import type { KeyName } from "../names.js";

export interface Siblings {
  /** Resolves when no other worker serves the key from memory that it had of `name`. Never rejects. */
  forget(name: KeyName): Promise<void>;
  /** Figures of all processes, added up. */
  figures(): Promise<MetricFigures>;
  /** True while workers end again and again. */
  readonly failing: boolean;
  /** Has every worker take new ticket keys, at most so often that it cannot be used against the server. */
  renewTickets(): void;
  /** Has every worker read the configuration again. @throws KesError `RELOAD_FAILED` */
  reload(): Promise<void>;
  readonly auditRelay: LogRelay;
  readonly errorRelay: LogRelay;
}

/** What `/v1/metrics/full` reads of the state in force. */
import type { AuditFigures } from "../metrics/full/audit.js";
import type { EventLoopWatch } from "../metrics/full/event-loop.js";
import type { FullSources } from "../metrics/full/full-metrics.js";
import type { ServerState } from "./state.js";

export function fullSources(parts: {
  readonly version: string;
  readonly commit: string;
  /** Undefined before the first. */
  readonly state: () => ServerState | undefined;
  readonly loop: EventLoopWatch;
  /** Undefined where this process writes no audit file. */
  readonly audit?: () => AuditFigures | undefined;
  /** As in {@link FullSources}. */
  readonly workerDeaths?: () => number;
}): FullSources {
  const { version, commit, state, loop, audit, workerDeaths } = parts;
  return {
    build: { version, commit },
    worker: String(process.pid),
    loop: () => loop.figures(),
    keystore() {
      const current = state();
      if (current === undefined) return undefined;
      const { outageMs, oldestMs } = current.services.keys.standing();
      return {
        outage: outageMs === undefined ? undefined : outageMs / 1000,
        offlineWindow: current.config.cache.offlineMs / 1000,
        oldestEntry: oldestMs === undefined ? undefined : oldestMs / 1000,
      };
    },
    certificates() {
      const current = state();
      if (current === undefined) return [];
      const own = { use: "tls.cert", identity: "", notAfterMs: current.tls.notAfterMs };
      return [own, ...current.services.facts.certificates];
    },
    ...(audit === undefined ? {} : { audit }),
    ...(workerDeaths === undefined ? {} : { workerDeaths }),
  };
}

/** On what figures were taken. */
import { availableParallelism, cpus, loadavg, release, totalmem } from "node:os";
import { canPin, goesFirst } from "./pinning.js";

export interface Machine {
  readonly date: string;
  readonly cpu: string;
  readonly cores: number;
  readonly memoryGib: number;
  readonly kernel: string;
  readonly node: string;
  readonly openssl: string;
  readonly pinned: boolean;
  /** Server and generator ran before all other programs. */
  readonly first: boolean;
  /** Processes that wanted a core in the minute before, of everybody: below 0.5 the machine was quiet. */
  readonly loadBefore: number;
}

export function machine(): Machine {
  return {
    date: new Date().toISOString(),
    cpu: cpus()[0]?.model.trim() ?? "",
    cores: availableParallelism(),
    memoryGib: Math.round(totalmem() / 2 ** 30),
    kernel: release().replace(/-.*/, ""),
    node: process.versions.node,
    openssl: process.versions.openssl,
    pinned: canPin,
    first: goesFirst,
    loadBefore: Number((loadavg()[0] ?? 0).toFixed(2)),
  };
}

/** One line for people. */
export function machineLine(on: Machine): string {
  const state = on.loadBefore < 0.5 ? "quiet" : "busy";
  return (
    `${on.date.slice(0, 16).replace("T", " ")} UTC; ${on.cpu}, ${on.cores} cores, Linux ${on.kernel}, ` +
    `Node.js ${on.node}, OpenSSL ${on.openssl}; ${on.pinned ? "server and generator each on its core" : "not pinned"}` +
    `${on.first ? ", before all other programs" : ""}; ` +
    `load of the machine before the run ${on.loadBefore} (${state})`
  );
}

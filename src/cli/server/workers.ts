/** How many worker processes a server has, and how they are started. */
import { type ChildProcess, fork } from "node:child_process";
import { readFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { extname } from "node:path";
import { fileURLToPath } from "node:url";
import type { Config } from "../../config/config.js";
import { parseWorkers } from "../../config/sections/server.js";
import { UsageError } from "../../errors.js";

/**
 * The number that the flag or the configuration gives, or that of the cores that this process may use.
 * @throws UsageError when the flag is no number of workers
 */
export function workersOf({ server }: Config, flag: string | undefined): number {
  const given = flag === undefined ? (server.workers ?? "auto") : parseWorkers(flag);
  if (typeof given === "object") throw new UsageError(`--workers: ${given.fault}`);
  return given === "auto" ? usableCores() : given;
}

/** Cores by affinity, and by the quota of a container, which Node 20 does not know of. */
function usableCores(): number {
  return Math.max(1, Math.min(availableParallelism(), Math.ceil(quota())));
}

/** Cores' worth of time that the control group allows; infinite where none is set. */
function quota(): number {
  try {
    const [most = "max", period = "100000"] = readFileSync("/sys/fs/cgroup/cpu.max", "utf8")
      .trim()
      .split(" ");
    return most === "max" ? Number.POSITIVE_INFINITY : Number(most) / Number(period);
  } catch {
    // No control groups of version 2: not Linux, or an old one.
    return Number.POSITIVE_INFINITY;
  }
}

/** Starts a process that waits for orders. */
export function forkWorker(): ChildProcess {
  const file = fileURLToPath(new URL(`./worker-main${extname(import.meta.url)}`, import.meta.url));
  return fork(file, [], {
    serialization: "advanced",
    // Not inherited: a child makes an inherited pipe blocking, for its parent as well.
    stdio: ["ignore", "ignore", "pipe", "ipc"],
  });
}

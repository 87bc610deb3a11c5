/** A worker process of `kes server`, joined with the keystores as the server itself is in serve.ts. */
import { keystores } from "../../../keystores/registry.js";
import { openKeystore } from "../../server/build-state.js";
import { Worker, type WorkerOptions } from "../../server/workers/worker.js";
import { peersOf } from "./peers.js";

/**
 * Obeys the primary until that has gone.
 * @param port - to the primary
 * @param onStarted - called when the worker can serve
 */
export function runWorker(port: WorkerOptions["port"], onStarted: () => void): void {
  new Worker({
    port,
    open: (config, errorLog) => openKeystore(config, keystores, errorLog),
    peers: (log) => peersOf(log),
    onStarted,
    exit: () => process.exit(0),
  });
}

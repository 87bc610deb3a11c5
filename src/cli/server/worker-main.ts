/** What a worker process of `kes server` runs. Started by the primary, never by hand. */
import { keystores } from "../../../keystores/registry.js";
import { openKeystore } from "../../server/build-state.js";
import { Worker } from "../../server/workers/worker.js";
import { peersOf } from "./peers.js";

// Whoever ends or reloads the server by its process group, as terminals and systemd do, means the primary, which tells
// its workers what to do. Without a handler SIGUSR1 would start Node's debugger.
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP", "SIGUSR1"] as const) process.on(signal, () => undefined);

if (process.send === undefined) {
  process.stderr.write("kes: this is a part of 'kes server', which starts it by itself\n");
  process.exitCode = 1;
} else {
  new Worker({
    port: process,
    open: (config, errorLog) => openKeystore(config, keystores, errorLog),
    peers: (log) => peersOf(log),
    exit: () => process.exit(0),
  });
}

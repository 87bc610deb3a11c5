/** What a worker process of `kes server` runs. Started by the primary, never by hand. */
import { holdYoungGeneration } from "./young-generation.js";

// Whoever ends or reloads the server by its process group, as terminals and systemd do, means the primary, which tells
// its workers what to do. Without a handler SIGUSR1 would start Node's debugger.
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP", "SIGUSR1"] as const) process.on(signal, () => undefined);

if (process.send === undefined) {
  process.stderr.write("kes: this is a part of 'kes server', which starts it by itself\n");
  process.exitCode = 1;
} else {
  const letGrow = holdYoungGeneration();
  // Node keeps the primary's orders until somebody listens for them.
  const { runWorker } = await import("./worker.js");
  runWorker(process, letGrow);
}

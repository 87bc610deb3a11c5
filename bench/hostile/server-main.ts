/** The key server that is attacked, in a process of its own, which tells what it uses. */
import { MemoryKeystore } from "../../keystores/memory/store.js";
import { keyName } from "../../src/names.js";
import { FaultyKeystore } from "../../test/support/faulty-keystore.js";
import { startTestServer } from "../../test/support/test-server.js";
import { LoopWatch } from "./loop-watch.js";
import type { ServerOptions, ServerUse, Started } from "./server.js";

/** Keys besides those that are used: what a listing is long by. */
const LISTED = 5_000;

const options = JSON.parse(process.argv[2] ?? "{}") as ServerOptions;
const keystore = new MemoryKeystore();
for (let i = 0; i < LISTED; i++) {
  const name = keyName(`listed-with-a-name-of-some-length-${i}`);
  if (name !== undefined) await keystore.create(name, Buffer.from("not looked at"));
}
// Whoever asks for this key waits until his request's time is over.
const hanging = new FaultyKeystore(keystore, [{ method: "get", name: "cold", fault: { kind: "hang" } }]);
const server = await startTestServer({
  keystore: hanging,
  config: {
    server: { workers: 1, watch: "off", http: options.engine, graceMs: 1_000, proxyProtocol: [] },
  },
  ...(options.maxConnections === undefined ? {} : { limits: { maxConnections: options.maxConnections } }),
  keepLogs: false,
});
const watch = new LoopWatch();
let cpuMicros = usedMicros();

process.on("message", (what) => {
  if (what === "watch") {
    watch.start();
    cpuMicros = usedMicros();
  }
  process.send?.(use(what === "collect"));
});
process.on("disconnect", () => process.exit(0));
process.send?.({
  port: server.port,
  url: server.url,
  ca: { certPem: server.ca.certPem },
  admin: { certPem: server.admin.certPem, keyPem: server.admin.keyPem },
} satisfies Started);

function use(collect: boolean): ServerUse {
  const delay = watch.read();
  const used = usedMicros() - cpuMicros;
  // Twice: what finalizers of the first run let go of is freed by the second.
  for (let i = 0; collect && i < 2; i++) globalThis.gc?.();
  const { rss, heapUsed, external } = process.memoryUsage();
  return {
    rssBytes: rss,
    heapBytes: heapUsed + external,
    cpuMicros: used,
    delay,
    sockets: process.getActiveResourcesInfo().filter((name) => /Wrap$/.test(name)).length,
  };
}

function usedMicros(): number {
  const { user, system } = process.cpuUsage();
  return user + system;
}

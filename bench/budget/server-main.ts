/** The process that is measured: our server with each engine, and the reference. It tells its CPU time when asked. */
import type { AddressInfo } from "node:net";
import type { LineWriter } from "../../src/audit/line-writer.js";
import { selfSigned } from "../../test/support/certificates.js";
import { startTestServer } from "../../test/support/test-server.js";
import type { Address, Engine, ServerOptions, Started, Used } from "./protocol.js";
import { referenceServer } from "./reference.js";

const DAY_MS = 86_400_000;
const { burnMicros } = JSON.parse(process.argv[2] ?? "{}") as ServerOptions;

const started: Started = {
  reference: await startReference(),
  engines: { node: await startEngine("node"), keswick: await startEngine("keswick") },
};
process.on("message", () => {
  const { user, system } = process.cpuUsage();
  process.send?.({ cpuMicros: user + system } satisfies Used);
});
process.on("disconnect", () => process.exit(0));
process.send?.(started);

async function startEngine(http: Engine): Promise<Address> {
  const { port, admin } = await startTestServer({
    keepLogs: false,
    config: { server: { workers: 1, watch: "off", http, graceMs: 1_000, proxyProtocol: [] } },
    cache: { anyMs: DAY_MS, unusedMs: DAY_MS },
    ...(burnMicros > 0 ? { out: burningWriter(burnMicros) } : {}),
  });
  return { port, cert: admin.certPem, key: admin.keyPem };
}

async function startReference(): Promise<Address> {
  const { certPem: cert, keyPem: key } = selfSigned({ algorithm: "p256" });
  const server = referenceServer({ cert, key });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return { port: (server.address() as AddressInfo).port, cert, key };
}

/** Stands for a change that makes every request dearer: each has its audit line. */
function burningWriter(micros: number): LineWriter {
  return {
    write() {
      const before = process.cpuUsage();
      for (let used = 0; used < micros; ) {
        const { user, system } = process.cpuUsage(before);
        used = user + system;
      }
    },
    flush: () => undefined,
  };
}

/** The other side of `server-process.ts`: a test server that tells its parent what it uses. */
import { readdirSync } from "node:fs";
import type { ServerProcessOptions, ServerStats, StartedMessage } from "./server-process.js";
import { startTestServer } from "./test-server.js";

const options = JSON.parse(process.argv[2] ?? "{}") as ServerProcessOptions;
const { timeoutsMs = {}, auditLevel = 0, ...rest } = options;
const api = new Map(
  Object.entries(timeoutsMs).map(([path, timeoutMs]) => [path, { skipAuth: false, timeoutMs }] as const),
);
const server = await startTestServer({
  ...rest,
  api,
  config: { log: { errorLevel: 0, auditLevel, format: "text" } },
  keepLogs: false,
});

process.on("message", (what) => process.send?.(stats(what === "collect")));
process.on("disconnect", () => process.exit(0));
process.send?.({
  port: server.port,
  url: server.url,
  ca: { certPem: server.ca.certPem },
  admin: { certPem: server.admin.certPem, keyPem: server.admin.keyPem },
} satisfies StartedMessage);

function stats(collect: boolean): ServerStats {
  // Twice: what finalizers of the first run let go of is freed by the second.
  for (let i = 0; collect && i < 2; i++) globalThis.gc?.();
  const { rss, heapUsed, external } = process.memoryUsage();
  const { user, system } = process.cpuUsage();
  return {
    rssBytes: rss,
    heapBytes: heapUsed + external,
    cpuMicros: user + system,
    sockets: process.getActiveResourcesInfo().filter((name) => /Wrap$/.test(name)).length,
    descriptors: readdirSync("/proc/self/fd").length,
  };
}

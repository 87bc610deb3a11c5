/** A key server with an audit file, in a process of its own: to be measured, and to be killed. */
import { startTestServer } from "../../test/support/test-server.js";
import type { AuditServerOptions } from "./server-process.js";

const { path, keyFile, required, maxBytes = 0 } = JSON.parse(process.argv[2] ?? "{}") as AuditServerOptions;
const file = { path: path ?? "", keyFile: keyFile ?? "", maxBytes, maxAgeMs: 0, keep: 0 };
const server = await startTestServer({
  config: {
    log: { errorLevel: 0, auditLevel: 8, format: "text" },
    ...(path === undefined ? {} : { audit: { file, required } }),
  },
  keepLogs: false,
});

process.on("message", (what) => {
  if (what === "close") {
    void server.close().then(() => process.send?.("closed"));
    return;
  }
  const { user, system } = process.cpuUsage();
  process.send?.({ cpuMicros: user + system, audit: server.server.auditFigures() });
});
process.on("disconnect", () => process.exit(0));
process.send?.({
  url: server.url,
  ca: { certPem: server.ca.certPem },
  admin: { certPem: server.admin.certPem, keyPem: server.admin.keyPem },
});

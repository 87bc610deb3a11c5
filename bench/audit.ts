/**
 * What an audit file costs: CPU time of the server for one generate, and the time until its answer, without a file, with
 * one, and with `audit.required`. `npm run bench:audit`, about a minute. Options: `--seconds N` for each measurement.
 */
import { generateKeyPairSync } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { startAuditServer } from "./audit/server-process.js";
import { connectH2 } from "./request-cost/client.js";
import { measure } from "./request-cost/measure.js";

const { values } = parseArgs({ options: { seconds: { type: "string", default: "2" } } });
const seconds = Number(values.seconds);
const folder = mkdtempSync(join(tmpdir(), "keswick-bench-audit-"));
const keyFile = join(folder, "audit.key");
writeFileSync(keyFile, generateKeyPairSync("ed25519").privateKey.export({ type: "pkcs8", format: "pem" }), {
  mode: 0o600,
});

const kinds = {
  "no file": { required: false },
  file: { path: join(folder, "file.log"), keyFile, required: false },
  required: { path: join(folder, "required.log"), keyFile, required: true },
};
const request = { method: "PUT", path: "/v1/key/generate/bench", body: '{"context":"YnVja2V0L29iamVjdA=="}' };
const rows: Record<string, Record<string, string | number>> = {};
try {
  for (const [name, options] of Object.entries(kinds)) {
    const server = await startAuditServer(options);
    try {
      const setUp = connectH2(server);
      await setUp.ask({ method: "PUT", path: "/v1/key/create/bench" });
      setUp.close();
      for (const concurrent of [1, 16, 128]) {
        const connections = Array.from({ length: Math.min(8, concurrent) }, () => connectH2(server));
        let next = 0;
        const ask = (): Promise<string> => {
          const connection = connections[next++ % connections.length];
          if (connection === undefined) throw new Error("no connection");
          return connection.ask(request);
        };
        const cpu = async (): Promise<number> => (await server.stats()).cpuMicros;
        const measured = { ask, cpu, seconds, concurrent };
        await measure({ ...measured, seconds: seconds / 2 });
        const before = (await server.stats()).audit;
        const cost = await measure(measured);
        const after = (await server.stats()).audit;
        for (const connection of connections) connection.close();
        const batches = (after?.batches ?? 0) - (before?.batches ?? 0);
        const records = (after?.records ?? 0) - (before?.records ?? 0);
        const spent = (after?.writeSeconds ?? 0) - (before?.writeSeconds ?? 0);
        rows[`${name}, ${concurrent} at a time`] = {
          "CPU µs": Number(cost.cpuMicros.toFixed(1)),
          "p50 µs": Math.round(cost.p50Micros),
          "p99 µs": Math.round(cost.p99Micros),
          "requests/s": Math.round(cost.perSecond),
          "records/batch": batches === 0 ? "" : (records / batches).toFixed(1),
          "µs/batch": batches === 0 ? "" : Math.round((spent / batches) * 1e6),
        };
      }
    } finally {
      await server.kill();
    }
  }
  console.log(`Node.js ${process.versions.node}, generate over HTTP/2, ${seconds} s each\n`);
  console.table(rows);
} finally {
  rmSync(folder, { recursive: true, force: true });
}

/**
 * `npm run s3:gateways [-- --seconds N --clients N]`: three gateways before one MinIO behind HAProxy, with keys of a key
 * server that is killed and started again every ten seconds, and the gateways in turns. Clients are AWS's own, with their
 * ordinary retries; every read is compared byte for byte, and at the end everything acknowledged is read back. Exit 1
 * when an operation failed after its retries, or an answer was wrong, or an object is lost.
 *
 * Needs MinIO (`npm run services -- minio`), HAProxy and openssl.
 */
import { parseArgs } from "node:util";
import { service, systemTool } from "../test/support/services/index.js";
import { printGateways } from "./s3-gateways/print.js";
import { runGateways } from "./s3-gateways/run.js";

const { values } = parseArgs({
  options: { seconds: { type: "string", default: "60" }, clients: { type: "string", default: "16" } },
});
const report = await runGateways({
  tools: {
    minio: needed("minio", service("minio")),
    haproxy: needed("haproxy", systemTool("haproxy")),
    openssl: needed("openssl", systemTool("openssl")),
  },
  seconds: positive("--seconds", values.seconds),
  clients: positive("--clients", values.clients),
  ...{ keyServerEveryMs: 10_000, gatewayEveryMs: 13_000, random: Math.random },
  progress: (text) => console.error(text),
});
console.log(printGateways(report));
const { tally, lost } = report;
if (tally.total("failed") + tally.total("wrong") + lost > 0) process.exitCode = 1;

function needed(name: string, path: string | undefined): string {
  if (path === undefined) throw new Error(`${name} is not installed`);
  return path;
}

function positive(flag: string, text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 1) throw new Error(`${flag} takes a whole number of 1 or more`);
  return value;
}

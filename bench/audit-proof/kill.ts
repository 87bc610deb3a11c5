/** Kills a server with `audit.required` again and again while clients use it, and looks for what was acknowledged. */
import { createPublicKey, generateKeyPairSync } from "node:crypto";
import { readdir, readFile, writeFile } from "node:fs/promises";
import { connect } from "node:http2";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { verifyFiles } from "../../src/audit/file/verify.js";
import { type AuditServer, startAuditServer } from "../audit/server-process.js";
import type { Draw } from "./tamper.js";

export interface KillResult {
  readonly rounds: number;
  readonly acknowledged: number;
  readonly torn: number;
  readonly files: number;
  /** What must not be; empty when all is well. */
  readonly faults: readonly string[];
}

const CLIENTS = 4;

export async function killAgainAndAgain(
  folder: string,
  rounds: number,
  draw: Draw,
  onRound: (round: number) => void = () => undefined,
): Promise<KillResult> {
  const { privateKey } = generateKeyPairSync("ed25519");
  const keyFile = join(folder, "audit.key");
  await writeFile(keyFile, privateKey.export({ type: "pkcs8", format: "pem" }), { mode: 0o600 });
  const path = join(folder, "audit.log");
  const options = { path, keyFile, required: true, maxBytes: 100_000 };
  const keys = [createPublicKey(privateKey)];
  const faults: string[] = [];
  const acknowledged = new Set<string>();
  for (let round = 1; round <= rounds; round++) {
    const server = await startAuditServer(options);
    const work = useUntilGone(server, acknowledged);
    await delay(20 + draw(300));
    await server.kill();
    await work;
    const { findings } = await verifyFiles(await filesIn(folder), { keys, heads: [], allowUnsigned: true });
    // What the server was writing when it died was acknowledged to nobody.
    for (const { kind, file, line, message } of findings) {
      if (kind !== "torn" || file !== path)
        faults.push(`round ${round}: ${file}:${line}: ${kind}: ${message}`);
    }
    faults.push(...(await missing(folder, acknowledged)).map((id) => `round ${round}: no record of ${id}`));
    onRound(round);
  }
  // A server that starts once more mends what the last kill left.
  await (await startAuditServer(options)).close();
  const files = await filesIn(folder);
  const report = await verifyFiles(files, { keys, heads: [] });
  faults.push(...report.findings.map(({ file, line, message }) => `at the end: ${file}:${line}: ${message}`));
  if (!report.closed) faults.push("at the end: the chain is not closed");
  const torn = report.notices.filter(({ event }) => event === "torn").length;
  return { rounds, acknowledged: acknowledged.size, torn, files: files.length, faults };
}

/** Generates keys on several connections until the server has gone; remembers the ids of all answers. */
async function useUntilGone(server: AuditServer, acknowledged: Set<string>): Promise<void> {
  await Promise.all(Array.from({ length: CLIENTS }, (_, client) => useOne(server, client, acknowledged)));
}

function useOne({ url, ca, admin }: AuditServer, client: number, acknowledged: Set<string>): Promise<void> {
  return new Promise((resolve) => {
    const session = connect(url, { ca: ca.certPem, cert: admin.certPem, key: admin.keyPem });
    session.on("error", () => undefined);
    session.once("close", resolve);
    const next = (method: string, path: string): void => {
      if (session.destroyed) return;
      const stream = session.request({ ":method": method, ":path": path }, { endStream: true });
      stream.on("error", () => undefined);
      stream.on("response", (headers) => {
        if (headers[":status"] === 200) acknowledged.add(String(headers["x-request-id"]));
      });
      stream.resume();
      stream.once("end", () => next("PUT", `/v1/key/generate/k${client}`));
    };
    next("PUT", `/v1/key/create/k${client}`);
  });
}

async function filesIn(folder: string): Promise<string[]> {
  return (await readdir(folder))
    .filter((name) => /^audit\.log(?:\.\d+)?$/.test(name))
    .map((name) => join(folder, name));
}

async function missing(folder: string, ids: ReadonlySet<string>): Promise<string[]> {
  const found = new Set<string>();
  for (const file of await filesIn(folder)) {
    for (const [, id = ""] of (await readFile(file, "utf8")).matchAll(/"id":"([^"]+)"/g)) found.add(id);
  }
  return [...ids].filter((id) => !found.has(id));
}

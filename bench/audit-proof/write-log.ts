/** Writes an audit log of many records, in files of a given size, by the server's own code. */
import { generateKeyPairSync, type KeyObject } from "node:crypto";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { auditMembers } from "../../src/audit/events.js";
import { AuditFile } from "../../src/audit/file/audit-file.js";
import { CheckpointSigner } from "../../src/audit/file/checkpoint.js";
import type { Link } from "../../src/audit/file/line.js";
import { requestMembers } from "../../src/audit/file/members.js";
import { nodeAuditFileSystem } from "../../src/audit/file/system.js";
import { LineTimes } from "../../src/audit/line-times.js";

export interface WrittenLog {
  /** Oldest first. */
  readonly files: readonly string[];
  readonly publicKey: KeyObject;
  /** The last line. */
  readonly head: Link;
  readonly seconds: number;
}

const BATCH = 500;

export async function writeLog(folder: string, records: number, maxBytes: number): Promise<WrittenLog> {
  const { privateKey, publicKey } = generateKeyPairSync("ed25519");
  const path = join(folder, "audit.log");
  const silent = { info: () => undefined, warn: () => undefined, error: () => undefined };
  const file = new AuditFile(
    { path, maxBytes, maxAgeMs: 0, keep: 0, signer: new CheckpointSigner(privateKey), sync: false },
    {
      fs: nodeAuditFileSystem,
      log: silent,
      now: Date.now,
      monotonic: () => performance.now(),
      version: "bench",
      neededFrom: () => Number.POSITIVE_INFINITY,
    },
  );
  const started = performance.now();
  for (let done = 0; done < records; done += BATCH) {
    const batch = Array.from({ length: Math.min(BATCH, records - done) }, (_, i) => sample(done + i));
    await file.write(batch, (done / BATCH) % 3 === 2 ? "interval" : undefined);
    if (file.isDue) await file.rotate();
  }
  await file.close();
  const seconds = (performance.now() - started) / 1000;
  const names = (await readdir(folder)).filter((name) => /^audit\.log(?:\.\d+)?$/.test(name)).sort();
  const files = [...names.slice(1), ...names.slice(0, 1)].map((name) => join(folder, name));
  return { files, publicKey, head: { sequence: file.sequence, hash: file.hash }, seconds };
}

const IDENTITY = "3ecfcdf38fcbe141ae26a1030f81e96b753365a46760ae6b578698a97c59fd22";
const METHODS = ["generate", "decrypt", "decrypt", "decrypt", "encrypt"] as const;

const times = new LineTimes();

function sample(number: number): string {
  const event = {
    timeMs: Date.UTC(2026, 0, 1) + number,
    requestId: `3cf2461a-${String(number).padStart(10, "0")}`,
    method: "PUT",
    path: `/v1/key/${METHODS[number % METHODS.length]}/key-${number % 97}`,
    ip: `10.1.${number % 5}.${number % 251}`,
    identity: IDENTITY,
    status: number % 53 === 0 ? 403 : 200,
    durationNs: 100_000 + (number % 1000),
    message: "Generate a data key",
  };
  return requestMembers(event, auditMembers(event, times));
}

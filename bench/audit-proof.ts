/**
 * Shows that the audit file proves what it says: one million records, 1,000 random tamperings of 19 kinds, each of which
 * must be found, and `kill -9` 100 times under load with `audit.required`, after which nothing that was acknowledged may
 * be missing. `npm run audit:proof`, about ten minutes. Exit 1 when anything goes undetected.
 *
 * Options: `--records N`, `--tamperings N`, `--kills N`.
 */
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { verifyFiles } from "../src/audit/file/verify.js";
import { type AttackResult, attack } from "./audit-proof/attack.js";
import { killAgainAndAgain } from "./audit-proof/kill.js";
import { writeLog } from "./audit-proof/write-log.js";

const { values } = parseArgs({
  options: {
    records: { type: "string", default: "1000000" },
    tamperings: { type: "string", default: "1000" },
    kills: { type: "string", default: "100" },
  },
});
const FILE_BYTES = 2 * 1024 * 1024;
const draw = (n: number): number => Math.floor(Math.random() * n);
const folder = mkdtempSync(join(tmpdir(), "keswick-audit-proof-"));
const sub = (name: string): string => {
  mkdirSync(join(folder, name));
  return join(folder, name);
};

try {
  const log = await writeLog(sub("log"), Number(values.records), FILE_BYTES);
  const foreign = await writeLog(sub("foreign"), 50_000, FILE_BYTES);
  const started = performance.now();
  const cpu = process.cpuUsage();
  const report = await verifyFiles(log.files, { keys: [log.publicKey], heads: [log.head] });
  const seconds = (performance.now() - started) / 1000;
  const { user, system } = process.cpuUsage(cpu);
  console.table({
    records: report.lines,
    files: log.files.length,
    MiB: Math.round(report.bytes / 1024 ** 2),
    checkpoints: report.checkpoints,
    "written, records/s": Math.round(report.lines / log.seconds),
    "verified in, s": Number(seconds.toFixed(1)),
    "verified, records/s": Math.round(report.lines / seconds),
    "verified, CPU s": Number(((user + system) / 1e6).toFixed(1)),
    findings: report.findingCount,
  });
  if (report.findingCount > 0) process.exitCode = 1;

  const results = await attack(log, foreign, join(folder, "bad"), Number(values.tamperings), draw, (done) => {
    if (done % 100 === 0) console.error(`${done} tamperings`);
  });
  console.table(byKind(results));
  for (const { kind, detected, isPlaceRight, told } of results) {
    if (detected && isPlaceRight) continue;
    console.error(`${kind}: ${told}`);
    process.exitCode = 1;
  }

  const { faults, ...counts } = await killAgainAndAgain(sub("kill"), Number(values.kills), draw, (round) => {
    if (round % 20 === 0) console.error(`${round} kills`);
  });
  console.table({ ...counts, faults: faults.length });
  for (const fault of faults) console.error(fault);
  if (faults.length > 0) process.exitCode = 1;
} finally {
  rmSync(folder, { recursive: true, force: true });
}

function byKind(results: readonly AttackResult[]): Record<string, Record<string, number>> {
  const rows: Record<string, Record<string, number>> = {};
  for (const { kind, detected, isPlaceRight } of results) {
    const row = rows[kind] ?? { tried: 0, detected: 0, "place right": 0 };
    row.tried = (row.tried ?? 0) + 1;
    row.detected = (row.detected ?? 0) + Number(detected);
    row["place right"] = (row["place right"] ?? 0) + Number(isPlaceRight);
    rows[kind] = row;
  }
  return rows;
}

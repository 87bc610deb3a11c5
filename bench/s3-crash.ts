/**
 * `npm run s3:crash [-- --kills N]`: kills the directory store at random moments under a mixed load, 200 times unless
 * told otherwise, and shows that nothing acknowledged was lost or altered, that every index entry has its data and all
 * data its entry. Every tenth time the index is built anew from the files. Exit 1 when anything is wrong.
 *
 * A kill stops the process, not the machine: what a power loss leaves is shown by the tests, which take away all that
 * was not synced.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { runCrashes } from "./s3-crash/run.js";

const { values } = parseArgs({ options: { kills: { type: "string", default: "200" } } });
const kills = Number(values.kills);
if (!Number.isSafeInteger(kills) || kills < 1) throw new Error("--kills takes a whole number of 1 or more");

const folder = mkdtempSync(join(tmpdir(), "keswick-s3-crash-"));
try {
  const start = performance.now();
  const report = await runCrashes(join(folder, "store"), kills, Math.random, (kill) => {
    if (kill % 20 === 0) console.error(`${kill} of ${kills} kills`);
  });
  const { violations, ...counts } = report;
  console.table({
    ...counts,
    violations: violations.length,
    seconds: Math.round((performance.now() - start) / 1000),
  });
  for (const violation of violations) console.error(violation);
  if (violations.length > 0) process.exitCode = 1;
} finally {
  rmSync(folder, { recursive: true, force: true });
}

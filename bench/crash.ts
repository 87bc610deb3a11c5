/**
 * `npm run crash [-- --rounds N]`: kills the fs keystore at random moments, 200 times unless told otherwise,
 * and shows that nothing acknowledged was lost. Exit 1 when anything was.
 *
 * A kill stops the process, not the machine: that acknowledged keys survive a power loss rests on fsync, which
 * this cannot show.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { runCrashes } from "./crash/run.js";

const { values } = parseArgs({ options: { rounds: { type: "string", default: "200" } } });
const rounds = Number(values.rounds);
if (!Number.isSafeInteger(rounds) || rounds < 1)
  throw new Error("--rounds takes a whole number of 1 or more");

const folder = mkdtempSync(join(tmpdir(), "keswick-crash-"));
try {
  const start = performance.now();
  const report = await runCrashes(join(folder, "keys"), rounds, Math.random, (round) => {
    if (round % 20 === 0) console.error(`${round} of ${rounds} rounds`);
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

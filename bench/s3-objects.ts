/**
 * `npm run bench:s3 [-- --gib N] [--small N] [--dir PATH]`: one large object through the local object service, up, down,
 * by ranges and in parts, plain and with SSE-KMS, next to a file that is written and read as it is; and many small ones.
 * Every step is a process of its own, so that its peak of memory is its own. The key service is a static key: what is
 * measured is ours. Exit 1 when a step needs more than 250 MiB, or a byte does not come back.
 */
import { execFile } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs, promisify } from "node:util";

const MAX_MEMORY_MIB = 250;
const STEP_TIMEOUT_MS = 30 * 60_000;

const { values } = parseArgs({
  options: {
    gib: { type: "string", default: "1" },
    small: { type: "string", default: "2000" },
    dir: { type: "string", default: tmpdir() },
  },
});
const gib = Number(values.gib);
const small = Number(values.small);
if (!(gib > 0) || gib > 64 || !Number.isSafeInteger(small) || small < 1) {
  throw new Error("--gib takes a number up to 64, --small one of 1 and more");
}

interface StepResult {
  /** What was done, in the step's unit. */
  readonly amount: number;
  readonly unit: string;
  readonly seconds: number;
  /** Of the processor, of all threads. */
  readonly cpuSeconds: number;
  readonly peakMib: number;
}

const run = promisify(execFile);
const folder = await mkdtemp(join(values.dir, "keswick-bench-s3-"));
const failures: string[] = [];

async function step(what: string, kind: string): Promise<StepResult> {
  const args = ["--import", "tsx/esm", new URL("s3-objects/step.ts", import.meta.url).pathname];
  const told = { folder: join(folder, kind), what, kind, gib, small };
  const { stdout } = await run(process.execPath, [...args, JSON.stringify(told)], {
    timeout: STEP_TIMEOUT_MS,
  });
  const result: StepResult = JSON.parse(stdout);
  if (result.peakMib > MAX_MEMORY_MIB)
    failures.push(`${what} (${kind}) took ${result.peakMib} MiB of memory`);
  return result;
}

const large = ["put", "get", "ranges", "parts"] as const;
const many = ["put small", "get small", "head small", "list small"] as const;
const rows: (readonly [what: string, kind: string, StepResult])[] = [];
try {
  for (const what of ["put", "get"]) rows.push([what, "file", await step(what, "file")]);
  for (const kind of ["none", "SSE-S3", "SSE-KMS"]) {
    for (const what of [...large, ...many]) {
      try {
        rows.push([what, kind, await step(what, kind)]);
      } catch (error) {
        failures.push(`${what} (${kind}): ${error instanceof Error ? error.message : error}`);
      }
    }
    // Room for the next.
    await rm(join(folder, kind), { recursive: true, force: true });
  }
} finally {
  await rm(folder, { recursive: true, force: true });
}

console.log(`${gib} GiB, ${small} objects of 4 KiB, Node.js ${process.versions.node}\n`);
console.log(
  `${"step".padEnd(12)}${"kind".padEnd(10)}${"a second".padStart(16)}${"a CPU second".padStart(16)}${"memory".padStart(12)}`,
);
for (const [what, kind, { amount, unit, seconds, cpuSeconds, peakMib }] of rows) {
  const rate = `${Math.round(amount / seconds)} ${unit}`;
  // What other work on the machine does not change.
  const cpu = `${Math.round(amount / cpuSeconds)} ${unit}`;
  console.log(
    `${what.padEnd(12)}${kind.padEnd(10)}${rate.padStart(16)}${cpu.padStart(16)}${`${peakMib} MiB`.padStart(12)}`,
  );
}
for (const failure of failures) console.error(`FAILED: ${failure}`);
process.exitCode = failures.length === 0 ? 0 : 1;

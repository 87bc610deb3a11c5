/**
 * How long a command line takes from its start to its end, next to `node -e 0`, which is the floor: `npm run bench:cli`,
 * about 20 seconds. The program is the compiled one; the server is a process of its own on loopback. One start of each
 * in turn, so that a busy moment of the machine falls on all alike.
 *
 * Options: `--rounds N` (default 20).
 */
import { spawnSync } from "node:child_process";
import { parseArgs } from "node:util";
import { builtCli } from "../test/support/built-cli.js";
import { SessionSite } from "../test/support/session-site.js";

const { values } = parseArgs({ options: { rounds: { type: "string", default: "20" } } });
const rounds = Number(values.rounds);
const { main } = await builtCli();
const site = await SessionSite.start();

interface Start {
  readonly name: string;
  readonly args: readonly string[];
  readonly code: number;
  readonly env?: Readonly<Record<string, string>>;
  readonly ms: number[];
}

const starts: readonly Start[] = [
  { name: "node -e 0", args: ["-e", "0"], code: 0, ms: [] },
  { name: "kes --help", args: [main, "--help"], code: 2, ms: [] },
  { name: "kes key ls --help", args: [main, "key", "ls", "--help"], code: 2, ms: [] },
  {
    name: "completion: kes key ls --",
    args: [main],
    code: 0,
    env: { SHELL: "/bin/bash", COMP_LINE: "kes key ls --" },
    ms: [],
  },
  { name: "kes key ls", args: [main, "key", "ls"], code: 0, ms: [] },
  { name: "kes key dek my-key", args: [main, "key", "dek", "my-key"], code: 0, ms: [] },
  { name: "kes identity", args: [main, "identity"], code: 0, ms: [] },
  { name: "kes status", args: [main, "status"], code: 0, ms: [] },
];

try {
  time({ name: "kes key create", args: [main, "key", "create", "my-key"], code: 0, ms: [] });
  // The first start of each reads its files from the disk.
  for (let round = 0; round <= rounds; round++) {
    for (const start of starts) {
      const ms = time(start);
      if (round > 0) start.ms.push(ms);
    }
  }
  const floor = quantile(starts[0]?.ms ?? [], 0.5);
  console.log(`Node.js ${process.versions.node}, ${rounds} starts each, in turn; milliseconds\n`);
  console.log(row("", "median", "quartiles", "fastest", "above node"));
  for (const { name, ms } of starts) {
    const at = (share: number): string => quantile(ms, share).toFixed(0);
    const above = (quantile(ms, 0.5) - floor).toFixed(0);
    console.log(row(name, at(0.5), `${at(0.25)} to ${at(0.75)}`, at(0), above));
  }
} finally {
  await site.stop();
}

/** @throws Error when the command does not end as it should: a failure is fast, and no measurement */
function time({ name, args, code, env = {} }: Start): number {
  const from = performance.now();
  const { status, stderr } = spawnSync(process.execPath, args, {
    env: { ...site.env, ...env },
    cwd: site.folder,
  });
  const ms = performance.now() - from;
  if (status !== code) throw new Error(`${name} ended with ${status}: ${stderr}`);
  return ms;
}

function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? Number.NaN;
}

function row(name: string, ...cells: readonly string[]): string {
  return name.padEnd(28) + cells.map((cell) => cell.padStart(13)).join("");
}

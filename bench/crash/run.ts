/** Kills servers at random moments. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { setTimeout } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { type Findings, Inspection, leftovers, sweepLater } from "./inspect.js";
import { Journal } from "./journal.js";

/** What came out. */
export interface CrashReport extends Findings {
  readonly rounds: number;
  /** Acknowledged changes: creates, imports, replaces and deletes. */
  readonly acknowledged: number;
  /** Drafts and locks left by killed servers, before and after a server looked for old ones. */
  readonly leftovers: number;
  readonly leftoversAfterSweep: number;
}

/** A child is killed so many milliseconds after its first word, at most. */
const LONGEST_LIFE_MS = 80;

/**
 * Runs `rounds` children on the key folder `path`, which should be empty, one after the other.
 * @param random - a number from 0 to 1, decides the moments
 */
export async function runCrashes(
  path: string,
  rounds: number,
  random: () => number,
  progress: (round: number) => void = () => {},
): Promise<CrashReport> {
  const journal = new Journal();
  const violations: string[] = [];
  // The next child loads while the one before it works.
  let next = launch(path, 0);
  try {
    for (let round = 0; round < rounds; round++) {
      const child = next;
      next = launch(path, round + 1);
      await crash(child, journal, random() * LONGEST_LIFE_MS, violations);
      progress(round + 1);
    }
  } finally {
    next.kill("SIGKILL");
  }
  const left = leftovers(path);
  const findings = await Inspection.of(path, journal);
  const leftoversAfterSweep = await sweepLater(path);
  if (leftoversAfterSweep > 0) violations.push(`${leftoversAfterSweep} leftovers were not removed`);
  return {
    ...findings,
    rounds,
    acknowledged: journal.acknowledgements,
    leftovers: left,
    leftoversAfterSweep,
    violations: [...violations, ...findings.violations],
  };
}

function launch(path: string, round: number): ChildProcess {
  const file = fileURLToPath(new URL("./child.ts", import.meta.url));
  return spawn(process.execPath, ["--import", "tsx", file, path, `r${round}`], {
    stdio: ["pipe", "pipe", "inherit"],
  });
}

/** Lets `child` work for `lifeMs` from its first word on, and kills it. */
async function crash(
  child: ChildProcess,
  journal: Journal,
  lifeMs: number,
  violations: string[],
): Promise<void> {
  const { stdin, stdout } = child;
  if (stdin === null || stdout === null) throw new Error("the child has no pipes");
  const exited = once(child, "exit");
  const lines = createInterface({ input: stdout });
  const ended = once(lines, "close");
  const begun = once(lines, "line");
  lines.on("line", (line) => journal.read(line));
  // A child that ended by itself is told below; writing to it must not end this process, too.
  stdin.on("error", () => {});
  stdin.write("go\n");
  await Promise.race([begun, exited]);
  await setTimeout(lifeMs);
  child.kill("SIGKILL");
  const [code, signal] = await exited;
  if (signal !== "SIGKILL") violations.push(`a child ended by itself (${code})`);
  await ended;
}

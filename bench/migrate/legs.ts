/** One migration, killed again and again until it has come to its end. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { setTimeout } from "node:timers/promises";
import type { Command } from "../../test/support/child-process.js";

export interface Leg {
  readonly from: string;
  readonly to: string;
  /** Working directory. */
  readonly folder: string;
  readonly program: Command;
  /** How often the process is killed before it may come to its end. */
  readonly kills: number;
  /** Milliseconds after which a process is killed, counted from its start. */
  readonly lifeMs: () => number;
}

export interface LegReport {
  /** Processes that were killed; fewer than asked for when one came to its end before. */
  readonly killed: number;
  /** Of the last, undisturbed process. */
  readonly report: LastReport;
  readonly seconds: number;
  /** Largest resident set of the last process, in MiB. */
  readonly peakMiB: number;
}

export interface LastReport {
  readonly complete: boolean;
  readonly identical: boolean;
  readonly migrated: number;
  readonly same: number;
  readonly seconds: number;
}

/** @throws Error when the last process fails */
export async function runLeg(leg: Leg): Promise<LegReport> {
  const started = performance.now();
  let killed = 0;
  while (killed < leg.kills) {
    const child = launch(leg);
    const exited = once(child, "exit");
    const outcome = await Promise.race([exited, setTimeout(leg.lifeMs())]);
    if (outcome !== undefined) break;
    child.kill("SIGKILL");
    const [, signal] = await exited;
    // It may have come to its end at that very moment.
    if (signal === "SIGKILL") killed++;
    else break;
  }
  const child = launch(leg);
  const peak = watchMemory(child);
  let text = "";
  let problems = "";
  child.stdout?.setEncoding("utf8").on("data", (chunk: string) => (text += chunk));
  child.stderr
    ?.setEncoding("utf8")
    .on("data", (chunk: string) => (problems = (problems + chunk).slice(-4096)));
  const [code] = await once(child, "close");
  if (code !== 0) throw new Error(`the migration ended with code ${code}:\n${text}${problems}`);
  return {
    killed,
    report: JSON.parse(text),
    seconds: (performance.now() - started) / 1000,
    peakMiB: await peak,
  };
}

function launch({ program: [file, ...words], from, to, folder }: Leg): ChildProcess {
  const args = [...words, "migrate", "--from", from, "--to", to, "--json"];
  const env = { PATH: process.env.PATH ?? "" };
  const child = spawn(file, args, { cwd: folder, env, stdio: ["ignore", "pipe", "pipe"] });
  const killOnExit = (): unknown => child.kill("SIGKILL");
  process.once("exit", killOnExit);
  child.once("exit", () => process.off("exit", killOnExit));
  return child;
}

/** The largest resident set of a process on Linux, in MiB; 0 elsewhere. */
async function watchMemory(child: ChildProcess): Promise<number> {
  const { readFile } = await import("node:fs/promises");
  let peak = 0;
  while (child.exitCode === null && child.signalCode === null) {
    const status = await readFile(`/proc/${child.pid}/status`, "utf8").catch(() => "");
    peak = Math.max(peak, Number(/^VmHWM:\s+(\d+) kB/m.exec(status)?.[1] ?? 0) / 1024);
    await setTimeout(50);
  }
  return peak;
}

/** Programs that write a large file: what they use, and what they leave when they are killed. */
import { type ChildProcess, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";

type Command = readonly [program: string, ...args: string[]];
type Environment = Readonly<Record<string, string>>;

export interface Measured {
  /** Until the program has ended and its result is on the disk. */
  readonly seconds: number;
  /** User and system time of the program. */
  readonly cpuSeconds: number;
  /** Most memory that was resident at a time. */
  readonly peakMib: number;
}

const POLL_MS = 10;
/** Linux counts processor time in these. */
const TICKS_PER_SECOND = 100;

/** Runs `command`, which writes `target`. @throws Error when it fails */
export async function measure(command: Command, target: string, env: Environment): Promise<Measured> {
  const start = performance.now();
  const child = launch(command, env);
  let usage = { cpuSeconds: 0, peakMib: 0 };
  while (isRunning(child)) {
    usage = usageOf(child) ?? usage;
    await delay(POLL_MS);
  }
  if (child.exitCode !== 0) throw new Error(`${command.join(" ")} ended with ${child.exitCode}`);
  await withFile(target, (handle) => handle.sync());
  return { seconds: (performance.now() - start) / 1000, ...usage };
}

/** Kills `command` once `bytes` of its result are written. @returns the files that it left beside `target` */
export async function killed(
  command: Command,
  target: string,
  bytes: number,
  env: Environment,
): Promise<readonly string[]> {
  const folder = dirname(target);
  const before = new Set(readdirSync(folder));
  const left = (): string[] => readdirSync(folder).filter((name) => !before.has(name));
  const child = launch(command, env);
  for (;;) {
    if (!isRunning(child)) throw new Error(`${command.join(" ")} ended by itself`);
    if (left().some((name) => sizeOf(join(folder, name)) > bytes)) break;
    await delay(POLL_MS);
  }
  child.kill("SIGKILL");
  await once(child, "exit");
  return left().map((name) => (name === basename(target) ? name : name.replace(/^(\.kes-file-).*/, "$1…")));
}

/** A file of `size` random bytes, repeated every 16 MiB. */
export async function fill(file: string, size: number): Promise<void> {
  const block = randomBytes(16 * 1024 ** 2);
  await withFile(
    file,
    async (handle) => {
      for (let at = 0; at < size; at += block.length) {
        await handle.write(block, 0, Math.min(block.length, size - at), at);
      }
      await handle.sync();
    },
    "w",
  );
}

export async function sameContent(a: string, b: string): Promise<boolean> {
  const child = spawn("cmp", ["-s", a, b], { stdio: "ignore" });
  const [code] = await once(child, "exit");
  return code === 0;
}

function launch([program, ...args]: Command, env: Environment): ChildProcess {
  const child = spawn(program, args, {
    env: { PATH: process.env.PATH ?? "", ...env },
    stdio: ["ignore", "ignore", "inherit"],
  });
  const kill = (): boolean => child.kill("SIGKILL");
  process.once("exit", kill);
  child.once("exit", () => process.off("exit", kill));
  return child;
}

function isRunning({ exitCode, signalCode }: ChildProcess): boolean {
  return exitCode === null && signalCode === null;
}

/** Undefined once the process has ended. */
function usageOf({ pid }: ChildProcess): { cpuSeconds: number; peakMib: number } | undefined {
  try {
    const peak = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1];
    // Behind the name, which may hold anything, in parentheses: fields 3 and on; user and system time are 14 and 15.
    const fields = readFileSync(`/proc/${pid}/stat`, "utf8")
      .replace(/^.*\) /s, "")
      .split(" ");
    if (peak === undefined) return undefined;
    const ticks = Number(fields[11]) + Number(fields[12]);
    return { cpuSeconds: ticks / TICKS_PER_SECOND, peakMib: Number(peak) / 1024 };
  } catch {
    return undefined;
  }
}

function sizeOf(file: string): number {
  return statSync(file, { throwIfNoEntry: false })?.size ?? 0;
}

async function withFile(
  file: string,
  work: (handle: FileHandle) => Promise<void>,
  flags = "r",
): Promise<void> {
  const handle = await open(file, flags);
  try {
    await work(handle);
  } finally {
    await handle.close();
  }
}

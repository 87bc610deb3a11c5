/** What a process and its children have used so far, as the kernel counts it. */
import { readdirSync, readFileSync } from "node:fs";

/** Length of a clock tick in /proc/PID/stat, USER_HZ, which is 100 on every Linux of today. */
const TICK_MICROS = 10_000;

/** CPU time in microseconds, user and system, of a process with all its threads and of its children that live. */
export function cpuMicros(pid: number): number {
  return family(pid).reduce((sum, one) => sum + ownCpuMicros(one), 0);
}

/** Resident memory in bytes of a process alone. */
export function rssBytes(pid: number): number {
  const kib = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1];
  return Number(kib ?? 0) * 1024;
}

/** A process and those that descend from it. */
export function family(pid: number): number[] {
  const found = [pid];
  for (const parent of found) {
    for (const thread of entries(`/proc/${parent}/task`)) {
      const children = read(`/proc/${parent}/task/${thread}/children`) ?? "";
      found.push(...children.split(" ").filter(Boolean).map(Number));
    }
  }
  return found;
}

function ownCpuMicros(pid: number): number {
  // To the nanosecond, where the kernel has it; a thread that has ended is not counted, and servers keep theirs.
  const exact = entries(`/proc/${pid}/task`).map((thread) => read(`/proc/${pid}/task/${thread}/schedstat`));
  const sum = exact.reduce((total, text) => total + Number(text?.split(" ")[0] ?? 0), 0);
  if (sum > 0) return sum / 1_000;
  // Behind the name, which may hold blanks and parentheses: utime and stime are the 14th and 15th field.
  const fields = (read(`/proc/${pid}/stat`) ?? "").replace(/^.*\) /s, "").split(" ");
  return (Number(fields[11] ?? 0) + Number(fields[12] ?? 0)) * TICK_MICROS;
}

function entries(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

/** Undefined for a process that has ended. */
function read(file: string): string | undefined {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return undefined;
  }
}

/** Figures of this process that status and metrics report. */
import { readFileSync } from "node:fs";

/** Memory in bytes, by the words of KES's status. */
export interface MemoryFigures {
  readonly heapUsedBytes: number;
  readonly stackBytes: number;
}

/** V8's heap, and on Linux the stack of the main thread (elsewhere 0: the runtime does not tell). */
export function memoryFigures(): MemoryFigures {
  return { heapUsedBytes: process.memoryUsage().heapUsed, stackBytes: stackBytes() };
}

function stackBytes(): number {
  if (process.platform !== "linux") return 0;
  try {
    const kib = /^VmStk:\s+(\d+) kB$/m.exec(readFileSync("/proc/self/status", "utf8"))?.[1];
    return kib === undefined ? 0 : Number(kib) * 1024;
  } catch {
    // A hidden /proc is no reason to fail a status call.
    return 0;
  }
}

/** Figures of this process: each worker has its own. */
import { readdirSync, readFileSync } from "node:fs";
import type { LoopFigures } from "./event-loop.js";
import { counters, type Family, gauges, type Sample, WORKER } from "./family.js";

export interface ProcessFigures {
  readonly cpuSeconds: number;
  readonly residentBytes: number;
  readonly heapBytes: number;
  /** Undefined where the system does not tell. */
  readonly files: FileFigures | undefined;
  readonly loop: LoopFigures | undefined;
}

/** Descriptors of files and sockets. */
export interface FileFigures {
  readonly open: number;
  /** Undefined without a limit. */
  readonly max: number | undefined;
}

export function processFigures(loop: LoopFigures | undefined): ProcessFigures {
  const { user, system } = process.cpuUsage();
  const { rss, heapUsed } = process.memoryUsage();
  return {
    cpuSeconds: (user + system) / 1e6,
    residentBytes: rss,
    heapBytes: heapUsed,
    files: fileFigures(),
    loop,
  };
}

/** Open files of this process and how many there may be; undefined without a /proc. */
export function fileFigures(): FileFigures | undefined {
  try {
    const limit = /^Max open files\s+(\d+|unlimited)/m.exec(readFileSync("/proc/self/limits", "utf8"))?.[1];
    if (limit === undefined) return undefined;
    const max = limit === "unlimited" ? undefined : Number(limit);
    // The folder is read by a descriptor of its own.
    return { open: readdirSync("/proc/self/fd").length - 1, max };
  } catch {
    // Not a Linux, or a hidden /proc: no reason to fail a page of metrics.
    return undefined;
  }
}

/** @param worker - which of the server's processes */
export function processFamilies(figures: ProcessFigures, worker: string): readonly Family[] {
  const { cpuSeconds, residentBytes, heapBytes, files, loop } = figures;
  const own = (value: number): Sample[] => [{ labels: { [WORKER]: worker }, value }];
  const families: Family[] = [
    counters(
      "kes_process_cpu_seconds_total",
      "CPU time of a process, user and system.",
      own(Math.round(cpuSeconds * 1e6) / 1e6),
    ),
    gauges("kes_process_resident_bytes", "Memory of a process.", own(residentBytes), "max"),
    gauges("kes_process_heap_bytes", "Bytes in use on the heap of a process.", own(heapBytes), "max"),
  ];
  if (files !== undefined) {
    const { open, max } = files;
    const limit = max === undefined ? [] : own(max);
    families.push(
      gauges("kes_process_open_files", "Open files and sockets of a process.", own(open), "max"),
      gauges("kes_process_max_files", "Files and sockets that a process may open.", limit, "max"),
    );
  }
  if (loop !== undefined) {
    const { p50, p99, max, busy } = loop;
    families.push(
      gauges(
        "kes_event_loop_delay_p50_seconds",
        "How late the event loop came round during the last 30 to 60 seconds, at most half of the time.",
        own(p50),
        "max",
      ),
      gauges("kes_event_loop_delay_p99_seconds", "The same, at most 99 % of the time.", own(p99), "max"),
      gauges(
        "kes_event_loop_delay_max_seconds",
        "The longest delay of the event loop during the last 30 to 60 seconds.",
        own(max),
        "max",
      ),
      counters("kes_event_loop_busy_seconds_total", "Time in which the event loop had work.", own(busy)),
    );
  }
  return families;
}

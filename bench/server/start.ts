/** Cold start, memory at rest, after work and with many connections that only wait. */
import { setTimeout as delay } from "node:timers/promises";
import type { Contender } from "../compare/contenders/contender.js";
import { type Engine, startKeswick } from "../compare/contenders/keswick.js";
import { startYardstick } from "../compare/contenders/yardstick.js";
import { cpuMicros, family, rssBytes } from "../compare/process-times.js";
import { goVersion } from "../compare/programs.js";
import { spreadOf } from "../compare/statistics.js";
import { type Bench, mib, requestsOf, type Table, withGenerator } from "./section.js";

const REST_MS = 3_000;

/** What is started, measured and stopped; `id` tells the starts of one run apart. */
interface Measured {
  readonly name: string;
  readonly start: (id: string) => Promise<Contender>;
}

export async function startAndMemory(bench: Bench): Promise<Table> {
  const connections = bench.short ? 1_000 : 10_000;
  const lines: string[][] = [];
  for (const measured of measuredOf(bench)) lines.push(await line(bench, measured, connections));
  return {
    title:
      "Start and memory of one process. Start: from the process to the first keys used, in ms (median [least–greatest]), and what CPU time it took. Memory: resident, in MiB; a process of Node shares some 43 of them, the program itself, with every other one. The Go yardstick is what the language of the original needs for less: it knows one identity and no policies, and its keys are only in memory.",
    head: [
      "server",
      "start, key made and used 33 times",
      "CPU of the start, ms",
      "at rest",
      "after work",
      `with ${connections} idle h2 connections`,
      "KiB a connection",
    ],
    lines,
  };
}

function measuredOf({ site, main, engines, yardstick }: Bench): Measured[] {
  const ours = engines.map(
    (engine: Engine): Measured => ({
      name: `Keswick, ${engine === "node" ? "node" : "own"} engine`,
      start: (id) => startKeswick(site, { engine, main, id: `${engine}-${id}` }),
    }),
  );
  if (yardstick === undefined) return ours;
  const go = goVersion() ?? "go";
  return [{ name: "Go yardstick", start: () => startYardstick(site, yardstick, go) }, ...ours];
}

async function line(bench: Bench, { name, start }: Measured, connections: number): Promise<string[]> {
  const { short, progress } = bench;
  const starts: number[] = [];
  const cpu: number[] = [];
  for (let i = 0; i < (short ? 2 : 5); i++) {
    const startedMs = performance.now();
    const server = await start(`start-${i}`);
    starts.push(performance.now() - startedMs);
    cpu.push(cpuMicros(server.pid) / 1_000);
    await server.stop();
  }
  progress(`${name}: cold start`);
  const server = await start("memory");
  try {
    const rss = (): number => family(server.pid).reduce((sum, pid) => sum + rssBytes(pid), 0);
    await delay(REST_MS);
    const atRest = rss();
    const requests = requestsOf(server, "decrypt");
    await withGenerator(bench, server, ["h2", 4, 16], (load) =>
      load.load({ seconds: short ? 1 : 10, requests }),
    );
    await delay(REST_MS);
    const afterWork = rss();
    const [request] = requests;
    let idle = Number.NaN;
    if (bench.generator !== undefined && request !== undefined) {
      idle = await withGenerator(bench, server, ["h2", 1, 1], async (load) => {
        await load.idle(connections, request);
        await delay(REST_MS);
        return rss();
      });
    }
    progress(`${name}: memory`);
    const { median, min, max } = spreadOf(starts);
    return [
      name,
      `${median.toFixed(0)} [${min.toFixed(0)}–${max.toFixed(0)}]`,
      spreadOf(cpu).median.toFixed(0),
      mib(atRest),
      mib(afterWork),
      mib(idle),
      ((idle - afterWork) / 1024 / connections).toFixed(1),
    ];
  } finally {
    await server.stop();
  }
}

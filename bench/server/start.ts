/** Cold start, memory at rest, after work and with many connections that only wait. */
import { setTimeout as delay } from "node:timers/promises";
import { startKeswick } from "../compare/contenders/keswick.js";
import { family, rssBytes } from "../compare/process-times.js";
import { spreadOf } from "../compare/statistics.js";
import { type Bench, mib, requestsOf, type Table, withGenerator } from "./section.js";

const REST_MS = 3_000;

export async function startAndMemory(bench: Bench): Promise<Table> {
  const { site, main, engines, short, progress } = bench;
  const connections = short ? 1_000 : 10_000;
  const lines: string[][] = [];
  for (const engine of engines) {
    const starts: number[] = [];
    for (let i = 0; i < (short ? 2 : 5); i++) {
      const startedMs = performance.now();
      const server = await startKeswick(site, { engine, main, id: `${engine}-start-${i}` });
      starts.push(performance.now() - startedMs);
      await server.stop();
    }
    progress(`${engine}: cold start`);
    const server = await startKeswick(site, { engine, main, id: `${engine}-memory` });
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
      const { median, min, max } = spreadOf(starts);
      lines.push([
        engine,
        `${median.toFixed(0)} [${min.toFixed(0)}–${max.toFixed(0)}]`,
        mib(atRest),
        mib(afterWork),
        mib(idle),
        ((idle - afterWork) / 1024 / connections).toFixed(1),
      ]);
    } finally {
      await server.stop();
    }
    progress(`${engine}: memory`);
  }
  return {
    title:
      "Start and memory of one process. Start: from the process to the first keys used, in ms (median [least–greatest]). Memory: resident, in MiB.",
    head: [
      "engine",
      "start, key made and used 33 times",
      "at rest",
      "after work",
      `with ${connections} idle h2 connections`,
      "KiB a connection",
    ],
    lines,
  };
}

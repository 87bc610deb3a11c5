/** Two worker processes against one. */
import { availableParallelism } from "node:os";
import { startKeswick } from "../compare/contenders/keswick.js";
import { spreadOf } from "../compare/statistics.js";
import { type Bench, requestsOf, type Table, withGenerator } from "./section.js";

const CONNECTIONS = 16;
const STREAMS = 8;

/**
 * Server and generator share all cores here. On two cores the generator takes its part of both, so that the throughput
 * cannot double; what CPU time a request costs says what it would be with cores to spare.
 */
export async function twoWorkers(bench: Bench): Promise<Table> {
  const { site, main, engines, short, progress } = bench;
  const lines: string[][] = [];
  for (const engine of engines) {
    const found = new Map<number, { perSecond: number[]; cpuMicros: number[] }>();
    for (let round = 0; round < (short ? 1 : 3); round++) {
      for (const workers of [1, 2]) {
        const id = `${engine}-workers-${workers}-${round}`;
        const server = await startKeswick(site, { engine, main, id, workers, pin: false });
        try {
          const requests = requestsOf(server, "decrypt");
          await withGenerator(bench, server, ["h2", CONNECTIONS, STREAMS], async (load) => {
            await load.load({ seconds: 2, requests });
            const before = server.cpuMicros();
            const result = await load.load({ seconds: short ? 1 : 4, requests });
            const one = found.get(workers) ?? { perSecond: [], cpuMicros: [] };
            one.perSecond.push(result.requests / result.seconds);
            one.cpuMicros.push((server.cpuMicros() - before) / result.requests);
            found.set(workers, one);
          });
        } finally {
          await server.stop();
        }
      }
    }
    const median = (workers: number, what: "perSecond" | "cpuMicros"): number =>
      spreadOf(found.get(workers)?.[what] ?? []).median;
    const ratio = median(2, "perSecond") / median(1, "perSecond");
    const scaled = (2 * median(1, "cpuMicros")) / median(2, "cpuMicros");
    lines.push([
      engine,
      median(1, "perSecond").toFixed(0),
      `${median(2, "perSecond").toFixed(0)} (${ratio.toFixed(2)} ×)`,
      median(1, "cpuMicros").toFixed(1),
      median(2, "cpuMicros").toFixed(1),
      `${scaled.toFixed(2)} ×`,
    ]);
    progress(`${engine}: two workers`);
  }
  return {
    title: `Two workers against one, ${CONNECTIONS} h2 connections × ${STREAMS} decrypts, not pinned: server and generator share ${availableParallelism()} cores. The last column is what two workers could do of one's work with cores to spare: twice the CPU time of a request with one over that with two.`,
    head: [
      "engine",
      "one worker, requests/s",
      "two workers, requests/s",
      "one: CPU µs a request",
      "two: CPU µs a request",
      "two workers' capacity",
    ],
    lines,
  };
}

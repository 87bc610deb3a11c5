/** What a storage server does that lists objects: 1,000 decrypts, one after the other, over one connection. */
import type { Contender } from "../compare/contenders/contender.js";
import { startKeswick } from "../compare/contenders/keswick.js";
import { startYardstick } from "../compare/contenders/yardstick.js";
import { goVersion } from "../compare/programs.js";
import { type Buckets, merged, spreadOf } from "../compare/statistics.js";
import { type Bench, percentiles, requestsOf, type Table, withGenerator } from "./section.js";

const OBJECTS = 1_000;
const SHARES = [0.5, 0.9, 0.99, 0.999];
const MAX_SECONDS = 60;

export async function listingPattern(bench: Bench): Promise<Table> {
  const { site, main, engines, yardstick, short, progress } = bench;
  const rounds = short ? 3 : 15;
  const servers: Contender[] = [];
  try {
    if (yardstick !== undefined) servers.push(await startYardstick(site, yardstick, goVersion() ?? "go"));
    for (const engine of engines)
      servers.push(await startKeswick(site, { engine, main, id: `${engine}-listing` }));
    const times = servers.map((): number[] => []);
    const latencies = servers.map((): Buckets[] => []);
    for (let round = -1; round < rounds; round++) {
      for (const [at, server] of servers.entries()) {
        const requests = requestsOf(server, "decrypt");
        await withGenerator(bench, server, ["h2", 1, 1], async (load) => {
          await load.load({ seconds: MAX_SECONDS, count: 100, requests });
          // Before the first round: the compilers of V8.
          const count = round < 0 ? 10 * OBJECTS : OBJECTS;
          const { seconds, buckets } = await load.load({ seconds: MAX_SECONDS, count, requests });
          if (round < 0) return;
          times[at]?.push(seconds * 1_000);
          latencies[at]?.push(buckets);
        });
      }
    }
    progress("listing pattern");
    return {
      title: `A listing: ${OBJECTS} decrypts one after the other over one h2 connection; ${rounds} rounds by turns. Total in ms (median [least–greatest]), each in µs.`,
      head: ["server", "total", "p50", "p90", "p99", "p99.9"],
      lines: servers.map(({ kind }, at) => {
        const { median, min, max } = spreadOf(times[at] ?? []);
        return [
          kind.name,
          `${median.toFixed(0)} [${min.toFixed(0)}–${max.toFixed(0)}]`,
          ...percentiles(merged(latencies[at] ?? []), SHARES),
        ];
      }),
    };
  } finally {
    for (const server of servers) await server.stop();
  }
}

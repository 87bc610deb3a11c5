/** What handshakes cost, and what regular clients feel while very many come. */
import type { Contender } from "../compare/contenders/contender.js";
import { startKeswick } from "../compare/contenders/keswick.js";
import { startYardstick } from "../compare/contenders/yardstick.js";
import type { HandshakeResult } from "../compare/generator.js";
import { goVersion } from "../compare/programs.js";
import { type Bench, percentiles, requestsOf, type Table, withGenerator } from "./section.js";

/** New connections a second. */
const STORM_RATE = 2_000;
/** Handshakes under way at a time, more than any server of one core can have begun. */
const STORM_MOST = 2_000;
/** Of a regular client, requests a second: far from what a server can do. */
const REGULAR_RATE = 200;

/** One after the other, each with one decrypt over HTTP/1.1. */
export async function handshakes(bench: Bench): Promise<Table> {
  const seconds = bench.short ? 1 : 4;
  const lines: string[][] = [];
  await withServers(bench, "handshakes", async (server) => {
    for (const resumed of [false, true]) {
      const cost = await withGenerator(bench, server, ["h1", 1, 1], async (load) => {
        const request = requestsOf(server, "decrypt")[0];
        if (request === undefined) throw new Error("no request");
        const command = { seconds, rate: 0, resumed, request, most: 1 };
        await load.handshakes({ ...command, seconds: 1 });
        const before = server.cpuMicros();
        const result = checked(await load.handshakes(command), resumed);
        return { result, cpuMicros: (server.cpuMicros() - before) / result.handshakes };
      });
      lines.push([
        server.kind.name,
        resumed ? "resumed" : "full",
        cost.cpuMicros.toFixed(0),
        percentiles(cost.result.buckets, [0.5, 0.99]).join(" / "),
      ]);
    }
    bench.progress(`${server.kind.name}: handshakes`);
  });
  return {
    title: "A new connection with one decrypt and its end, TLS 1.3 with an Ed25519 client, in µs.",
    head: ["server", "handshake", "CPU of the server", "until the answer: p50 / p99"],
    lines,
  };
}

/** 2,000 new connections a second for ten seconds, while a regular client decrypts at a constant rate. */
export async function handshakeStorm(bench: Bench): Promise<Table> {
  const seconds = bench.short ? 2 : 10;
  const lines: string[][] = [];
  await withServers(bench, "storm", async (server) => {
    const requests = requestsOf(server, "decrypt");
    const [request] = requests;
    if (request === undefined) throw new Error("no request");
    for (const resumed of [false, true]) {
      await withGenerator(bench, server, ["h2", 4, 4], (regular) =>
        withGenerator(bench, server, ["h1", 1, 1], async (storm) => {
          await regular.load({ seconds: 1, rate: REGULAR_RATE, requests });
          const quiet = await regular.load({ seconds: 2, rate: REGULAR_RATE, requests });
          const before = server.cpuMicros();
          const [felt, result] = await Promise.all([
            regular.load({ seconds, rate: REGULAR_RATE, requests }),
            storm.handshakes({ seconds, rate: STORM_RATE, resumed, request, most: STORM_MOST }),
          ]);
          const cpuShare = (server.cpuMicros() - before) / 1e6 / seconds;
          lines.push([
            server.kind.name,
            resumed ? "resumed" : "full",
            (result.handshakes / result.seconds).toFixed(0),
            `${result.errors} / ${result.skipped}`,
            `${(100 * Math.min(1, cpuShare)).toFixed(0)} %`,
            percentiles(quiet.buckets, [0.5, 0.99]).join(" / "),
            percentiles(felt.buckets, [0.5, 0.99, 1]).join(" / "),
          ]);
        }),
      );
    }
    bench.progress(`${server.kind.name}: storm`);
  });
  return {
    title: `A storm of ${STORM_RATE} new connections a second for ${seconds} s, on one core for the server and one for all clients; a regular client with ${REGULAR_RATE} decrypts/s over 4 kept connections, in µs from the moment that a request was due.`,
    head: [
      "server",
      "handshake",
      "done, a second",
      "failed / not begun",
      "server's core",
      "regular, quiet: p50 / p99",
      "during the storm: p50 / p99 / max",
    ],
    lines,
  };
}

async function withServers(
  { site, main, engines, yardstick }: Bench,
  id: string,
  work: (server: Contender) => Promise<void>,
): Promise<void> {
  const starts = [
    ...(yardstick === undefined ? [] : [() => startYardstick(site, yardstick, goVersion() ?? "go")]),
    ...engines.map((engine) => () => startKeswick(site, { engine, main, id: `${engine}-${id}` })),
  ];
  for (const start of starts) {
    const server = await start();
    try {
      await work(server);
    } finally {
      await server.stop();
    }
  }
}

function checked(result: HandshakeResult, resumed: boolean): HandshakeResult {
  if (result.errors > 0) throw new Error(`${result.errors} handshakes failed: ${result.error}`);
  if (result.resumed !== (resumed ? result.handshakes : 0))
    throw new Error(`${result.resumed} of ${result.handshakes} handshakes were resumed`);
  return result;
}

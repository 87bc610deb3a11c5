/**
 * How evenly connections are spread over worker processes, and what more workers give: `npm run spread`, about two
 * minutes. First ways to spread them side by side; then a real server with 8, 16 and 64 connections of HTTP/2, and its
 * throughput with one and two workers. The clients run on the same cores, so that two workers cannot give twice as much.
 */
import { parseArgs } from "node:util";
import { ApiClient } from "../test/support/api-client.js";
import { CleanUp } from "../test/support/clean-up.js";
import { makeCliSite, startCliServer } from "../test/support/cli-site.js";
import { measureStrategy, type Rounds, STRATEGIES, type Strategy } from "./spread/strategies.js";

const { values } = parseArgs({
  options: { seconds: { type: "string", default: "5" }, rounds: { type: "string", default: "7" } },
});
const seconds = Number(values.seconds);
const rounds = Number(values.rounds);
const COUNTS = [8, 16, 64] as const;

await strategies();
await realServer();

async function strategies(): Promise<void> {
  console.log("Connections of the fullest worker, times its fair share: mean of the rounds (worst)\n");
  console.log(row(["workers", "strategy", ...COUNTS.map((count) => `${count} connections`)]));
  for (const workers of [2, 4]) {
    for (const strategy of Object.keys(STRATEGIES) as Strategy[]) {
      const cells: string[] = [];
      for (const count of COUNTS) {
        const found = await measureStrategy(strategy, workers, count, rounds);
        cells.push(found === undefined ? "not to be had" : unevenness(found, count / workers));
      }
      console.log(row([String(workers), STRATEGIES[strategy], ...cells]));
    }
  }
}

function unevenness(found: Rounds, share: number): string {
  const fullest = found.map((round) => Math.max(...round) / share);
  const mean = fullest.reduce((sum, one) => sum + one, 0) / fullest.length;
  return `${mean.toFixed(2)} (${Math.max(...fullest).toFixed(2)})`;
}

async function realServer(): Promise<void> {
  console.log("\nA server: requests of HTTP/2 connections, 4 at a time on each\n");
  console.log(row(["workers", "connections", "per worker", "requests/s", "p50 ms", "p99 ms"]));
  for (const workers of [1, 2]) {
    const cleanUp = new CleanUp();
    try {
      const site = await makeCliSite();
      cleanUp.add(() => site.remove());
      await site.configure({ server: `server:\n  workers: ${workers}\n` });
      const server = await startCliServer(site);
      cleanUp.add(() => server.process.stop());
      const connect = (): ApiClient => new ApiClient("h2", server.port, site.admin);
      const first = connect();
      await first.ok("PUT", "/v1/key/create/spread");
      first.close();
      for (const count of COUNTS) {
        const connections = Array.from({ length: count }, connect);
        console.log(row([String(workers), String(count), ...(await load(connections))]));
      }
    } finally {
      await cleanUp.run();
    }
  }
}

async function load(connections: readonly ApiClient[]): Promise<string[]> {
  const request = { method: "PUT", path: "/v1/key/generate/spread", body: '{"context":"YQ=="}' };
  const ask = async (connection: ApiClient): Promise<string> => {
    const { status, body, headers } = await connection.send(request);
    if (status !== 200) throw new Error(`answered ${status}: ${body}`);
    // Each worker numbers its requests after a prefix of its own.
    return (headers["x-request-id"] ?? "").slice(0, 8);
  };
  const ids = await Promise.all(connections.map(ask));
  const shares = [...new Set(ids)].map((id) => ids.filter((one) => one === id).length);
  const times: number[] = [];
  const startedMs = performance.now();
  const endMs = startedMs + seconds * 1_000;
  const repeat = async (connection: ApiClient): Promise<void> => {
    for (let now = performance.now(); now < endMs; ) {
      await ask(connection);
      const then = now;
      now = performance.now();
      times.push(now - then);
    }
  };
  const all = connections.flatMap((connection) => Array.from({ length: 4 }, () => repeat(connection)));
  await Promise.all(all);
  const perSecond = (times.length / (performance.now() - startedMs)) * 1_000;
  for (const connection of connections) connection.close();
  times.sort((a, b) => a - b);
  const at = (share: number): string => (times[Math.floor(times.length * share)] ?? 0).toFixed(1);
  return [shares.join(" + "), perSecond.toFixed(0), at(0.5), at(0.99)];
}

function row(cells: readonly string[]): string {
  return cells
    .map((cell, i) => (i === 1 ? cell.padEnd(32) : cell.padEnd(16)))
    .join("")
    .trimEnd();
}

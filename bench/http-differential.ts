/**
 * The same generated requests to an engine of our own and to Node's, over sockets inside of the process: what they
 * come to, and where the two part. Every difference must be explained by a row of its table: `npm run differential`.
 *
 * Options: `--requests N` (default 1,000,000), `--seed N` (default: the time; printed, to play a run again).
 */
import { parseArgs } from "node:util";
import { Differential } from "../test/support/http1/differential.js";
import { requests } from "../test/support/http1/request-forms.js";
import { SeededChoices } from "../test/support/http1/tape.js";

const { values } = parseArgs({
  options: {
    requests: { type: "string", default: "1000000" },
    seed: { type: "string", default: String(Date.now() % 0x7fff_ffff) },
  },
});
const wanted = Number(values.requests);
const seed = Number(values.seed);
/** More of them say nothing new. */
const MAX_UNEXPLAINED = 20;
const TELL_EVERY_MS = 30_000;
/** Connections whose scripts are made at a time. */
const BATCH = 1_024;

const differential = new Differential();
const { figures } = differential;
const startedMs = performance.now();
let toldMs = startedMs;
for (let next = seed; figures.requests < wanted; next += BATCH) {
  await differential.play(Array.from({ length: BATCH }, (_, i) => requests(new SeededChoices(next + i))));
  if (figures.unexplained.length > MAX_UNEXPLAINED) break;
  if (performance.now() - toldMs < TELL_EVERY_MS) continue;
  toldMs = performance.now();
  console.error(`${figures.requests} requests, ${figures.unexplained.length} not explained`);
}
differential.close();
const seconds = (performance.now() - startedMs) / 1000;

const share = (count: number): string => `${((count / figures.connections) * 100).toFixed(2)} %`;
console.log(
  `h1, seed ${seed}: ${figures.requests} requests on ${figures.connections} connections in ${seconds.toFixed(0)} s, ` +
    `${Math.round(figures.requests / seconds)} a second\n`,
);
printTable("what connections came to", figures.outcomes);
printTable("explained differences from node:http", figures.explained);
console.log(`alike: ${figures.alike} (${share(figures.alike)})`);
console.log(`not explained: ${figures.unexplained.length}`);
for (const { script, ours, node } of figures.unexplained) {
  console.log(`\n  ours: ${ours}\n  node: ${node}\n  ${JSON.stringify(script)}`);
}
// Timers of Node's server are still waiting for connections that are gone.
process.exit(figures.unexplained.length === 0 ? 0 : 1);

function printTable(title: string, counts: ReadonlyMap<string, number>): void {
  console.log(`| ${title} | connections | |\n| --- | ---: | ---: |`);
  for (const [what, count] of [...counts].sort((a, b) => b[1] - a[1])) {
    console.log(`| ${what} | ${count} | ${share(count)} |`);
  }
  console.log();
}

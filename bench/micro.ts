/**
 * What the parts of a request cost, each by itself and warm: `npm run bench:micro`, about half a minute. Sums of these are
 * less than a request costs: there caches are colder, and TLS, framing and the kernel come on top.
 *
 * Options: `--only PATTERN`, `--document` for the region `micro` of docs/performance.md.
 */
import { randomBytes } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { do_not_optimize, measure } from "mitata";
import { writeRegion } from "./compare/document.js";
import { machine, machineLine } from "./compare/machine.js";
import { markdown } from "./compare/tables.js";
import { parts } from "./micro/parts.js";

const { values } = parseArgs({
  options: { only: { type: "string", default: "." }, document: { type: "boolean", default: false } },
});
const on = machine();
const wanted = new RegExp(values.only);
const results: { part: string; name: string; p50: number; p99: number; min: number }[] = [];
for (const { part, name, run } of parts(randomBytes(32))) {
  if (!wanted.test(`${part} ${name}`)) continue;
  const { p50, p99, min } = await measure(() => do_not_optimize(run()), { min_cpu_time: 300e6 });
  results.push({ part, name, p50, p99, min });
  console.error(`${part.padEnd(12)}${name.padEnd(56)}${p50.toFixed(0).padStart(8)} ns`);
}
const head = ["part", "what", "median, ns", "least, ns", "p99, ns"];
const lines = results.map(({ part, name, p50, p99, min }) => [
  part,
  name,
  ...[p50, min, p99].map((nanos) => nanos.toFixed(0)),
]);
const text = markdown(head, lines);
console.log(`${machineLine(on)}\n\n${text}`);
const folder = resolve(import.meta.dirname, "../bench-results");
mkdirSync(folder, { recursive: true });
writeFileSync(join(folder, "micro.json"), `${JSON.stringify({ machine: on, results }, undefined, 2)}\n`);
if (values.document) writeRegion("micro", `${machineLine(on)}.\n\n${text}`);

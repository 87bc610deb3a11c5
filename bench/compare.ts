/**
 * Our server against others, on this machine and in one run: `npm run bench`, about ten minutes; `--short` about one.
 * CPU time for a request, throughput and latency of generate and decrypt with the key in memory and audit on, as
 * ratios to a Go server that does the same. Writes bench-results/compare.json and .md, and with `--document` the
 * figures and plots of docs/performance.md.
 *
 * Options: `--rounds N`, `--seconds N` for each cell, `--only yardstick,node,…`, `--rows "h2, 1 × 1;h2, 1 × 16"`,
 * `--main FILE` for a compiled `main.js` instead of these sources, `--client node` for the generator in Node.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { startContenders } from "./compare/contenders/start.js";
import { writeComparison } from "./compare/document.js";
import { machine, machineLine } from "./compare/machine.js";
import { buildGo, goVersion } from "./compare/programs.js";
import { ROWS } from "./compare/rows.js";
import { runComparison } from "./compare/run.js";
import { comparisonTables } from "./compare/tables.js";

const { values } = parseArgs({
  options: {
    short: { type: "boolean", default: false },
    document: { type: "boolean", default: false },
    rounds: { type: "string" },
    seconds: { type: "string" },
    only: { type: "string" },
    rows: { type: "string" },
    main: { type: "string" },
    client: { type: "string", default: "go" },
  },
});
const rounds = Number(values.rounds ?? (values.short ? 3 : 5));
const seconds = Number(values.seconds ?? (values.short ? 0.5 : 2));
const on = machine();
const { contenders, notes, stop } = await startContenders({
  ...(values.only === undefined ? {} : { only: values.only.split(",") }),
  ...(values.main === undefined ? {} : { main: values.main }),
});
try {
  const generator = values.client === "node" ? undefined : buildGo("load");
  if (generator === undefined)
    notes.push("The load generator is the one in Node: no Go here, or not asked for.");
  for (const note of notes) console.error(`note: ${note}`);
  const wanted = values.rows?.split(";");
  const series = await runComparison(contenders, {
    rounds,
    seconds,
    warmUpSeconds: Math.max(0.3, seconds / 4),
    generator,
    ...(wanted === undefined ? {} : { rows: ROWS.filter(({ label }) => wanted.includes(label)) }),
    progress: (text) => console.error(text),
  });
  const result = {
    machine: on,
    go: goVersion() ?? "none",
    rounds,
    seconds,
    generator: generator === undefined ? "Node" : "Go net/http",
    notes,
    contenders: contenders.map(({ kind: { id, name, version } }) => ({ id, name, version })),
    series,
  };
  const text = comparisonTables(result);
  console.log(`${machineLine(on)}\n\n${text}`);
  const folder = resolve(import.meta.dirname, "../bench-results");
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "compare.json"), `${JSON.stringify(result)}\n`);
  writeFileSync(join(folder, "compare.md"), `${machineLine(on)}\n\n${text}`);
  if (values.document) writeComparison(result);
} finally {
  await stop();
}

/**
 * CPU time for a request against its budget: `npm run bench:budget`. Fails when a row costs 25 % more than
 * bench/budget/budget.json says; `--write` puts the present figures there. Rounds go on while something is too dear, so
 * that a busy machine costs time and not the result.
 *
 * Options: `--rows PATTERN`, `--rounds N` at least, `--burn MICROSECONDS` for each request, to see that it is noticed.
 */
import { writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { BUDGET_FILE, exceeded, readBudget } from "./budget/budget.js";
import { measureBudget } from "./budget/measure.js";

const { values } = parseArgs({
  options: {
    write: { type: "boolean", default: false },
    rows: { type: "string", default: "." },
    rounds: { type: "string" },
    burn: { type: "string", default: "0" },
  },
});
const budget = readBudget();
const startedMs = performance.now();
const result = await measureBudget({
  rows: new RegExp(values.rows),
  burnMicros: Number(values.burn),
  minRounds: Number(values.rounds ?? (values.write ? 80 : 12)),
  isEnough: (ratios) => exceeded(budget, ratios).length === 0,
});
console.log(
  `reference ${result.referenceMicros.toFixed(1)} µs; ${result.rounds} rounds, ${((performance.now() - startedMs) / 1_000).toFixed(0)} s\n`,
);
for (const [name, ratio] of Object.entries(result.ratios)) {
  const allowed = budget.ratios[name];
  const change = allowed === undefined ? "new" : `${((ratio / allowed - 1) * 100).toFixed(0)} %`;
  console.log(
    `${name.padEnd(24)}${(result.micros[name] ?? 0).toFixed(1).padStart(8)} µs${ratio.toFixed(2).padStart(8)} ×` +
      `${(allowed?.toFixed(2) ?? "").padStart(8)}${change.padStart(8)}`,
  );
}
if (values.write) {
  const rounded = Object.entries(result.ratios).map(([name, ratio]) => [name, Number(ratio.toFixed(2))]);
  const ratios = { ...budget.ratios, ...Object.fromEntries(rounded) };
  writeFileSync(
    BUDGET_FILE,
    `${JSON.stringify({ ...budget, node: process.versions.node.split(".")[0], ratios }, undefined, 2)}\n`,
  );
} else {
  const faults = exceeded(budget, result.ratios);
  for (const fault of faults) console.error(fault);
  if (faults.length > 0) process.exitCode = 1;
}

/** Puts figures into docs/performance.md: what a benchmark wrote stands between its own two comments. */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { resolve } from "node:path";
import { machineLine } from "./machine.js";
import { cpuPlot, latencyPlot } from "./plots.js";
import { type Comparison, comparisonTables } from "./tables.js";

const DOCUMENT = resolve(import.meta.dirname, "../../docs/performance.md");
const PLOTS = resolve(import.meta.dirname, "../../docs/performance");

/** Tables and plots of a comparison: the region `compare`, or `compare-busy` when the machine was. */
export function writeComparison(result: Comparison): void {
  const isQuiet = result.machine.loadBefore < 0.5;
  const suffix = isQuiet ? "" : "-busy";
  mkdirSync(PLOTS, { recursive: true });
  const plots: readonly (readonly [name: string, title: string, svg: string])[] = [
    [`cpu${suffix}.svg`, "CPU time for a request", cpuPlot(result)],
    [`latency${suffix}.svg`, "Latency by percentile", latencyPlot(result)],
  ];
  for (const [name, , svg] of plots) writeFileSync(resolve(PLOTS, name), svg);
  const pictures = plots.map(([name, title]) => `![${title}](performance/${name})\n`).join("\n");
  writeRegion(
    `compare${suffix}`,
    `${machineLine(result.machine)}.\n\n${comparisonTables(result)}\n${pictures}`,
  );
}

/**
 * Replaces what stands between `<!-- bench:NAME -->` and `<!-- /bench:NAME -->`.
 * @throws Error when the document has no such region
 */
export function writeRegion(name: string, text: string): void {
  const document = readFileSync(DOCUMENT, "utf8");
  writeFileSync(DOCUMENT, withRegion(document, name, text));
}

function withRegion(document: string, name: string, text: string): string {
  const begin = `<!-- bench:${name} -->\n`;
  const end = `<!-- /bench:${name} -->`;
  const from = document.indexOf(begin);
  const to = document.indexOf(end, from);
  if (from < 0 || to < 0) throw new Error(`docs/performance.md has no region '${name}'`);
  return `${document.slice(0, from + begin.length)}\n${text.trim()}\n\n${document.slice(to)}`;
}

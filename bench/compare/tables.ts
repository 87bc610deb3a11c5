/** The figures of a comparison as Markdown. */
import type { Operation } from "./contenders/contender.js";
import { OPERATIONS } from "./contenders/contender.js";
import type { Machine } from "./machine.js";
import type { Measured } from "./measure.js";
import { ROWS } from "./rows.js";
import { OPEN_LOOP_ROW, type Series } from "./run.js";
import { type Spread, spreadOf } from "./statistics.js";

export interface Comparison {
  readonly machine: Machine;
  /** Version of Go, or `none`. */
  readonly go: string;
  readonly rounds: number;
  readonly seconds: number;
  readonly generator: string;
  readonly notes: readonly string[];
  readonly contenders: readonly { readonly id: string; readonly name: string; readonly version: string }[];
  readonly series: readonly Series[];
}

export const BASE = "yardstick";

/** All tables, one after the other. */
export function comparisonTables(result: Comparison): string {
  return [
    versions(result),
    "CPU time of the server for one request in µs; in parentheses times that of the Go yardstick in the same round: " +
      "median of the rounds [least–greatest].\n",
    table(result, closed, ({ cpuMicros }) => cpuMicros, 1, true),
    "Requests a second, closed loop: each stream asks as soon as it has its answer.\n",
    table(result, closed, ({ perSecond }) => perSecond, 0, false),
    "Latency of a closed loop in µs as the client sees it: median / 99th percentile.\n",
    latencies(result, closed),
    `Latency at a constant rate (${OPEN_LOOP_ROW}, 70 % of the yardstick's throughput), from the moment that a request ` +
      "was due, in µs: median / 99th / 99.9th percentile. A server without figures cannot do that rate.\n",
    latencies(result, open),
  ].join("\n");
}

const closed = ({ rate }: Series): boolean => rate === 0;
const open = ({ rate }: Series): boolean => rate > 0;

function versions({ contenders, generator, notes, rounds, seconds }: Comparison): string {
  const servers = contenders.map(({ name, version }) => `${name}: ${version}`).join("; ");
  return (
    `Servers: ${servers}. Generator: ${generator}. ${rounds} rounds of ${seconds} s for each figure.\n` +
    notes.map((note) => `${note}\n`).join("")
  );
}

type Which = (series: Series) => boolean;

function table(
  result: Comparison,
  which: Which,
  figure: (measured: Measured) => number,
  digits: number,
  goals: boolean,
): string {
  const { contenders } = result;
  const head = ["connections × streams", "request", ...contenders.map(({ name }) => name)];
  if (goals) head.push("goal");
  const lines = cells(result, which).map(({ row, operation, of }) => {
    const base = of(BASE);
    const shown = contenders.map(({ id }) => {
      const series = of(id);
      if (series === undefined) return "–";
      const { median } = spreadOf(series.rounds.map(figure));
      const text = median.toFixed(digits);
      if (base === undefined || id === BASE) return text;
      return `${text} (${shownRatio(ratios(series, base, figure))})`;
    });
    const goal = ROWS.find(({ label }) => label === row)?.goal;
    return [row, operation, ...shown, ...(goals ? [`≤ ${goal}`] : [])];
  });
  return markdown(head, lines);
}

function latencies(result: Comparison, which: Which): string {
  const { contenders } = result;
  const lines = cells(result, which).map(({ row, operation, of }) => [
    row,
    operation,
    ...contenders.map(({ id }) => {
      const rounds = of(id)?.rounds;
      if (rounds === undefined) return "–";
      const median = (figure: (one: Measured) => number): string =>
        spreadOf(rounds.map(figure)).median.toFixed(0);
      const last = which === open ? ` / ${median(({ p999Micros }) => p999Micros)}` : "";
      return `${median(({ p50Micros }) => p50Micros)} / ${median(({ p99Micros }) => p99Micros)}${last}`;
    }),
  ]);
  return markdown(["connections × streams", "request", ...contenders.map(({ name }) => name)], lines);
}

/** Round by round: what hits both alike cancels out. */
export function ratios(series: Series, base: Series, figure: (measured: Measured) => number): Spread {
  const all = series.rounds.flatMap((measured, round) => {
    const other = base.rounds[round];
    return other === undefined ? [] : [figure(measured) / figure(other)];
  });
  return spreadOf(all);
}

function shownRatio({ median, min, max }: Spread): string {
  return `${median.toFixed(2)} [${min.toFixed(2)}–${max.toFixed(2)}]`;
}

interface Cells {
  readonly row: string;
  readonly operation: Operation;
  readonly of: (contender: string) => Series | undefined;
}

function cells({ series }: Comparison, which: Which): Cells[] {
  const chosen = series.filter(which);
  return ROWS.flatMap(({ label }) =>
    OPERATIONS.map((operation) => {
      const here = chosen.filter((one) => one.row === label && one.operation === operation);
      return { row: label, operation, here };
    }),
  )
    .filter(({ here }) => here.length > 0)
    .map(({ row, operation, here }) => ({
      row,
      operation,
      of: (contender) => here.find((one) => one.contender === contender),
    }));
}

/** The first column to the left, all others to the right. */
export function markdown(head: readonly string[], lines: readonly (readonly string[])[]): string {
  const rule = head.map((_, at) => (at === 0 ? "---" : "---:"));
  return `${[head, rule, ...lines].map((cellsOf) => `| ${cellsOf.join(" | ")} |`).join("\n")}\n`;
}

/** Plots of a comparison: bars of CPU time, curves of latency. */
import type { Operation } from "./contenders/contender.js";
import { ROWS } from "./rows.js";
import { OPEN_LOOP_ROW } from "./run.js";
import { merged, quantileMicros, spreadOf } from "./statistics.js";
import { bars, curves } from "./svg.js";
import type { Comparison } from "./tables.js";

const OPERATION: Operation = "decrypt";
/** Shares of all requests, each a step further into the slowest. */
const SHARES = [0, 0.5, 0.75, 0.9, 0.95, 0.98, 0.99, 0.995, 0.998, 0.999, 0.9995, 0.9999];

/** CPU time of a decrypt for each row and server; whiskers from the least to the greatest of the rounds. */
export function cpuPlot({ contenders, series }: Comparison): string {
  const groups = ROWS.map(({ label }) => ({
    label,
    values: contenders.map(({ id }) => {
      const rounds = series.find(
        (one) => one.contender === id && one.row === label && one.operation === OPERATION && one.rate === 0,
      )?.rounds;
      return rounds === undefined ? undefined : spreadOf(rounds.map(({ cpuMicros }) => cpuMicros));
    }),
  })).filter(({ values }) => values.some((value) => value !== undefined));
  return bars({
    title: `CPU time of the server for one ${OPERATION}, µs (less is better)`,
    names: contenders.map(({ name }) => name),
    groups,
  });
}

/** Latency of a decrypt by percentile, at a constant rate where that was measured. */
export function latencyPlot({ contenders, series }: Comparison): string {
  const lines = contenders.flatMap(({ id, name }, colour) => {
    const one = series.find(
      (found) =>
        found.contender === id &&
        found.row === OPEN_LOOP_ROW &&
        found.operation === OPERATION &&
        found.rate > 0,
    );
    if (one === undefined) return [];
    const buckets = merged(one.rounds.map((round) => round.buckets));
    return [
      { name, colour, points: SHARES.map((share) => [share, quantileMicros(buckets, share)] as const) },
    ];
  });
  const rate = series.find((one) => one.operation === OPERATION && one.rate > 0)?.rate ?? 0;
  return curves({
    title: `Latency of a ${OPERATION} at ${rate.toFixed(0)} requests/s, ${OPEN_LOOP_ROW}, µs by percentile`,
    lines,
  });
}

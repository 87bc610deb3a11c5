/** The whole comparison: every cell several times, the servers taking turns, so that a busy moment hits them alike. */
import type { Contender, Operation } from "./contenders/contender.js";
import { OPERATIONS } from "./contenders/contender.js";
import { type Measured, measureCell } from "./measure.js";
import { ROWS, type Row } from "./rows.js";
import { spreadOf } from "./statistics.js";

/** All rounds of one server in one row. */
export interface Series {
  readonly contender: string;
  readonly row: string;
  readonly operation: Operation;
  /** Requests a second; 0 for a closed loop. */
  readonly rate: number;
  readonly rounds: readonly Measured[];
}

export interface RunOptions {
  readonly rounds: number;
  readonly seconds: number;
  readonly warmUpSeconds: number;
  /** The Go generator, where there is one. */
  readonly generator: string | undefined;
  readonly rows?: readonly Row[];
  readonly progress: (text: string) => void;
}

/** Share of the yardstick's throughput at which latencies are taken. */
export const OPEN_LOOP_SHARE = 0.7;
/** Row of the open loop: as a storage server with some requests at a time. */
export const OPEN_LOOP_ROW = "h2, 1 × 16";

/** Closed loops of all rows, then open loops at 70 % of what the first contender managed. */
export async function runComparison(
  contenders: readonly Contender[],
  options: RunOptions,
): Promise<Series[]> {
  const { rounds, rows = ROWS, progress } = options;
  await warmUp(contenders, options);
  const found = new Map<string, Series & { rounds: Measured[] }>();
  const take = async (
    contender: Contender,
    row: Row,
    operation: Operation,
    rate: number,
    round: number,
  ): Promise<void> => {
    const measured = await measureCell(contender, { row, operation, rate, ...options }, options.generator);
    if (measured === undefined) return;
    const id = `${contender.kind.id} ${row.label} ${operation} ${rate > 0}`;
    const series: Series & { rounds: Measured[] } = found.get(id) ?? {
      contender: contender.kind.id,
      row: row.label,
      operation,
      rate,
      rounds: [],
    };
    series.rounds.push(measured);
    found.set(id, series);
    const { cpuMicros, perSecond, p50Micros, p99Micros } = measured;
    const what = `${round}/${rounds} ${rate > 0 ? `at ${rate.toFixed(0)}/s ` : ""}${row.label}, ${operation}`;
    progress(
      `${what.padEnd(44)}${contender.kind.id.padEnd(18)}${cpuMicros.toFixed(1).padStart(7)} µs CPU` +
        `${perSecond.toFixed(0).padStart(8)}/s  p50 ${p50Micros.toFixed(0)} p99 ${p99Micros.toFixed(0)} µs`,
    );
  };
  for (let round = 1; round <= rounds; round++) {
    for (const row of rows) {
      for (const operation of OPERATIONS) {
        for (const contender of turned(contenders, round)) await take(contender, row, operation, 0, round);
      }
    }
  }
  const openRow = rows.find(({ label }) => label === OPEN_LOOP_ROW);
  if (openRow !== undefined) {
    for (const operation of OPERATIONS) {
      const rate = OPEN_LOOP_SHARE * throughputOf([...found.values()], contenders, operation);
      if (!(rate > 0)) continue;
      for (let round = 1; round <= rounds; round++) {
        for (const contender of turned(contenders, round)) {
          // A queue without end is no latency.
          if (rate > 0.95 * ownThroughput([...found.values()], contender.kind.id, operation)) continue;
          await take(contender, openRow, operation, rate, round);
        }
      }
    }
  }
  return [...found.values()];
}

/** The compilers of V8 need some ten thousand requests of every kind. */
async function warmUp(
  contenders: readonly Contender[],
  { warmUpSeconds, generator }: RunOptions,
): Promise<void> {
  for (const contender of contenders) {
    for (const operation of OPERATIONS) {
      for (const protocol of ["h1", "h2"] as const) {
        const row = protocol === "h1" ? H1_WARM_UP : H2_WARM_UP;
        await measureCell(
          contender,
          { row, operation, seconds: 2 * warmUpSeconds, warmUpSeconds: 0.1 },
          generator,
        );
      }
    }
  }
}

const H1_WARM_UP = { protocol: "h1", connections: 4, streams: 1 } as const;
const H2_WARM_UP = { protocol: "h2", connections: 1, streams: 16 } as const;

function turned<T>(all: readonly T[], round: number): T[] {
  const by = round % Math.max(1, all.length);
  return [...all.slice(by), ...all.slice(0, by)];
}

/** Of the yardstick, or of the first where there is none. */
function throughputOf(
  all: readonly Series[],
  contenders: readonly Contender[],
  operation: Operation,
): number {
  const base = contenders.find(({ kind }) => kind.id === "yardstick") ?? contenders[0];
  return base === undefined ? 0 : ownThroughput(all, base.kind.id, operation);
}

function ownThroughput(all: readonly Series[], contender: string, operation: Operation): number {
  const series = all.find(
    (one) =>
      one.contender === contender &&
      one.row === OPEN_LOOP_ROW &&
      one.operation === operation &&
      one.rate === 0,
  );
  return series === undefined ? 0 : spreadOf(series.rounds.map(({ perSecond }) => perSecond)).median;
}

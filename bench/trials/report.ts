/** What came out of trials, as a table. */
import { markdown } from "../compare/tables.js";
import type { Series, Slice } from "./measure.js";
import type { Load, Trial } from "./trial.js";

/** One load of one trial: the server as it is, and the others. */
export interface Outcome {
  readonly trial: Pick<Trial, "id" | "title">;
  readonly load: Load;
  readonly asItIs: Series;
  readonly others: readonly Series[];
}

/** The middle of the rounds and the middle half of them. */
interface Middle {
  readonly median: number;
  readonly lower: number;
  readonly upper: number;
}

/** What must be saved of the CPU time, by three rounds of four and between the cheapest, for a setting to be worth it. */
const WORTH = 0.03;

export function trialTable(outcomes: readonly Outcome[]): string {
  const lines = outcomes.flatMap(({ trial, load, asItIs, others }, at) =>
    others.map((other, index) => {
      const ratio = (figure: (slice: Slice) => number): Middle =>
        middleOf(asItIs.slices.map((slice, round) => figure(other.slices[round] ?? slice) / figure(slice)));
      const cpu = ratio(({ cpuMicros }) => cpuMicros);
      const isFirst = index === 0 && outcomes[at - 1]?.trial.id !== trial.id;
      const cheapest = least(other) / least(asItIs);
      const cost = middleOf(asItIs.slices.map(({ cpuMicros }) => cpuMicros)).median;
      return [
        isFirst ? trial.title : "",
        `${other.label} instead of ${asItIs.label}`,
        load,
        cost.toFixed(cost < 1_000 ? 1 : 0),
        shown(cpu),
        cheapest.toFixed(2),
        shown(ratio(({ perSecond }) => perSecond)),
        ratio(({ p50Micros }) => p50Micros).median.toFixed(2),
        ratio(({ p99Micros }) => p99Micros).median.toFixed(2),
        `${percent(asItIs.collecting)} → ${percent(other.collecting)}`,
        `${mib(asItIs.rssBytes)} → ${mib(other.rssBytes)}`,
        verdict(cpu, cheapest),
      ];
    }),
  );
  return markdown(
    [
      "trial",
      "setting",
      "load",
      "CPU µs as it is",
      "CPU ×",
      "cheapest ×",
      "requests/s ×",
      "median latency ×",
      "p99 ×",
      "collector",
      "MiB",
      "CPU says",
    ],
    lines,
  );
}

/** Quartiles, and not the extremes: one slice that the machine took away would hide all others. */
function middleOf(figures: readonly number[]): Middle {
  const sorted = [...figures].sort((a, b) => a - b);
  const at = (share: number): number => {
    const place = share * (sorted.length - 1);
    const below = sorted[Math.floor(place)] ?? Number.NaN;
    const above = sorted[Math.ceil(place)] ?? Number.NaN;
    return below + (above - below) * (place - Math.floor(place));
  };
  return { median: at(0.5), lower: at(0.25), upper: at(0.75) };
}

/** @param cheapest - the same ratio of the cheapest rounds: what else a machine does only ever adds */
function verdict({ lower, upper }: Middle, cheapest: number): string {
  if (Math.max(upper, cheapest) < 1 - WORTH) return "**saves**";
  return Math.min(lower, cheapest) > 1 + WORTH ? "costs" : "no difference";
}

function least({ slices }: Series): number {
  return Math.min(...slices.map(({ cpuMicros }) => cpuMicros));
}

function shown({ median, lower, upper }: Middle): string {
  return `${median.toFixed(2)} [${lower.toFixed(2)}–${upper.toFixed(2)}]`;
}

function percent(share: number): string {
  return `${(100 * share).toFixed(1)} %`;
}

function mib(bytes: number): string {
  return (bytes / 2 ** 20).toFixed(0);
}

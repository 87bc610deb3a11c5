/** A part of `npm run bench:server`: what it measures, as a table. */
import type { Contender } from "../compare/contenders/contender.js";
import type { Engine } from "../compare/contenders/keswick.js";
import type { BenchSite } from "../compare/contenders/site.js";
import { type Generator, Generator as GeneratorClass, type Protocol } from "../compare/generator.js";
import { type Buckets, quantileMicros } from "../compare/statistics.js";

/** What every part works with. */
export interface Bench {
  readonly site: BenchSite;
  /** Path of the compiled `main.js`. */
  readonly main: string;
  readonly engines: readonly Engine[];
  /** The Go generator; undefined without Go. */
  readonly generator: string | undefined;
  /** The Go yardstick; undefined without Go. */
  readonly yardstick: string | undefined;
  /** Everything in a fraction of the time, for a look. */
  readonly short: boolean;
  readonly progress: (text: string) => void;
}

export interface Table {
  readonly title: string;
  readonly head: readonly string[];
  readonly lines: readonly (readonly string[])[];
}

export type Section = (bench: Bench) => Promise<Table>;

/** Runs `work` with a generator that is set up for `contender`. */
export async function withGenerator<T>(
  bench: Bench,
  contender: Contender,
  [protocol, connections, streams]: readonly [Protocol, number, number],
  work: (generator: Generator) => Promise<T>,
): Promise<T> {
  const setup = contender.setup(protocol, connections, streams);
  const generator = await GeneratorClass.start(bench.generator, setup);
  try {
    return await work(generator);
  } finally {
    generator.stop();
  }
}

/** The requests of `operation`. @throws Error for a server that cannot do it */
export function requestsOf(
  contender: Contender,
  operation: "generate" | "decrypt",
): NonNullable<Contender["kind"]["requests"]["decrypt"]> {
  const requests = contender.kind.requests[operation];
  if (requests === undefined) throw new Error(`${contender.kind.name} does no ${operation}`);
  return requests;
}

/** Microseconds at some percentiles: `150`, `201`, … */
export function percentiles(buckets: Buckets, shares: readonly number[]): string[] {
  return shares.map((share) => quantileMicros(buckets, share).toFixed(0));
}

export function mib(bytes: number): string {
  return (bytes / 2 ** 20).toFixed(1);
}

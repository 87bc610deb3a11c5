/** One cell of a comparison: a server, a row, an operation, for some seconds. */
import type { Contender, Operation } from "./contenders/contender.js";
import { Generator } from "./generator.js";
import { rssBytes } from "./process-times.js";
import type { Row } from "./rows.js";
import { type Buckets, quantileMicros } from "./statistics.js";

export interface Measured {
  readonly requests: number;
  readonly perSecond: number;
  /** CPU time of the server for one request, of all its threads. */
  readonly cpuMicros: number;
  /** Of the generator: near 1,000,000 / perSecond it was the generator that could not go faster. */
  readonly generatorMicros: number;
  readonly p50Micros: number;
  readonly p90Micros: number;
  readonly p99Micros: number;
  readonly p999Micros: number;
  readonly maxMicros: number;
  readonly rssBytes: number;
  readonly buckets: Buckets;
}

export interface Cell {
  readonly row: Pick<Row, "protocol" | "connections" | "streams">;
  readonly operation: Operation;
  readonly seconds: number;
  readonly warmUpSeconds: number;
  /** Requests a second; closed loop without. */
  readonly rate?: number;
}

/**
 * Loads `contender` and measures. Undefined when it cannot do the operation.
 * @param generator - the Go generator, where there is one
 * @throws Error when a single answer was wrong, or when there were more connections than the row says
 */
export async function measureCell(
  contender: Contender,
  { row, operation, seconds, warmUpSeconds, rate = 0 }: Cell,
  generator: string | undefined,
): Promise<Measured | undefined> {
  const requests = contender.kind.requests[operation];
  if (requests === undefined || !contender.kind.protocols.includes(row.protocol)) return undefined;
  await contender.emptyLog();
  const { protocol, connections, streams } = row;
  const load = await Generator.start(generator, contender.setup(protocol, connections, streams));
  try {
    await load.load({ seconds: warmUpSeconds, rate, requests });
    const before = contender.cpuMicros();
    const result = await load.load({ seconds, rate, requests });
    const used = contender.cpuMicros() - before;
    if (result.connections !== connections)
      throw new Error(
        `${contender.kind.name}: ${result.connections} connections were made for ${connections}`,
      );
    await contender.verify(operation, result.samples);
    const at = (share: number): number => quantileMicros(result.buckets, share);
    return {
      requests: result.requests,
      perSecond: result.requests / result.seconds,
      cpuMicros: used / result.requests,
      generatorMicros: result.cpuMicros / result.requests,
      p50Micros: at(0.5),
      p90Micros: at(0.9),
      p99Micros: at(0.99),
      p999Micros: at(0.999),
      maxMicros: result.maxNanos / 1_000,
      rssBytes: rssBytes(contender.pid),
      buckets: result.buckets,
    };
  } catch (cause) {
    throw new Error(`${contender.kind.name}, ${protocol} ${connections} × ${streams}, ${operation}`, {
      cause,
    });
  } finally {
    load.stop();
  }
}

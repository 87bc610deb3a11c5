/** One load on all servers of a trial, by turns in short slices: what else the machine does hits them alike. */
import { Generator, type LoadRequest, type Protocol } from "../compare/generator.js";
import { rssBytes } from "../compare/process-times.js";
import { ROWS } from "../compare/rows.js";
import { type Buckets, quantileMicros } from "../compare/statistics.js";
import { bulkRequest } from "../server/bulk.js";
import { requestsOf } from "../server/section.js";
import type { TrialServer } from "./server.js";
import type { Load } from "./trial.js";

export interface Slice {
  /** CPU time of the server for a request or a handshake. */
  readonly cpuMicros: number;
  readonly perSecond: number;
  readonly p50Micros: number;
  readonly p99Micros: number;
}

/** One load on one server. */
export interface Series {
  readonly label: string;
  readonly slices: readonly Slice[];
  /** Share of the time of all slices that the garbage collector had the main thread. */
  readonly collecting: number;
  readonly rssBytes: number;
}

export interface Rounds {
  readonly rounds: number;
  readonly seconds: number;
  readonly warmUpSeconds: number;
  /** The Go generator. */
  readonly generator: string;
}

/** @returns a series for each server, in their order; without those that cannot be under such a load */
export async function measureLoad(
  servers: readonly TrialServer[],
  load: Load,
  { rounds, seconds, warmUpSeconds, generator }: Rounds,
): Promise<Series[]> {
  const able = servers.filter(({ setting }) => load !== "handshake, resumed" || setting.resumes !== false);
  const runs: Run[] = [];
  try {
    for (const server of able) runs.push(await Run.start(server, load, generator));
    for (const run of runs) await run.slice(warmUpSeconds);
    for (const run of runs) await run.begin();
    for (let round = 0; round < rounds; round++) {
      // Whoever is after whom changes, since a server inherits the caches of the one before.
      const order = round % 2 === 0 ? runs : [...runs].reverse();
      for (const run of order) await run.take(seconds);
    }
    const series: Series[] = [];
    for (const run of runs) series.push(await run.end());
    return series;
  } finally {
    for (const run of runs) run.stop();
  }
}

/** The series of several processes of each setting, as one for each setting. */
export function joined(lives: readonly (readonly Series[])[]): Series[] {
  const [first = []] = lives;
  return first.map(({ label }, index) => {
    const all = lives.flatMap((series) => series[index] ?? []);
    const mean = (figure: (series: Series) => number): number =>
      all.reduce((sum, series) => sum + figure(series), 0) / all.length;
    return {
      label,
      slices: all.flatMap(({ slices }) => slices),
      collecting: mean(({ collecting }) => collecting),
      rssBytes: mean(({ rssBytes: bytes }) => bytes),
    };
  });
}

class Run {
  readonly #server: TrialServer;
  readonly #load: Load;
  readonly #generator: Generator;
  readonly #requests: readonly LoadRequest[];
  readonly #slices: Slice[] = [];
  #busyMs = 0;
  #collectingMs = 0;

  private constructor(
    server: TrialServer,
    load: Load,
    generator: Generator,
    requests: readonly LoadRequest[],
  ) {
    this.#server = server;
    this.#load = load;
    this.#generator = generator;
    this.#requests = requests;
  }

  static async start(server: TrialServer, load: Load, program: string): Promise<Run> {
    const { contender, site } = server;
    const requests =
      load === "bulk" ? [await bulkRequest(contender, site)] : requestsOf(contender, "decrypt");
    const [protocol, connections, streams] = shapeOf(load);
    const generator = await Generator.start(program, contender.setup(protocol, connections, streams));
    return new Run(server, load, generator, requests);
  }

  async begin(): Promise<void> {
    this.#collectingMs = await this.#server.collectingMs();
  }

  async take(seconds: number): Promise<void> {
    this.#slices.push(await this.slice(seconds));
    this.#busyMs += seconds * 1_000;
  }

  async slice(seconds: number): Promise<Slice> {
    const { contender } = this.#server;
    await contender.emptyLog();
    const before = contender.cpuMicros();
    const { count, buckets, took } = await this.#run(seconds);
    const used = contender.cpuMicros() - before;
    return {
      cpuMicros: used / count,
      perSecond: count / took,
      p50Micros: quantileMicros(buckets, 0.5),
      p99Micros: quantileMicros(buckets, 0.99),
    };
  }

  async end(): Promise<Series> {
    const collectingMs = (await this.#server.collectingMs()) - this.#collectingMs;
    return {
      label: this.#server.setting.label,
      slices: this.#slices,
      collecting: collectingMs / this.#busyMs,
      rssBytes: rssBytes(this.#server.contender.pid),
    };
  }

  stop(): void {
    this.#generator.stop();
  }

  async #run(
    seconds: number,
  ): Promise<{ readonly count: number; readonly buckets: Buckets; readonly took: number }> {
    if (!this.#load.startsWith("handshake")) {
      const result = await this.#generator.load({ seconds, requests: this.#requests });
      return { count: result.requests, buckets: result.buckets, took: result.seconds };
    }
    const [request] = this.#requests;
    if (request === undefined) throw new Error("no request");
    const resumed = this.#load === "handshake, resumed";
    const result = await this.#generator.handshakes({ seconds, rate: 0, resumed, request, most: 1 });
    if (result.errors > 0) throw new Error(`${result.errors} handshakes failed: ${result.error}`);
    // Of resumed ones the first slice's first handshakes, which fetch the ticket, are not counted by the generator.
    if (result.resumed !== (resumed ? result.handshakes : 0))
      throw new Error(`${result.resumed} of ${result.handshakes} handshakes were resumed`);
    return { count: result.handshakes, buckets: result.buckets, took: result.seconds };
  }
}

function shapeOf(load: Load): readonly [Protocol, number, number] {
  if (load === "bulk") return ["h2", 1, 2];
  const row = ROWS.find(({ label }) => label === load);
  return row === undefined ? ["h1", 1, 1] : [row.protocol, row.connections, row.streams];
}

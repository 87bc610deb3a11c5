/**
 * CPU time of a request as a ratio to the reference in the same process. Both are measured in short slices that take
 * turns, and of each the cheapest slice counts: what other programs do to caches and cores only ever adds.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import {
  BURST,
  type Client,
  type Connect,
  connectHttp1,
  connectHttp2,
  connectReference,
  decryptBody,
  generateBody,
} from "./client.js";
import { type Address, ENGINES, type ServerOptions, type Started, type Used } from "./protocol.js";

/** `node h2 decrypt`, and the like. */
export type RowName = string;

export interface BudgetOptions {
  /** Only rows whose name this matches. */
  readonly rows?: RegExp;
  /** CPU time that each request loses on the way; 0 by default. */
  readonly burnMicros?: number;
  /** Rounds that are always made, and as many more as the reference still gets cheaper: that would hide what rows cost. */
  readonly minRounds?: number;
  readonly maxRounds?: number;
  /** Asked after each round from `minRounds` on; true ends the measurement. */
  readonly isEnough?: (ratios: Readonly<Record<RowName, number>>) => boolean;
}

export interface BudgetResult {
  readonly ratios: Readonly<Record<RowName, number>>;
  /** CPU time in microseconds of one request, and of one of the reference. */
  readonly micros: Readonly<Record<RowName, number>>;
  readonly referenceMicros: number;
  readonly rounds: number;
}

/** Bursts of a slice: some milliseconds each, so that many slices are not interrupted however busy the machine is. */
const SLICE_BURSTS = 12;
const REFERENCE_BURSTS = 24;
/** Rounds without a cheaper reference after which it is taken for the cheapest. */
const SETTLED_ROUNDS = 5;
/** A gain below this is none. */
const GAIN = 0.99;
/** The compilers of V8 have done their work by then. */
const WARM_UP_BURSTS = 400;
const PATHS = { generate: "/v1/key/generate/budget", decrypt: "/v1/key/decrypt/budget" } as const;
const CONNECTS: Readonly<Record<"h1" | "h2", Connect>> = { h1: connectHttp1, h2: connectHttp2 };
const MAIN = fileURLToPath(new URL("server-main.ts", import.meta.url));

/** Starts the servers, measures, and ends them. */
export async function measureBudget(options: BudgetOptions = {}): Promise<BudgetResult> {
  const { minRounds = 12, maxRounds = 80, isEnough = () => false, burnMicros = 0 } = options;
  const { child, started } = await startServer({ burnMicros });
  const clients: Client[] = [];
  try {
    const reference = await connectReference(started.reference, "");
    clients.push(reference);
    const rows = await connectRows(started, options.rows ?? /./);
    clients.push(...rows.map(({ client }) => client));
    const best = new Map<RowName, number>();
    let referenceMicros = Number.POSITIVE_INFINITY;
    let settled = 0;
    const measureReference = async (): Promise<void> => {
      const micros = await costOf(child, reference, "", REFERENCE_BURSTS);
      if (micros < referenceMicros * GAIN) settled = 0;
      referenceMicros = Math.min(referenceMicros, micros);
    };

    await costOf(child, reference, "", WARM_UP_BURSTS);
    for (const { client, body } of rows) await costOf(child, client, body, WARM_UP_BURSTS);
    const ratios = (): Record<RowName, number> =>
      Object.fromEntries([...best].map(([name, micros]) => [name, micros / referenceMicros]));
    let round = 0;
    while (round < maxRounds) {
      round += 1;
      for (const { name, client, body } of rows) {
        await measureReference();
        const micros = await costOf(child, client, body, SLICE_BURSTS);
        best.set(name, Math.min(best.get(name) ?? Number.POSITIVE_INFINITY, micros));
      }
      await measureReference();
      settled += 1;
      if (round >= minRounds && settled >= SETTLED_ROUNDS && isEnough(ratios())) break;
    }
    return { ratios: ratios(), micros: Object.fromEntries(best), referenceMicros, rounds: round };
  } finally {
    for (const client of clients) client.close();
    child.kill("SIGKILL");
  }
}

interface Row {
  readonly name: RowName;
  readonly client: Client;
  readonly body: string;
}

async function connectRows({ engines }: Started, wanted: RegExp): Promise<Row[]> {
  const rows: Row[] = [];
  for (const engine of ENGINES) {
    const to = engines[engine];
    await create(to);
    for (const protocol of ["h1", "h2"] as const) {
      const name = (operation: string): RowName => `${engine} ${protocol} ${operation}`;
      if (!wanted.test(name("generate")) && !wanted.test(name("decrypt"))) continue;
      const generate = await CONNECTS[protocol](to, PATHS.generate);
      const [dek = ""] = await generate.burst(generateBody);
      const decrypt = await CONNECTS[protocol](to, PATHS.decrypt);
      // A connection that never asks is given up.
      await decrypt.burst(decryptBody(dek));
      rows.push({ name: name("generate"), client: generate, body: generateBody });
      rows.push({ name: name("decrypt"), client: decrypt, body: decryptBody(dek) });
    }
  }
  return rows.filter(({ name }) => wanted.test(name));
}

/** CPU time in microseconds of one request. */
async function costOf(child: ChildProcess, client: Client, body: string, bursts: number): Promise<number> {
  const before = await cpuMicros(child);
  for (let i = 0; i < bursts; i++) {
    const answers = await client.burst(body);
    if (!answers.every((answer) => answer.includes('"plaintext":"')))
      throw new Error("an answer has no plaintext");
  }
  return ((await cpuMicros(child)) - before) / (bursts * BURST);
}

/** The key that rows use. Not in a burst: only one of them would succeed. */
async function create(to: Address): Promise<void> {
  const { request } = await import("node:https");
  const { cert, key, port } = to;
  await new Promise<void>((resolve, reject) => {
    const options = {
      ...{ method: "PUT", host: "127.0.0.1", path: "/v1/key/create/budget", port, cert, key },
      ...{ rejectUnauthorized: false, agent: false as const },
    };
    const asking = request(options, (answer) => {
      answer.resume();
      answer.on("end", () =>
        answer.statusCode === 200 ? resolve() : reject(new Error(`create: ${answer.statusCode}`)),
      );
    });
    asking.on("error", reject);
    asking.end();
  });
}

async function startServer(options: ServerOptions): Promise<{ child: ChildProcess; started: Started }> {
  // A collector with helpers would count their waiting as work.
  const flags = ["--single-threaded-gc", "--import", "tsx"];
  const child = spawn(process.execPath, [...flags, MAIN, JSON.stringify(options)], {
    stdio: ["ignore", "inherit", "inherit", "ipc"],
  });
  process.once("exit", () => child.kill("SIGKILL"));
  const ended = once(child, "exit").then(() => {
    throw new Error("the measured process ended");
  });
  const [started] = (await Promise.race([once(child, "message"), ended])) as [Started];
  return { child, started };
}

async function cpuMicros(child: ChildProcess): Promise<number> {
  const answer = once(child, "message");
  child.send("cpu");
  const [used] = (await answer) as [Used];
  return used.cpuMicros;
}

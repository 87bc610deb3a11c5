/**
 * nghttp2's h2load against the Go yardstick and both engines, by turns: `npm run bench:h2load`, about two minutes. It puts
 * many requests into one TLS record where Go's client makes two records of each, and so loads harder. With
 * `--document` it writes the region `h2load` of docs/performance.md. It needs h2load and HAProxy.
 *
 * Options: `--rounds N`, `--seconds N` for each run, `--main FILE`.
 */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { CleanUp } from "../test/support/clean-up.js";
import { systemTool } from "../test/support/services/index.js";
import type { Contender } from "./compare/contenders/contender.js";
import { startContenders } from "./compare/contenders/start.js";
import { writeRegion } from "./compare/document.js";
import type { Protocol } from "./compare/generator.js";
import { machine, machineLine } from "./compare/machine.js";
import { ROWS, type Row } from "./compare/rows.js";
import { spreadOf } from "./compare/statistics.js";
import { markdown } from "./compare/tables.js";
import { type CertifyingRelay, startRelay } from "./h2load/relay.js";
import { type H2loadResult, runH2load } from "./h2load/run.js";
import { requestsOf } from "./server/section.js";

interface Measured extends H2loadResult {
  readonly cpuMicros: number;
}

interface Server {
  readonly contender: Contender;
  readonly relays: Readonly<Record<Protocol, CertifyingRelay>>;
  /** File with the body of a decrypt. */
  readonly body: string;
  readonly path: string;
}

/** More than the compilers of V8 need, together with those of the rounds before. */
const WARM_UP_REQUESTS = 2_000;

const { values } = parseArgs({
  options: {
    rounds: { type: "string", default: "3" },
    seconds: { type: "string", default: "2" },
    document: { type: "boolean", default: false },
    main: { type: "string" },
  },
});
const h2load = systemTool("h2load");
const haproxy = systemTool("haproxy");
if (h2load === undefined || haproxy === undefined)
  throw new Error("h2load (Debian: nghttp2-client) or haproxy is not on the PATH");
const on = machine();
const cleanUp = new CleanUp();
try {
  const folder = await mkdtemp(join(tmpdir(), "keswick-h2load-"));
  cleanUp.add(() => rm(folder, { recursive: true, force: true }));
  const { contenders, notes, stop } = await startContenders({
    only: ["yardstick", "node", "keswick"],
    ...(values.main === undefined ? {} : { main: values.main }),
  });
  cleanUp.add(stop);
  for (const note of notes) console.error(`note: ${note}`);
  const servers: Server[] = [];
  for (const contender of contenders) servers.push(await prepare(contender, folder, haproxy));
  const lines: string[][] = [];
  for (const row of ROWS) lines.push(await measureRow(row, servers, h2load));
  const names = contenders.map(({ kind }) => kind.name);
  const head = [
    "connections × streams",
    ...names.map((name) => `${name}: CPU µs`),
    ...names.map((name) => `${name}: requests/s; mean µs`),
  ];
  const text =
    `${machineLine(on)}. ${values.rounds} rounds of ${values.seconds} s, decrypts with audit on; in parentheses times ` +
    `the first server's in the same round: median [least–greatest].\n\n${markdown(head, lines)}`;
  console.log(text);
  if (values.document) writeRegion("h2load", text);
} finally {
  await cleanUp.run();
}

async function prepare(contender: Contender, folder: string, program: string): Promise<Server> {
  const setup = contender.setup("h2", 1, 1);
  const start = async (protocol: Protocol): Promise<CertifyingRelay> => {
    const relay = await startRelay(program, folder, setup, protocol);
    cleanUp.add(() => relay.stop());
    return relay;
  };
  const [request] = requestsOf(contender, "decrypt");
  const body = join(folder, `${contender.kind.id}.json`);
  await writeFile(body, request?.body ?? "");
  return {
    ...{ contender, body, path: request?.path ?? "" },
    relays: { h2: await start("h2"), h1: await start("h1") },
  };
}

async function measureRow(row: Row, servers: readonly Server[], program: string): Promise<string[]> {
  const take = async ({ contender, relays, body, path }: Server, requests: number): Promise<Measured> => {
    await contender.emptyLog();
    const before = contender.cpuMicros();
    const result = await runH2load(program, row, { url: relays[row.protocol].url + path, body, requests });
    return { ...result, cpuMicros: (contender.cpuMicros() - before) / requests };
  };
  const counts: number[] = [];
  for (const server of servers) {
    await take(server, WARM_UP_REQUESTS);
    const { perSecond } = await take(server, WARM_UP_REQUESTS);
    counts.push(Math.max(WARM_UP_REQUESTS, Math.round(perSecond * Number(values.seconds))));
  }
  const found = servers.map((): Measured[] => []);
  for (let round = 0; round < Number(values.rounds); round++) {
    for (const at of servers.keys()) {
      const index = (at + round) % servers.length;
      const server = servers[index];
      if (server !== undefined) found[index]?.push(await take(server, counts[index] ?? WARM_UP_REQUESTS));
    }
  }
  const [base = []] = found;
  const shown = (all: readonly Measured[], figure: (one: Measured) => number, digits: number): string => {
    const median = spreadOf(all.map(figure)).median.toFixed(digits);
    if (all === base) return median;
    const ratio = spreadOf(all.map((one, round) => figure(one) / figure(base[round] ?? one)));
    return `${median} (${ratio.median.toFixed(2)} [${ratio.min.toFixed(2)}–${ratio.max.toFixed(2)}])`;
  };
  const line = [
    row.label,
    ...found.map((all) => shown(all, ({ cpuMicros }) => cpuMicros, 1)),
    ...found.map(
      (all) =>
        `${shown(all, ({ perSecond }) => perSecond, 0)}; ${spreadOf(all.map(({ meanMicros }) => meanMicros)).median.toFixed(0)}`,
    ),
  ];
  console.error(line.join("  "));
  return line;
}

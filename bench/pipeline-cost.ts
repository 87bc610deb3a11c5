/**
 * CPU time of the pipeline alone, from the exchange to its answer, without HTTP and TLS: of one build or of two in
 * turn in one process. `tsx bench/pipeline-cost.ts <root of a build> [<root of another>]`.
 */
import { openSync, writeSync } from "node:fs";
import { pathToFileURL } from "node:url";
import { parseArgs } from "node:util";
import type { LineWriter } from "../src/audit/line-writer.js";
import type { BodyFailure } from "../src/server/body.js";
import type { Exchange, ReplyHeaders } from "../src/server/exchange.js";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    count: { type: "string", default: "20000" },
    rounds: { type: "string", default: "7" },
    audit: { type: "string", default: "on" },
    only: { type: "string", default: "generate,decrypt,bulk" },
  },
});
const roots = positionals.length > 0 ? positionals : ["."];
const identity = "ab".repeat(32);
const CONTEXT = Buffer.from('{"bucket":"bucket/some/object/name"}').toString("base64");
const BULK_ITEMS = 1000;
const socketPage = Buffer.alloc(256 * 1024);
// biome-ignore lint/suspicious/noExplicitAny: modules of another build, whose types may be others
type Module = any;

interface Subject {
  readonly serve: (exchange: Exchange) => void;
  readonly requests: Record<string, FakeRequest>;
}
interface FakeRequest {
  readonly target: string;
  readonly body: Buffer;
}

/** What an engine would be, as cheaply as can be. */
class FakeExchange {
  readonly peer: Exchange["peer"];
  readonly method = "PUT";
  readonly target: string;
  readonly bodyless = false;
  readonly #body: Buffer;
  readonly #answered: () => void;
  status = 0;
  answer: string | undefined;

  constructor(request: FakeRequest, peer: Exchange["peer"], answered: () => void = () => {}) {
    this.target = request.target;
    this.#body = request.body;
    this.peer = peer;
    this.#answered = answered;
  }
  header(): readonly string[] {
    return [];
  }
  readBody(_: number, done: (body: Buffer | BodyFailure) => void): void {
    done(this.#body);
  }
  onGone(): void {}
  finished(): void {}
  reply(status: number, _headers: ReplyHeaders, body?: string): void {
    this.status = status;
    this.answer = body;
    this.#answered();
  }
  stream(): never {
    throw new Error("no stream");
  }
}

/** A sink that writes what has gathered, as the real one may. */
function writer(): LineWriter {
  const fd = openSync("/dev/null", "w");
  let lines = "";
  return {
    write(line) {
      lines += line;
      if (lines.length > 65536) {
        writeSync(fd, lines);
        lines = "";
      }
    },
    flush: () => undefined,
  };
}

async function load(root: string): Promise<Subject> {
  const at = async (path: string): Promise<Module> =>
    import(pathToFileURL(`${root}/dist/src/${path}.js`).href);
  const [{ Pipeline }, { RouteTable }, routes, { Metrics }, { AuditLog }, { LogHub }, { ErrorLog }] =
    await Promise.all([
      at("server/pipeline"),
      at("server/route-table"),
      at("api/routes"),
      at("metrics/metrics"),
      at("audit/audit-log"),
      at("audit/hub"),
      at("audit/error-log"),
    ]);
  const { KeyService } = await at("keys/service");
  const { Turns } = await at("keys/turns").catch(() => ({}) as Module);
  const { systemClock } = await at("keys/clock");
  const { pooledRandom } = await at("crypto/random");
  const { Directory } = await at("policy/directory");
  const { compilePattern } = await at("policy/pattern");
  const { Lease } = await at("server/lease");
  const { requestIds } = await at("server/request-id");
  const { MemoryKeystore } = await import(pathToFileURL(`${root}/dist/keystores/memory/store.js`).href);
  const keys = new KeyService({
    keystore: new MemoryKeystore(),
    cache: { anyMs: 3_600_000, unusedMs: 3_600_000, offlineMs: 0 },
    clock: systemClock,
    random: pooledRandom(),
    log: { info() {}, warn() {}, error() {} },
  });
  const patterns = ["create", "generate", "decrypt", "bulk/decrypt", "bulk/generate"];
  const allow = patterns.map((each) => {
    const pattern = `/v1/key/${each}/bench*`;
    return { pattern, ...compilePattern(pattern, "current") };
  });
  const directory = new Directory({
    admin: undefined,
    adminText: "disabled",
    policies: [{ name: "bench", policy: { allow, deny: [] }, identities: [identity] }],
    createdAtMs: 0,
  });
  const metrics = new Metrics({
    errorEvents: () => 0,
    auditEvents: () => 0,
    firstExpiryMs: () => undefined,
    cache: () => undefined,
    startedAtMs: 0,
  });
  const settings = {
    level: values.audit === "off" ? 9 : 0,
    format: values.audit === "json" ? "json" : "text",
  };
  const auditLog = new AuditLog(writer(), new LogHub(), settings);
  const errorLog = new ErrorLog(writer(), new LogHub(), settings);
  if (values.audit === "file") {
    const kept: string[] = [];
    const record = (members: string): void => {
      kept[0] = members;
    };
    auditLog.attach({ append: async () => {}, record }, false);
  }
  const state = {
    services: { keys, directory, turns: Turns === undefined ? undefined : new Turns() },
    options: new Map(
      routes.routes.map((route: Module) => [route.path, { skipAuth: false, timeoutMs: route.timeoutMs }]),
    ),
    lease: new Lease(),
  };
  const pipeline = new Pipeline({
    table: new RouteTable(routes.routes, []),
    state: () => state,
    metrics,
    auditLog,
    errorLog,
    pages: {},
    requestId: requestIds((size: number) => Buffer.alloc(size)),
  });
  await keys.create("bench-key", { createdBy: "" });
  await keys.describe("bench-key");
  const generate = { target: "/v1/key/generate/bench-key", body: Buffer.from(`{"context":"${CONTEXT}"}`) };
  const made = new FakeExchange(generate, { ip: "127.0.0.1", identity } as Exchange["peer"]);
  pipeline.serve(made);
  const { ciphertext } = JSON.parse(made.answer ?? "{}") as { ciphertext: string };
  const item = `{"ciphertext":"${ciphertext}","context":"${CONTEXT}"}`;
  return {
    serve: pipeline.serve,
    requests: {
      generate,
      decrypt: { target: "/v1/key/decrypt/bench-key", body: Buffer.from(item) },
      bulk: { target: "/v1/key/bulk/decrypt/bench-key", body: await bulkBody(pipeline.serve) },
    },
  };
}

/** A body of {@link BULK_ITEMS} ciphertexts, each with a context. */
async function bulkBody(serve: Subject["serve"]): Promise<Buffer> {
  const request = {
    target: "/v1/key/bulk/generate/bench-key",
    body: Buffer.from(JSON.stringify(Array.from({ length: BULK_ITEMS }, () => ({ context: CONTEXT })))),
  };
  const deks = JSON.parse(await ask(serve, request, { ip: "127.0.0.1", identity } as Exchange["peer"])) as {
    ciphertext: string;
  }[];
  return Buffer.from(JSON.stringify(deks.map(({ ciphertext }) => ({ ciphertext, context: CONTEXT }))));
}

/** The answer to a call that is not answered at once. */
function ask(serve: Subject["serve"], request: FakeRequest, peer: Exchange["peer"]): Promise<string> {
  return new Promise((resolve, reject) => {
    const exchange = new FakeExchange(request, peer, () => {
      const { status, answer = "" } = exchange;
      // What an engine does with it: it measures and writes it.
      socketPage.write(answer, 0, Buffer.byteLength(answer), "latin1");
      if (status === 200) resolve(answer);
      else reject(new Error(`answered ${status}: ${answer}`));
    });
    serve(exchange as unknown as Exchange);
  });
}

const subjects = await Promise.all(roots.map(load));
const peers = subjects.map(() => ({ ip: "127.0.0.1", identity }) as Exchange["peer"]);
const count = Number(values.count);
const median = (all: readonly number[]): number => [...all].sort((a, b) => a - b)[all.length >> 1] ?? 0;

/** For each of `count` items of bulk calls, two calls at a time. */
async function runBulk(
  serve: Subject["serve"],
  request: FakeRequest,
  peer: Exchange["peer"],
): Promise<number> {
  const before = process.cpuUsage();
  for (let i = 0; i < count; i += 2 * BULK_ITEMS) {
    await Promise.all([ask(serve, request, peer), ask(serve, request, peer)]);
  }
  const { user, system } = process.cpuUsage(before);
  return (user + system) / (Math.ceil(count / (2 * BULK_ITEMS)) * 2 * BULK_ITEMS);
}

/** Some requests in each turn of the event loop, as they come over a connection. */
async function run({ serve, requests }: Subject, kind: string, peer: Exchange["peer"]): Promise<number> {
  const request = requests[kind];
  if (request === undefined) throw new Error(`no such request: ${kind}`);
  if (kind === "bulk") return runBulk(serve, request, peer);
  const before = process.cpuUsage();
  for (let i = 0; i < count; i += 16) {
    for (let j = 0; j < 16; j++) {
      const exchange = new FakeExchange(request, peer);
      serve(exchange as unknown as Exchange);
      if (exchange.status !== 200) throw new Error(`answered ${exchange.status}: ${exchange.answer}`);
    }
    await new Promise((resolve) => setImmediate(resolve));
  }
  const { user, system } = process.cpuUsage(before);
  return (user + system) / count;
}

for (const kind of values.only.split(",")) {
  const costs = subjects.map((): number[] => []);
  for (let round = -1; round < Number(values.rounds); round++) {
    for (const [i, subject] of subjects.entries()) {
      const peer = peers[i];
      if (peer === undefined) continue;
      const cost = await run(subject, kind, peer);
      if (round >= 0) costs[i]?.push(cost);
    }
  }
  const [first = []] = costs;
  const ratios = costs.map((all) => median(all.map((cost, i) => cost / (first[i] ?? cost))));
  console.log(
    kind.padEnd(10),
    costs
      .map(
        (all, i) =>
          `${median(all).toFixed(2)} µs (${Math.min(...all).toFixed(2)}–${Math.max(...all).toFixed(2)}) × ${(ratios[i] ?? 1).toFixed(3)}`,
      )
      .join("   |   "),
  );
}
process.exit(0);

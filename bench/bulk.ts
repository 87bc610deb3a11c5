/**
 * Decrypts and generates in bulk, 1000 items a call over HTTP/2: items for each second of the server's CPU time, how
 * long rounds of its event loop were, and in the same run the cryptography alone: `tsx bench/bulk.ts [--seconds N]
 * [--http keswick|node] <root of a build> [<root of another>]`. A build is a folder with `dist/`. Builds take turns, and
 * what counts is their ratio to the first one in the same round: the machine is another one in the next.
 */
import { type ClientHttp2Session, connect } from "node:http2";
import { parseArgs } from "node:util";
import { pooledRandom } from "../src/crypto/random.js";
import { open, seal } from "../src/crypto/seal.js";
import { type BuildServer, KEY, startBuild } from "./hot-path/server.js";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    seconds: { type: "string", default: "2" },
    rounds: { type: "string", default: "3" },
    http: { type: "string" },
    profile: { type: "string" },
    calls: { type: "string", default: "1,8" },
    only: { type: "string", default: "generate,decrypt" },
  },
});
const ITEMS = 1000;
const CONTEXT = Buffer.from('{"bucket":"bucket/some/object/name"}');
const ms = Number(values.seconds) * 1000;

function post(session: ClientHttp2Session, path: string, body: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const stream = session.request({
      ...{ ":method": "POST", ":path": path, "content-length": Buffer.byteLength(body) },
    });
    let status = 0;
    let text = "";
    stream.setEncoding("latin1");
    stream.on("response", (headers) => {
      status = Number(headers[":status"]);
    });
    stream.on("data", (piece: string) => {
      text += piece;
    });
    stream.on("error", reject);
    stream.on("end", () => (status === 200 ? resolve(text) : reject(new Error(`${status} ${text}`))));
    stream.end(body);
  });
}

/** Calls of the cryptography for a second of CPU time. */
function bare(): { seal: number; open: number } {
  const random = pooledRandom();
  const kek = random(32);
  const sealed = seal("AES256", kek, random(32), CONTEXT, random);
  const rate = (call: () => unknown): number => {
    const before = process.cpuUsage();
    const until = performance.now() + ms / 4;
    let count = 0;
    for (; performance.now() < until; count += 100) for (let i = 0; i < 100; i++) call();
    const { user, system } = process.cpuUsage(before);
    return (count * 1e6) / (user + system);
  };
  return {
    seal: rate(() => seal("AES256", kek, random(32), CONTEXT, random)),
    open: rate(() => open("AES256", kek, sealed, CONTEXT)),
  };
}

type BulkRounds = Awaited<ReturnType<BuildServer["rounds"]>>;

interface Load {
  readonly path: string;
  readonly body: string;
}

async function measure(
  server: BuildServer,
  session: ClientHttp2Session,
  { path, body }: Load,
  calls: number,
) {
  let count = 0;
  const run = async (): Promise<void> => {
    const until = performance.now() + ms;
    count = 0;
    const work = async (): Promise<void> => {
      while (performance.now() < until) {
        await post(session, path, body);
        count++;
      }
    };
    await Promise.all(Array.from({ length: calls }, work));
  };
  const rounds = await server.rounds(run);
  const before = await server.cpuMicros();
  await run();
  const cpu = (await server.cpuMicros()) - before;
  return { perCpuSecond: (count * ITEMS * 1e6) / cpu, rounds };
}

const thousands = (value: number): string => `${(value / 1000).toFixed(0)}k`;
const { http, profile } = values;
const options = {
  audit: true,
  ...(http === undefined ? {} : { http }),
  ...(profile === undefined ? {} : { profile }),
};

interface Subject {
  readonly root: string;
  readonly server: BuildServer;
  readonly session: ClientHttp2Session;
  readonly loads: Readonly<Record<string, Load>>;
}

async function start(root: string): Promise<Subject> {
  const server = await startBuild(root, options);
  const { port, ca, cert, key } = server;
  const session = connect(`https://127.0.0.1:${port}`, { ca, cert, key });
  const context = CONTEXT.toString("base64");
  const generate: Load = {
    path: `/v1/key/bulk/generate/${KEY}`,
    body: JSON.stringify(Array.from({ length: ITEMS }, () => ({ context }))),
  };
  const deks = JSON.parse(await post(session, generate.path, generate.body)) as { ciphertext: string }[];
  const decrypt: Load = {
    path: `/v1/key/bulk/decrypt/${KEY}`,
    body: JSON.stringify(deks.map(({ ciphertext }) => ({ ciphertext, context }))),
  };
  return { root, server, session, loads: { generate, decrypt } };
}

const median = (all: readonly number[]): number =>
  [...all].sort((a, b) => a - b)[all.length >> 1] ?? Number.NaN;

/** Rounds of one load, in which all builds take turns, each round in another order. */
async function compare(subjects: readonly Subject[], what: string, calls: number): Promise<void> {
  const seen = new Map(
    subjects.map((subject) => [subject, { micros: [] as number[], ratios: [] as number[] }]),
  );
  const crypto: number[] = [];
  const rounds = new Map<Subject, BulkRounds>();
  for (let round = -1; round < Number(values.rounds); round++) {
    const alone = bare();
    const micros = new Map<Subject, number>();
    for (let i = 0; i < subjects.length; i++) {
      const subject = subjects[(i + round + 1) % subjects.length];
      const load = subject?.loads[what];
      if (subject === undefined || load === undefined) throw new Error(`no such load: ${what}`);
      const measured = await measure(subject.server, subject.session, load, calls);
      micros.set(subject, 1e6 / measured.perCpuSecond);
      rounds.set(subject, measured.rounds);
    }
    // The first round warms up.
    if (round < 0) continue;
    crypto.push(1e6 / (what === "decrypt" ? alone.open : alone.seal));
    const [first] = subjects;
    const yard = first === undefined ? undefined : micros.get(first);
    for (const [subject, { micros: all, ratios }] of seen) {
      const one = micros.get(subject) ?? Number.NaN;
      all.push(one);
      ratios.push(one / (yard ?? one));
    }
  }
  for (const [{ root }, { micros, ratios }] of seen)
    console.log(
      `${what} ${calls} at a time, ${root}: ${median(micros).toFixed(2)} µs [${Math.min(...micros).toFixed(2)}–` +
        `${Math.max(...micros).toFixed(2)}], ${thousands(1e6 / median(micros))}/s of CPU, × ${median(ratios).toFixed(3)} ` +
        `[${Math.min(...ratios).toFixed(2)}–${Math.max(...ratios).toFixed(2)}]`,
    );
  for (const [{ root }, { p50, p99, max }] of rounds)
    console.log(
      `CPU of a round of the event loop, ${root}: p50 ${p50.toFixed(2)} p99 ${p99.toFixed(2)} max ${max.toFixed(2)} ms`,
    );
  console.log(
    `cryptography alone: ${median(crypto).toFixed(2)} µs, ${thousands(1e6 / median(crypto))}/s of CPU\n`,
  );
}

const subjects: Subject[] = [];
try {
  for (const root of positionals.length > 0 ? positionals : ["."]) subjects.push(await start(root));
  for (const what of values.only.split(","))
    for (const calls of values.calls.split(",").map(Number)) await compare(subjects, what, calls);
} finally {
  for (const { session, server } of subjects) {
    session.close();
    await server.stop();
  }
}

/**
 * Decrypts and generates in bulk, 1000 items a call over HTTP/2: items for each second of the server's CPU time, how
 * long rounds of its event loop were, and in the same run the cryptography alone: `tsx bench/bulk.ts [--seconds N]
 * [--http keswick|node] <root of a build> [<root of another>]`. A build is a folder with `dist/`.
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
for (const root of positionals.length > 0 ? positionals : ["."]) {
  const server = await startBuild(root, options);
  const { port, ca, cert, key } = server;
  const session = connect(`https://127.0.0.1:${port}`, { ca, cert, key });
  try {
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
    for (const [what, load] of Object.entries({ generate, decrypt })) {
      for (const calls of values.calls.split(",").map(Number)) {
        await measure(server, session, load, calls);
        for (let round = 0; round < Number(values.rounds); round++) {
          const crypto = bare();
          const alone = what === "decrypt" ? crypto.open : crypto.seal;
          const { perCpuSecond, rounds } = await measure(server, session, load, calls);
          console.log(
            `${root} ${what} ${calls} at a time: ${thousands(perCpuSecond)}/s of CPU, ` +
              `cryptography alone ${thousands(alone)}/s of CPU (${(perCpuSecond / alone).toFixed(2)}); CPU of a round ` +
              `p50 ${rounds.p50.toFixed(2)} p99 ${rounds.p99.toFixed(2)} max ${rounds.max.toFixed(2)} ms`,
          );
        }
      }
    }
  } finally {
    session.close();
    await server.stop();
  }
}

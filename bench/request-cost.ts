/**
 * What one request costs: CPU time of the server process (user and system) and time as the client sees it, for one
 * request after the other on one kept-alive connection. In the same run the bare `node:http2` and `node:https` with
 * an answer of the same size, so that a ratio says what is ours: `npm run bench:request`, about 15 seconds.
 *
 * Options: `--seconds N` for each measurement (default 1.5), `--concurrent N` requests at a time (default 1).
 */
import { parseArgs } from "node:util";
import { type ServerProcess, startServerProcess } from "../test/support/server-process.js";
import { type BareServer, startBareServer } from "./request-cost/bare-server.js";
import { type Connection, connectH1, connectH2 } from "./request-cost/client.js";
import { type Cost, measure } from "./request-cost/measure.js";

const { values } = parseArgs({
  options: {
    seconds: { type: "string", default: "1.5" },
    concurrent: { type: "string", default: "1" },
  },
});
const seconds = Number(values.seconds);
const concurrent = Number(values.concurrent);

const server = await startServerProcess({ auditLevel: 8 });
const bare = { h1: await startBareServer("h1"), h2: await startBareServer("h2") };
try {
  const generate = {
    method: "PUT",
    path: "/v1/key/generate/bench",
    body: '{"context":"YnVja2V0L29iamVjdA=="}',
  };
  const setUp = connectH2(server);
  await setUp.ask({ method: "PUT", path: "/v1/key/create/bench" });
  const { ciphertext } = JSON.parse(await setUp.ask(generate)) as { ciphertext: string };
  setUp.close();
  const decrypt = {
    ...generate,
    path: "/v1/key/decrypt/bench",
    body: JSON.stringify({ ciphertext, context: "YnVja2V0L29iamVjdA==" }),
  };

  const rows: Row[] = [];
  for (const [version, connect] of [
    ["h2", connectH2],
    ["h1", connectH1],
  ] as const) {
    const run = async (what: string, to: ServerProcess | BareServer, request: typeof generate) =>
      rows.push({ version, what, ...(await cost(() => connect(to), to, request)) });
    // The bare server reads the same body and sends as many bytes.
    await run("bare node", bare[version], generate);
    await run("generate", server, generate);
    await run("decrypt", server, decrypt);
  }
  console.log(
    `Node.js ${process.versions.node}, ${concurrent} at a time, ${seconds} s each, after a warm-up of as long\n`,
  );
  console.log(table(rows));
} finally {
  await Promise.all([server.stop(), bare.h1.stop(), bare.h2.stop()]);
}

type Row = Cost & { readonly version: string; readonly what: string };

async function cost(
  connect: () => Connection,
  { stats }: Pick<BareServer, "stats">,
  request: { method: string; path: string; body: string },
): Promise<Cost> {
  const connection = connect();
  try {
    const cpu = async (): Promise<number> => (await stats()).cpuMicros;
    const options = { ask: () => connection.ask(request), cpu, seconds, concurrent };
    await measure(options);
    return await measure(options);
  } finally {
    connection.close();
  }
}

function table(all: readonly Row[]): string {
  const line = (texts: readonly string[]): string =>
    texts.map((text, i) => (i < 2 ? text.padEnd(11) : text.padStart(12))).join("");
  const head = ["connection", "request", "CPU µs", "of bare", "p50 µs", "p99 µs", "requests/s"];
  const lines = all.map((row) => {
    const base = all.find(({ version, what }) => version === row.version && what === "bare node");
    return line([
      row.version,
      row.what,
      row.cpuMicros.toFixed(1),
      base === undefined ? "" : `${(row.cpuMicros / base.cpuMicros).toFixed(2)} ×`,
      row.p50Micros.toFixed(0),
      row.p99Micros.toFixed(0),
      row.perSecond.toFixed(0),
    ]);
  });
  return [line(head), ...lines].join("\n");
}

/**
 * What an audit file costs: CPU time of the server for one generate, and the time until its answer, without a file, with
 * one, and with `audit.required`. The three take turns, so that what else the machine does weighs on all alike; each
 * figure is the median of the turns. `npm run bench:audit`, about a minute. Options: `--seconds N` for each turn,
 * `--turns N`.
 */
import { generateKeyPairSync } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { type AuditServer, startAuditServer } from "./audit/server-process.js";
import { type Connection, connectH2 } from "./request-cost/client.js";
import { type Cost, measure } from "./request-cost/measure.js";

const { values } = parseArgs({
  options: { seconds: { type: "string", default: "0.8" }, turns: { type: "string", default: "7" } },
});
const seconds = Number(values.seconds);
const turns = Number(values.turns);
const folder = mkdtempSync(join(tmpdir(), "keswick-bench-audit-"));
const keyFile = join(folder, "audit.key");
const key = generateKeyPairSync("ed25519").privateKey.export({ type: "pkcs8", format: "pem" });
writeFileSync(keyFile, key, { mode: 0o600 });

const kinds = {
  "no file": { required: false },
  file: { path: join(folder, "file.log"), keyFile, required: false },
  required: { path: join(folder, "required.log"), keyFile, required: true },
};
const request = {
  method: "PUT",
  path: "/v1/key/generate/bench",
  body: '{"context":"YnVja2V0L29iamVjdA=="}',
};

/** One turn of one kind. */
interface Turn extends Cost {
  readonly recordsPerBatch: number;
  readonly microsPerBatch: number;
}

interface Contestant {
  readonly name: string;
  readonly server: AuditServer;
  readonly connections: readonly Connection[];
}

const contestants: Contestant[] = [];
try {
  for (const [name, options] of Object.entries(kinds)) {
    const server = await startAuditServer(options);
    const connections = Array.from({ length: 8 }, () => connectH2(server));
    contestants.push({ name, server, connections });
    await connections[0]?.ask({ method: "PUT", path: "/v1/key/create/bench" });
  }
  const rows: Record<string, object> = {};
  for (const concurrent of [1, 16, 128]) {
    const all = new Map<string, Turn[]>(contestants.map(({ name }) => [name, []]));
    for (let turn = 0; turn <= turns; turn++) {
      for (const contestant of contestants) {
        const taken = await take(contestant, concurrent);
        // The first is for warming up.
        if (turn > 0) all.get(contestant.name)?.push(taken);
      }
    }
    for (const [name, taken] of all) rows[`${name}, ${concurrent} at a time`] = row(taken);
  }
  console.log(
    `Node.js ${process.versions.node}, generate over HTTP/2, medians of ${turns} turns of ${seconds} s\n`,
  );
  console.table(rows);
} finally {
  for (const { server, connections } of contestants) {
    for (const connection of connections) connection.close();
    await server.kill();
  }
  rmSync(folder, { recursive: true, force: true });
}

async function take({ server, connections }: Contestant, concurrent: number): Promise<Turn> {
  let next = 0;
  const used = connections.slice(0, concurrent);
  const ask = (): Promise<string> => {
    const connection = used[next++ % used.length];
    if (connection === undefined) throw new Error("no connection");
    return connection.ask(request);
  };
  const cpu = async (): Promise<number> => (await server.stats()).cpuMicros;
  const before = (await server.stats()).audit;
  const cost = await measure({ ask, cpu, seconds, concurrent });
  const after = (await server.stats()).audit;
  const change = (name: "batches" | "records" | "writeSeconds"): number =>
    (after?.[name] ?? 0) - (before?.[name] ?? 0);
  const batches = change("batches");
  return {
    ...cost,
    recordsPerBatch: change("records") / batches,
    microsPerBatch: (change("writeSeconds") / batches) * 1e6,
  };
}

function row(taken: readonly Turn[]): object {
  const median = (read: (turn: Turn) => number): number =>
    taken.map(read).sort((a, b) => a - b)[Math.floor(taken.length / 2)] ?? 0;
  const batches = median((turn) => turn.recordsPerBatch);
  return {
    "CPU µs": Number(median((turn) => turn.cpuMicros).toFixed(1)),
    "p50 µs": Math.round(median((turn) => turn.p50Micros)),
    "p99 µs": Math.round(median((turn) => turn.p99Micros)),
    "requests/s": Math.round(median((turn) => turn.perSecond)),
    ...(Number.isNaN(batches)
      ? {}
      : {
          "records/batch": Number(batches.toFixed(1)),
          "µs/batch": Math.round(median((turn) => turn.microsPerBatch)),
        }),
  };
}

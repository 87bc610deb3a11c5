/** What a decrypt costs whose key is not in memory, and how long a listing takes: the same for every keystore. */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { runOk } from "../../test/support/child-process.js";
import type { CliSite } from "../../test/support/cli-site.js";
import { openServer } from "./server.js";

const COLD_KEYS = 200;
const ALL_KEYS = 5_000;
const PARALLEL = 16;
/** Reads of one kind before the next kind has its turn. */
const TURN = 20;
const CURL_TIMEOUT_MS = 60_000;
/** Names on a page of our server's listing. */
const PAGE = 1024;
const LABEL_WIDTH = 34;
/** `next`, which keeps the connection, forgets all settings. */
const CURL_SETTINGS = [
  ...["silent", "show-error", 'output = "/dev/null"'],
  'write-out = "%{http_code} %{num_connects} %{time_total}\\n"',
];

/** For a site that is measured: what is in memory stays there. */
export const LATENCY_CACHE = "cache:\n  expiry:\n    any: 1h\n    unused: 1h\n";

/** A keystore as curl reads it. */
export interface Measured {
  readonly name: string;
  readonly folder: string;
  readonly site: CliSite;
  /** Lines of a curl settings file that read one key. */
  readonly curl: (name: string) => readonly string[];
  /** Lists all keys without our server. @returns how many, and in how many calls */
  readonly list?: () => Promise<{ count: number; calls: number }>;
}

/** Creates 5,000 keys, measures, and prints. */
export async function measureLatency({ name: keystore, folder, site, curl, list }: Measured): Promise<void> {
  const first = await openServer(site);
  const names = Array.from({ length: ALL_KEYS }, (_, i) => `key-${String(i).padStart(5, "0")}`);
  const cold = names.slice(0, COLD_KEYS);
  const sealed = new Map<string, Buffer>();
  try {
    for (let i = 0; i < names.length; i += PARALLEL) {
      await Promise.all(names.slice(i, i + PARALLEL).map((name) => first.client.createKey(name)));
    }
    for (const name of cold) sealed.set(name, (await first.client.generateKey(name)).ciphertext);
  } finally {
    await first.stop();
  }

  // A server that has none of them in memory.
  const second = await openServer(site);
  try {
    await second.client.ready();
    const decrypt = (name: string) => second.client.decrypt(name, sealed.get(name) ?? Buffer.alloc(0));
    // In turns, so that whatever else the machine does slows all three.
    const [coldMs, warmMs, curlMs]: [number[], number[], number[]] = [[], [], []];
    let connections = 0;
    for (let i = 0; i < cold.length; i += TURN) {
      const turn = cold.slice(i, i + TURN);
      coldMs.push(...(await times(turn, decrypt)));
      warmMs.push(...(await times(turn, decrypt)));
      const file = join(folder, "curl.txt");
      const settings = turn.map((name) => [...curl(name), ...CURL_SETTINGS].join("\n"));
      await writeFile(file, `${settings.join("\nnext\n")}\n`, { mode: 0o600 });
      const read = await curlTimes(file);
      curlMs.push(...read.ms);
      connections += read.connections;
    }
    row("decrypt, key in memory", warmMs);
    row(`decrypt, key in ${keystore}`, coldMs);
    row("the read alone, by curl", curlMs);
    console.log(
      `  (${curlMs.length} reads over ${connections} connections, ${cold.length / TURN} runs of curl)`,
    );
    const ours = median(coldMs) - median(curlMs) - median(warmMs);
    const [coldBest, curlBest] = [percentile(coldMs, 0.1), percentile(curlMs, 0.1)];
    console.log(
      `${"our share of the fetch".padEnd(LABEL_WIDTH)}${ours.toFixed(2).padStart(9)} ms (cold − curl − warm, medians); ` +
        `cold is ${(median(coldMs) / median(curlMs)).toFixed(1)} times curl, of the best tenth ${(coldBest / curlBest).toFixed(1)}\n`,
    );

    const start = performance.now();
    let count = 0;
    for await (const _ of second.client.listKeys()) count++;
    const ms = performance.now() - start;
    const pages = Math.ceil(count / PAGE);
    console.log(
      `${count} keys listed in ${ms.toFixed(0)} ms, ${pages} pages, ${(ms / pages).toFixed(1)} ms a page`,
    );
    if (count !== ALL_KEYS) process.exitCode = 1;
    if (list === undefined) return;
    const alone = performance.now();
    const { count: seen, calls } = await list();
    const aloneMs = performance.now() - alone;
    console.log(
      `${seen} by the keystore's own API in ${aloneMs.toFixed(0)} ms, ${calls} calls, ` +
        `${(aloneMs / calls).toFixed(1)} ms a call; ours takes ${(ms / aloneMs).toFixed(2)} times that`,
    );
  } finally {
    await second.stop();
  }
}

async function times(names: readonly string[], call: (name: string) => Promise<unknown>): Promise<number[]> {
  const all: number[] = [];
  for (const name of names) {
    const start = performance.now();
    await call(name);
    all.push(performance.now() - start);
  }
  return all;
}

/** One curl for all, so that the connection is kept where the server keeps it. @throws Error when an answer is not 200 */
async function curlTimes(file: string): Promise<{ ms: number[]; connections: number }> {
  const out = await runOk(["curl", "-K", file], { timeoutMs: CURL_TIMEOUT_MS });
  const answers = out
    .trim()
    .split("\n")
    .map((line) => line.split(" ").map(Number));
  const ms: number[] = [];
  let connections = 0;
  for (const [status, connects = Number.NaN, seconds = Number.NaN] of answers) {
    if (status !== 200) throw new Error(`curl got ${status}`);
    ms.push(seconds * 1000);
    connections += connects;
  }
  return { ms, connections };
}

function percentile(values: readonly number[], share: number): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length * share)] ?? Number.NaN;
}

function median(values: readonly number[]): number {
  return percentile(values, 0.5);
}

function row(what: string, values: readonly number[]): void {
  const cells = [0.1, 0.5, 0.99].map((share) => percentile(values, share).toFixed(2).padStart(9));
  console.log(`${what.padEnd(LABEL_WIDTH)}${cells[0]} ms p10${cells[1]} ms median${cells[2]} ms p99`);
}

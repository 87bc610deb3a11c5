/**
 * What a decrypt costs when its key is not in memory, and how much of that is Vault's: next to the same read by curl on
 * a kept connection; and how long 5,000 keys take to list: `npm run vault:latency`.
 */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { KesClient } from "../src/client/index.js";
import { runOk } from "../test/support/child-process.js";
import { CleanUp } from "../test/support/clean-up.js";
import { makeCliSite, startCliServer } from "../test/support/cli-site.js";
import { service } from "../test/support/services/index.js";
import { Vault } from "../test/support/vault.js";

const COLD_KEYS = 200;
const ALL_KEYS = 5_000;
const PARALLEL = 16;

const program = service("bao");
if (program === undefined) throw new Error("OpenBao is missing: npm run services -- bao");
const cleanUp = new CleanUp();
try {
  await measure(program);
} finally {
  await cleanUp.run();
}

async function measure(bao: string): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "keswick-latency-"));
  cleanUp.add(() => rm(folder, { recursive: true, force: true }));
  const vault = await Vault.start(bao, folder);
  cleanUp.add(() => vault.stop());
  await vault.mountKv("kv", "2");
  const site = await makeCliSite();
  cleanUp.add(site.remove);
  await site.configure({
    keystore: `keystore:\n  vault:\n    endpoint: ${vault.url}\n    version: v2\n    token: ${vault.rootToken}\n`,
    cache: "cache:\n  expiry:\n    any: 1h\n    unused: 1h\n",
  });
  const first = await open(site);
  const names = Array.from({ length: ALL_KEYS }, (_, i) => `key-${String(i).padStart(5, "0")}`);
  for (let i = 0; i < names.length; i += PARALLEL) {
    await Promise.all(names.slice(i, i + PARALLEL).map((name) => first.client.createKey(name)));
  }
  const cold = names.slice(0, COLD_KEYS);
  const sealed = new Map<string, Buffer>();
  for (const name of cold) sealed.set(name, (await first.client.generateKey(name)).ciphertext);
  await first.stop();

  // A server that has none of them in memory.
  const second = await open(site);
  await second.client.ready();
  const coldMs = await times(cold, (name) =>
    second.client.decrypt(name, sealed.get(name) ?? Buffer.alloc(0)),
  );
  const warmMs = await times(cold, (name) =>
    second.client.decrypt(name, sealed.get(name) ?? Buffer.alloc(0)),
  );
  const curlMs = await curlTimes(vault, folder, cold);
  row("decrypt, key in memory", warmMs);
  row("decrypt, key in Vault", coldMs);
  row("the read alone, by curl", curlMs);
  const ours = median(coldMs) - median(curlMs) - median(warmMs);
  console.log(
    `${"our share of the fetch".padEnd(30)}${ours.toFixed(2).padStart(9)} ms (cold − curl − warm, medians)\n`,
  );

  const start = performance.now();
  let count = 0;
  for await (const _ of second.client.listKeys()) count++;
  const ms = performance.now() - start;
  const pages = Math.ceil(count / 1024);
  console.log(
    `${count} keys listed in ${ms.toFixed(0)} ms, ${pages} pages, ${(ms / pages).toFixed(1)} ms a page`,
  );
  await second.stop();
}

async function open(site: Awaited<ReturnType<typeof makeCliSite>>): Promise<{
  client: KesClient;
  stop: () => Promise<void>;
}> {
  const server = await startCliServer(site);
  const client = new KesClient({
    endpoints: server.url,
    certificate: site.admin.certPem,
    key: site.admin.keyPem,
    ca: site.server.certPem,
  });
  return {
    client,
    async stop() {
      await client.close();
      await server.process.stop();
    },
  };
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

/** One curl for all, so that the connection is kept. The token stands in a file of its settings. */
async function curlTimes(vault: Vault, folder: string, names: readonly string[]): Promise<number[]> {
  const file = join(folder, "curl.txt");
  const urls = names.map((name) => `url = "${vault.url}/v1/kv/data/${name}?version=1"\noutput = "/dev/null"`);
  await writeFile(file, `header = "X-Vault-Token: ${vault.rootToken}"\n${urls.join("\n")}\n`, {
    mode: 0o600,
  });
  const out = await runOk(["curl", "-sS", "-K", file, "-w", "%{time_total}\n"], { timeoutMs: 60_000 });
  return out
    .trim()
    .split("\n")
    .map((line) => Number(line) * 1000);
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}

function row(what: string, values: readonly number[]): void {
  const sorted = [...values].sort((a, b) => a - b);
  const p99 = sorted[Math.floor(sorted.length * 0.99)] ?? Number.NaN;
  console.log(
    `${what.padEnd(30)}${median(values).toFixed(2).padStart(9)} ms median ${p99.toFixed(2).padStart(9)} ms p99`,
  );
}

/** Listing of many keys, and a crowd that asks for a key that is in nobody's memory. */
import { copyFile } from "node:fs/promises";
import { join } from "node:path";
import { KesClient } from "../../src/client/index.js";
import { ApiClient } from "../../test/support/api-client.js";
import type { Contender } from "../compare/contenders/contender.js";
import { startKeswick } from "../compare/contenders/keswick.js";
import { KEY } from "../compare/contenders/key-api.js";
import type { LoadRequest } from "../compare/generator.js";
import { type Bench, percentiles, requestsOf, type Table, withGenerator } from "./section.js";

/** Copies at a time. */
const AT_ONCE = 64;

/** Times of whole listings, and what one client that decrypts feels meanwhile. */
export async function keyLists(bench: Bench): Promise<Table> {
  const { site, main, engines, short, progress } = bench;
  const lines: string[][] = [];
  const engine = engines.at(-1) ?? "node";
  for (const count of short ? [1_000] : [1_000, 100_000]) {
    const id = `${engine}-list-${count}`;
    const server = await startKeswick(site, { engine, main, id });
    try {
      await copyKeys(join(site.folder, `keswick-${id}`, "keys"), "listed-", count - 1);
      progress(`${count} keys are there`);
      const requests = requestsOf(server, "decrypt");
      const list = await withGenerator(bench, server, ["h2", 1, 1], async (load) => {
        await load.load({ seconds: 1, requests });
        const quiet = await load.load({ seconds: 2, requests });
        const first = await listAll(bench, server, count);
        // As long as listings go on, all the time.
        let going = true;
        const listings: number[] = [];
        const loop = (async () => {
          while (going) listings.push(await listAll(bench, server, count));
        })();
        const meanwhile = await load.load({ seconds: short ? 2 : 6, requests });
        going = false;
        await loop;
        return { quiet, first, listings, meanwhile };
      });
      const next = [...list.listings].sort((a, b) => a - b)[list.listings.length >> 1] ?? Number.NaN;
      lines.push([
        String(count),
        list.first.toFixed(0),
        next.toFixed(0),
        percentiles(list.quiet.buckets, [0.5, 0.99]).join(" / "),
        percentiles(list.meanwhile.buckets, [0.5, 0.99, 1]).join(" / "),
      ]);
    } finally {
      await server.stop();
    }
    progress(`listing of ${count} keys`);
  }
  return {
    title: `Listings of all keys of a folder, page by page (${engine} engine), in ms; what a client feels that decrypts meanwhile, in µs: p50 / p99 / greatest.`,
    head: [
      "keys",
      "first listing",
      "later ones",
      "decrypt, quiet: p50 / p99",
      "while listings go on: p50 / p99 / max",
    ],
    lines,
  };
}

/** Many connections ask at once for a key that has to be read first. */
export async function stampede(bench: Bench): Promise<Table> {
  const { site, main, engines, short, progress } = bench;
  const lines: string[][] = [];
  const [connections, streams] = [16, 16] as const;
  for (const engine of engines) {
    const id = `${engine}-stampede`;
    const server = await startKeswick(site, { engine, main, id });
    try {
      const folder = join(site.folder, `keswick-${id}`, "keys");
      const rounds = short ? 3 : 10;
      await copyKeys(folder, "cold-", rounds);
      const warm = requestsOf(server, "decrypt");
      const cold: string[] = [];
      const usual: string[] = [];
      await withGenerator(bench, server, ["h2", connections, streams], async (load) => {
        await load.load({ seconds: 2, requests: warm });
        for (let round = 0; round < rounds; round++) {
          // The same key under another name opens the same ciphertexts.
          const requests = warm.map(
            (one): LoadRequest => ({ ...one, path: one.path.replace(KEY, `cold-${round}`) }),
          );
          const count = connections * streams;
          const once = await load.load({ seconds: 60, count, requests });
          const again = await load.load({ seconds: 60, count, requests });
          cold.push(...percentiles(once.buckets, [1]));
          usual.push(...percentiles(again.buckets, [1]));
        }
      });
      const reads = await readsOf(bench, server);
      const middle = (all: readonly string[]): string =>
        [...all].sort((a, b) => Number(a) - Number(b))[all.length >> 1] ?? "";
      lines.push([engine, middle(cold), middle(usual), `${reads} of ${rounds + 1}`]);
    } finally {
      await server.stop();
    }
    progress(`${engine}: stampede`);
  }
  return {
    title: `${connections * streams} decrypts at once with a key that is in no memory: time until the last has its answer in µs (median of the rounds), the same with the key in memory, and how often the keystore was read for all of it.`,
    head: ["engine", "cold key", "warm key", "reads for so many keys"],
    lines,
  };
}

async function copyKeys(folder: string, prefix: string, count: number): Promise<void> {
  for (let from = 0; from < count; from += AT_ONCE) {
    const some = Array.from({ length: Math.min(AT_ONCE, count - from) }, (_, i) => from + i);
    await Promise.all(some.map((i) => copyFile(join(folder, KEY), join(folder, `${prefix}${i}`))));
  }
}

/** Milliseconds of a whole listing. */
async function listAll({ site }: Bench, server: Contender, count: number): Promise<number> {
  const client = new KesClient({
    endpoints: `https://127.0.0.1:${server.kind.server.port}`,
    certificate: site.client.certPem,
    key: site.client.keyPem,
    insecure: true,
    environment: {},
  });
  try {
    const startedMs = performance.now();
    let found = 0;
    for await (const _ of client.listKeys()) found += 1;
    if (found !== count) throw new Error(`${found} keys listed, ${count} are there`);
    return performance.now() - startedMs;
  } finally {
    await client.close();
  }
}

async function readsOf({ site }: Bench, server: Contender): Promise<string> {
  const admin = new ApiClient("h1", server.kind.server.port, site.admin);
  const { body } = await admin.send({ method: "GET", path: "/v1/metrics/full" });
  const counted = /^kes_keystore_\w*(?:seconds|duration)\w*_count\{[^}]*operation="get"[^}]*\} (\d+)$/m.exec(
    body,
  );
  return counted?.[1] ?? "?";
}

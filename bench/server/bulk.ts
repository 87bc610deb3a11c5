/** Decrypts of 1,000 ciphertexts in a call. */
import { ApiClient } from "../../test/support/api-client.js";
import type { Contender } from "../compare/contenders/contender.js";
import { startKeswick } from "../compare/contenders/keswick.js";
import { KEY, post } from "../compare/contenders/key-api.js";
import type { BenchSite } from "../compare/contenders/site.js";
import type { LoadRequest } from "../compare/generator.js";
import { type Bench, percentiles, requestsOf, type Table, withGenerator } from "./section.js";

const ITEMS = 1_000;

export async function bulkDecrypt(bench: Bench): Promise<Table> {
  const { site, main, engines, short, progress } = bench;
  const lines: string[][] = [];
  for (const engine of engines) {
    const server = await startKeswick(site, { engine, main, id: `${engine}-bulk` });
    try {
      const single = requestsOf(server, "decrypt");
      const bulk = await bulkRequest(server, site);
      const seconds = short ? 1 : 5;
      const measured = await withGenerator(bench, server, ["h2", 1, 2], async (load) => {
        await load.load({ seconds, requests: [bulk] });
        const before = server.cpuMicros();
        const result = await load.load({ seconds, requests: [bulk] });
        return { result, cpuMicros: server.cpuMicros() - before };
      });
      const felt = await withGenerator(bench, server, ["h2", 1, 1], async (regular) => {
        await regular.load({ seconds: 1, requests: single });
        return withGenerator(bench, server, ["h2", 1, 2], async (load) => {
          const both = [
            regular.load({ seconds, requests: single }),
            load.load({ seconds, requests: [bulk] }),
          ] as const;
          return (await Promise.all(both))[0];
        });
      });
      const { result, cpuMicros } = measured;
      const count = result.requests * ITEMS;
      lines.push([
        engine,
        (count / result.seconds).toFixed(0),
        (1e6 / (cpuMicros / count)).toFixed(0),
        (cpuMicros / count).toFixed(2),
        percentiles(result.buckets, [0.5, 0.99]).join(" / "),
        percentiles(felt.buckets, [0.5, 0.99]).join(" / "),
      ]);
    } finally {
      await server.stop();
    }
    progress(`${engine}: bulk decrypt`);
  }
  return {
    title: `Bulk decrypt, ${ITEMS} ciphertexts a call, two calls at a time over one h2 connection; times in µs.`,
    head: [
      "engine",
      "decrypts/s",
      "decrypts for each second of CPU",
      "CPU µs for one",
      "call: p50 / p99",
      "single decrypts of another client meanwhile: p50 / p99",
    ],
    lines,
  };
}

/** A bulk decrypt that is sure to be answered rightly. @throws Error when it is not */
export async function bulkRequest(server: Contender, { client }: BenchSite): Promise<LoadRequest> {
  const single = requestsOf(server, "decrypt");
  const items = Array.from({ length: ITEMS }, (_, i) => {
    const { body = "{}", plaintext = "" } = single[i % single.length] ?? {};
    return { asked: JSON.parse(body) as object, plaintext };
  });
  const request = post(
    `/v1/key/bulk/decrypt/${KEY}`,
    items.map(({ asked }) => asked),
  );
  const { status, body: answer } = await new ApiClient("h1", server.kind.server.port, client).send({
    method: request.method,
    path: request.path,
    body: request.body ?? "",
  });
  const opened = status === 200 ? (JSON.parse(answer) as { plaintext: string }[]) : [];
  if (!items.every(({ plaintext }, i) => opened[i]?.plaintext === plaintext))
    throw new Error(`bulk decrypt: ${status} ${answer.slice(0, 200)}`);
  return { ...request, answer };
}

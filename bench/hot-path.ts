/**
 * CPU time of a request on the hot path, of one build or of two in turn, so that a ratio of both comes from one run:
 * `tsx bench/hot-path.ts [--seconds N] [--rounds N] [--profile <folder>] <root of a build> [<root of another>]`. A
 * build is a folder with `dist/`, made by `npm run build`. The caller has a policy, and audit lines are written.
 *
 * `--http`: `keswick` or `node`, where the build knows it. `--profile`: each server writes a CPU profile there when it ends; `--streams 1,16`: requests at a time.
 */
import { parseArgs } from "node:util";
import { H2Load, type LoadRequest } from "./hot-path/h2-load.js";
import { type BuildServer, KEY, startBuild } from "./hot-path/server.js";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    seconds: { type: "string", default: "2" },
    rounds: { type: "string", default: "5" },
    streams: { type: "string", default: "1,16" },
    profile: { type: "string" },
    only: { type: "string", default: "generate,decrypt" },
    audit: { type: "string", default: "on" },
    http: { type: "string" },
  },
});
const roots = positionals.length > 0 ? positionals : ["."];
const CONTEXT = Buffer.from('{"bucket":"bucket/some/object/name"}').toString("base64");

interface Subject {
  readonly server: BuildServer;
  readonly load: H2Load;
  readonly requests: Readonly<Record<string, LoadRequest>>;
}

async function start(root: string): Promise<Subject> {
  const { http, profile } = values;
  const server = await startBuild(root, {
    audit: values.audit === "on",
    ...(http === undefined ? {} : { http }),
    ...(profile === undefined ? {} : { profile }),
  });
  const { ca, cert, key, port } = server;
  const load = await H2Load.open({ port, ca, cert, key });
  const generate = { path: `/v1/key/generate/${KEY}`, body: `{"context":"${CONTEXT}"}` };
  await load.run(generate, 1, 1);
  const { ciphertext } = JSON.parse(load.last) as { ciphertext: string };
  const decrypt = {
    path: `/v1/key/decrypt/${KEY}`,
    body: `{"ciphertext":"${ciphertext}","context":"${CONTEXT}"}`,
  };
  return { server, load, requests: { generate, decrypt } };
}

const median = (numbers: readonly number[]): number => {
  const sorted = [...numbers].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
};

const servers = await Promise.all(roots.map(start));
const ms = Number(values.seconds) * 1000;
const kinds = values.only.split(",");
const shapes = values.streams.split(",").map(Number);
try {
  for (const kind of kinds) {
    for (const streams of shapes) {
      const costs = servers.map((): number[] => []);
      const latencies = servers.map((): number[] => []);
      for (const { load, requests } of servers) {
        const request = requests[kind];
        if (request === undefined) throw new Error(`no such request: ${kind}`);
        await load.run(request, streams, ms);
      }
      for (let round = 0; round < Number(values.rounds); round++) {
        for (const [i, { load, requests, server }] of servers.entries()) {
          const request = requests[kind];
          if (request === undefined) continue;
          const before = await server.cpuMicros();
          const count = await load.run(request, streams, ms);
          const after = await server.cpuMicros();
          costs[i]?.push((after - before) / count);
          latencies[i]?.push(median(load.times));
        }
      }
      const [first = []] = costs;
      const ratios = costs.map((all) => median(all.map((cost, i) => cost / (first[i] ?? cost))));
      console.log(
        `${kind.padEnd(14)} 1x${String(streams).padEnd(3)} ` +
          costs
            .map(
              (all, i) =>
                `${median(all).toFixed(1)} µs (${Math.min(...all).toFixed(1)}–${Math.max(...all).toFixed(1)}), ` +
                `p50 ${median(latencies[i] ?? []).toFixed(0)} µs, × ${(ratios[i] ?? 1).toFixed(3)}`,
            )
            .join("   |   "),
      );
    }
  }
} finally {
  for (const { load, server } of servers) {
    load.close();
    await server.stop();
  }
}

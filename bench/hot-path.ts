/**
 * CPU time of a request on the hot path, of one build or of two in turn, so that a ratio of both comes from one run:
 * `tsx bench/hot-path.ts [--seconds N] [--rounds N] [--profile <folder>] <root of a build> [<root of another>]`. A
 * build is a folder with `dist/`, made by `npm run build`. The caller has a policy, and audit lines are written.
 *
 * `--http`: `keswick` or `node`, where the build knows it. `--profile`: each server writes a CPU profile there when it ends; `--streams 1,16`: requests at a time.
 */
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { openSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { selfSigned } from "../test/support/certificates.js";
import { H2Load, type LoadRequest } from "./hot-path/h2-load.js";
import type { ServeOrder } from "./hot-path/serve.js";

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
const certificate = selfSigned({ algorithm: "p256", sans: ["127.0.0.1"] });
const client = selfSigned({ cn: "bench", algorithm: "p256" });
const CONTEXT = Buffer.from('{"bucket":"bucket/some/object/name"}').toString("base64");

interface Server {
  readonly root: string;
  readonly load: H2Load;
  readonly requests: Readonly<Record<string, LoadRequest>>;
  readonly cpu: () => Promise<{ user: number; system: number }>;
  readonly stop: () => Promise<void>;
}

async function start(root: string): Promise<Server> {
  const execArgv = ["--import", "tsx"];
  if (values.profile !== undefined)
    execArgv.push("--cpu-prof", "--cpu-prof-interval", "200", `--cpu-prof-dir=${values.profile}`);
  const child = fork(fileURLToPath(new URL("hot-path/serve.ts", import.meta.url)), [root], {
    execArgv,
    stdio: ["ignore", openSync("/dev/null", "w"), "inherit", "ipc"],
  });
  process.once("exit", () => child.kill("SIGKILL"));
  const order: ServeOrder = {
    config: {
      file: "bench",
      address: { host: "127.0.0.1", port: 0 },
      admin: { identity: undefined, text: "disabled" },
      tls: {
        keyFile: "",
        certFile: "",
        verifyClients: false,
        proxy: { identities: [], format: "auto", only: false },
      },
      server: {
        ...(values.http === undefined ? {} : { http: values.http }),
        ...{ workers: 1, watch: "off", graceMs: 1000, proxyProtocol: [] },
      },
      cache: { anyMs: 300_000, unusedMs: 60_000, offlineMs: 0 },
      log: { errorLevel: 0, auditLevel: values.audit === "on" ? 0 : 9, format: "text" },
      keys: [],
      metrics: { maxKeys: 100, maxIdentities: 100 },
      certificates: [],
    },
    certPem: certificate.certPem,
    keyPem: certificate.keyPem,
    allow: ["create", "generate", "decrypt", "bulk/decrypt", "bulk/generate"].map(
      (what) => `/v1/key/${what}/bench*`,
    ),
    identity: client.identity,
  };
  child.send(order);
  const { port } = (await message(child)) as { port: number };
  const load = await H2Load.open({
    port,
    ca: certificate.certPem,
    cert: client.certPem,
    key: client.keyPem,
  });
  await create(port);
  const generate = { path: "/v1/key/generate/bench-key", body: `{"context":"${CONTEXT}"}` };
  await load.run(generate, 1, 1);
  const { ciphertext } = JSON.parse(load.last) as { ciphertext: string };
  const item = `{"ciphertext":"${ciphertext}","context":"${CONTEXT}"}`;
  return {
    root,
    load,
    requests: {
      generate,
      decrypt: { path: "/v1/key/decrypt/bench-key", body: item },
      "bulk decrypt": {
        path: "/v1/key/bulk/decrypt/bench-key",
        body: `[${new Array(1000).fill(item).join(",")}]`,
      },
    },
    async cpu() {
      const answer = message(child);
      child.send("cpu");
      return (await answer) as { user: number; system: number };
    },
    async stop() {
      load.close();
      const ended = once(child, "exit");
      child.kill("SIGTERM");
      await ended;
    },
  };
}

async function create(port: number): Promise<void> {
  const { connect } = await import("node:http2");
  const session = connect(`https://127.0.0.1:${port}`, {
    ca: certificate.certPem,
    cert: client.certPem,
    key: client.keyPem,
  });
  const stream = session.request({ ":method": "PUT", ":path": "/v1/key/create/bench-key" });
  stream.resume();
  await once(stream, "end");
  session.close();
}

async function message(child: ChildProcess): Promise<unknown> {
  const [value] = await once(child, "message");
  return value;
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
        for (const [i, { load, requests, cpu }] of servers.entries()) {
          const request = requests[kind];
          if (request === undefined) continue;
          const before = await cpu();
          const count = await load.run(request, streams, ms);
          const after = await cpu();
          costs[i]?.push((after.user + after.system - before.user - before.system) / count);
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
  for (const server of servers) await server.stop();
}

/**
 * Races over one Vault: 1,000 creates of 100 names at once, through four server processes, each behind a proxy that
 * doubles and loses what passes: `npm run vault:race`. One winner a name, and all later decrypts agree.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createTransport } from "../src/client/http-transport.js";
import { KesClient } from "../src/client/index.js";
import type { Transport } from "../src/client/transport.js";
import { CleanUp } from "../test/support/clean-up.js";
import { makeCliSite, startCliServer } from "../test/support/cli-site.js";
import { type Fault, FaultProxy } from "../test/support/fault-proxy.js";
import { service } from "../test/support/services/index.js";
import { Vault } from "../test/support/vault.js";

const SERVERS = 4;
const NAMES = 100;
const CREATES = 1_000;
/** Of the requests that change or read a key. */
const FAULTS: readonly [share: number, fault: Fault][] = [
  [0.1, "double the request"],
  [0.1, "lose the answer"],
  [0.05, "lose the request"],
  [0.05, "cut the answer"],
];

const program = service("bao");
if (program === undefined) throw new Error("OpenBao is missing: npm run services -- bao");
const cleanUp = new CleanUp();
try {
  await race(program);
} finally {
  await cleanUp.run();
}

async function race(bao: string): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "keswick-race-"));
  cleanUp.add(() => rm(folder, { recursive: true, force: true }));
  const vault = await Vault.start(bao, folder);
  cleanUp.add(() => vault.stop());
  await vault.mountKv("kv", "2");
  // The key of one site's admin opens no other site's server: each node has credentials of its own.
  const nodes = await Promise.all(Array.from({ length: SERVERS }, () => startNode(vault)));
  const names = Array.from({ length: NAMES }, (_, i) => `race-${i}`);

  for (const { proxy } of nodes) proxy.script = (_, path) => (path.includes("/data/") ? draw() : undefined);
  const started = performance.now();
  const ends = await Promise.all(
    Array.from({ length: CREATES }, async (_, i) => {
      const name = names[i % NAMES] ?? "";
      const node = nodes[(i * 7 + Math.floor(i / NAMES)) % SERVERS];
      return { name, end: await createOnce(node?.transport, name) };
    }),
  );
  const ms = performance.now() - started;
  for (const { proxy } of nodes) proxy.script = () => undefined;

  const count = (end: string): number => ends.filter((one) => one.end === end).length;
  const winners = names.map(
    (name) => ends.filter((one) => one.name === name && one.end === "created").length,
  );
  const open = names.map((name) => ends.filter((one) => one.name === name && one.end === "unknown").length);
  const twice = winners.filter((n) => n > 1).length;
  const unexplained = winners.filter((n, i) => n === 0 && open[i] === 0).length;
  let disagreements = 0;
  for (const name of names) {
    const deks = await Promise.all(nodes.map(({ client }) => client.generateKey(name)));
    for (const dek of deks) {
      for (const { client } of nodes) {
        const plaintext = await client.decrypt(name, dek.ciphertext);
        if (!plaintext.equals(dek.plaintext)) disagreements++;
      }
    }
  }
  const rows: readonly [string, string | number][] = [
    ["creates", CREATES],
    ["names", NAMES],
    ["server processes", SERVERS],
    ["requests to Vault", nodes.reduce((sum, { proxy }) => sum + proxy.seen.length, 0)],
    ["'created'", count("created")],
    ["'key already exists'", count("exists")],
    ["'may or may not exist'", count("unknown")],
    ["502, key store unavailable", CREATES - count("created") - count("exists") - count("unknown")],
    ["names created by two", twice],
    ["names without winner or unknown outcome", unexplained],
    ["decrypts that disagree, of 1,600", disagreements],
    ["seconds", (ms / 1000).toFixed(1)],
  ];
  for (const [what, value] of rows) console.log(`${what.padEnd(42)}${String(value).padStart(8)}`);
  if (twice + disagreements + unexplained > 0) process.exitCode = 1;
}

async function startNode(
  vault: Vault,
): Promise<{ proxy: FaultProxy; client: KesClient; transport: Transport }> {
  const proxy = await FaultProxy.start(vault.url);
  cleanUp.add(() => proxy.stop());
  const site = await makeCliSite();
  cleanUp.add(site.remove);
  const keystore = `keystore:\n  vault:\n    endpoint: ${proxy.url}\n    version: v2\n    token: ${vault.rootToken}\n`;
  await site.configure({ keystore });
  const server = await startCliServer(site);
  cleanUp.add(() => server.process.stop());
  const options = {
    endpoints: `https://127.0.0.1:${server.port}`,
    certificate: site.admin.certPem,
    key: site.admin.keyPem,
    ca: site.server.certPem,
  };
  const client = new KesClient(options);
  cleanUp.add(() => client.close());
  const transport = createTransport(options);
  cleanUp.add(() => transport.close());
  return { proxy, client, transport };
}

function draw(): Fault | undefined {
  let at = Math.random();
  for (const [share, fault] of FAULTS) {
    if (at < share) return fault;
    at -= share;
  }
  return undefined;
}

/** The server's own answer: the SDK's calls would look an unknown outcome up, and all have one identity. */
async function createOnce(transport: Transport | undefined, name: string): Promise<string> {
  const request = {
    method: "POST",
    path: `/v1/key/create/${name}`,
    repeatable: false,
    timeoutMs: 0,
  } as const;
  const reply = await transport?.send(request);
  if (reply?.status === 200) return "created";
  const text = reply?.body.toString() ?? "";
  if (text.includes("key already exists")) return "exists";
  return text.includes("may or may not exist") ? "unknown" : text;
}

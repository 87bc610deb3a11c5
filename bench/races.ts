/**
 * 500 clients that create the same 50 keys at once through a load balancer, on three nodes with one fs keystore:
 * `npm run races -- --clients 500 --names 50`. Single attempts, no retries: each name must have exactly one winner, and
 * what one node seals under it all nodes must open.
 */
import { parseArgs } from "node:util";
import { createTransport } from "../src/client/http-transport.js";
import { KesClient } from "../src/client/index.js";
import { isKesError } from "../src/errors.js";
import { selfSigned } from "../test/support/certificates.js";
import { CleanUp } from "../test/support/clean-up.js";
import { startCluster } from "../test/support/cluster.js";
import { quantile } from "../test/support/mixed-load.js";
import { systemTool } from "../test/support/services/index.js";

const { values } = parseArgs({
  options: {
    clients: { type: "string", default: "500" },
    names: { type: "string", default: "50" },
    // Names that are raced for at the same time; 0 for all.
    together: { type: "string", default: "0" },
    /** Far more than a race takes, for a machine that does other things as well. */
    timeout: { type: "string", default: "120" },
  },
});
const names = Array.from({ length: Number(values.names) }, (_, i) => `raced-${i}`);
const timeoutMs = Number(values.timeout) * 1_000;

const cleanUp = new CleanUp();
try {
  await play();
} finally {
  await cleanUp.run();
}

async function play(): Promise<void> {
  const program = systemTool("haproxy");
  if (program === undefined) throw new Error("haproxy is not installed");
  const certificates = Array.from({ length: Number(values.clients) }, (_, i) =>
    selfSigned({ cn: `client ${i}` }),
  );
  const cluster = await startCluster({
    nodes: 3,
    fronts: [{ program, kind: "haproxy", mode: "passthrough" }],
    clients: certificates,
  });
  cleanUp.add(() => cluster.close());
  const optionsOf = (port: number, { certPem, keyPem }: (typeof certificates)[number]) => ({
    endpoints: `https://127.0.0.1:${port}`,
    certificate: certPem,
    key: keyPem,
    ca: cluster.ca,
    timeoutMs,
    environment: {},
  });
  const [front] = cluster.fronts;
  const [someone] = certificates;
  if (front === undefined || someone === undefined) throw new Error("no front or no clients");
  const transports = certificates.map((certificate) =>
    createTransport(optionsOf(front.balancer.port, certificate)),
  );
  cleanUp.add(() => Promise.all(transports.map((transport) => transport.close())));
  // Connected first: the race is about keys, not about handshakes.
  for (let i = 0; i < transports.length; i += 50) {
    const some = transports.slice(i, i + 50);
    await Promise.all(some.map((one) => one.send({ method: "GET", path: "/version", repeatable: true })));
  }

  const outcomes = new Map<string, number>();
  const winners = new Map<string, string[]>(names.map((name) => [name, []]));
  const latencies: number[] = [];
  const startMs = performance.now();
  const race = (name: string): Promise<void>[] =>
    transports.map(async (transport, i) => {
      const sentMs = performance.now();
      const outcome = await transport
        .send({ method: "PUT", path: `/v1/key/create/${name}`, repeatable: false })
        .then(
          ({ status, body }) => `${status} ${body}`.trim(),
          (error: unknown) =>
            isKesError(error) ? `${error.code} ${withoutAddress(error.message)}` : String(error),
        );
      latencies.push(performance.now() - sentMs);
      outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
      if (outcome === "200") winners.get(name)?.push(certificates[i]?.identity ?? "");
    });
  const together = Number(values.together) || names.length;
  for (let i = 0; i < names.length; i += together)
    await Promise.all(names.slice(i, i + together).flatMap(race));
  const lastedS = (performance.now() - startMs) / 1_000;

  const nodes = cluster.nodes.map(({ port }) => new KesClient(optionsOf(port, someone)));
  cleanUp.add(() => Promise.all(nodes.map((node) => node.close())));
  let decrypts = 0;
  let wrong = 0;
  for (const name of names) {
    const [winner] = winners.get(name) ?? [];
    for (const sealer of nodes) {
      const { plaintext, ciphertext } = await sealer.generateKey(name);
      if ((await sealer.describeKey(name)).createdBy !== winner) wrong += 1;
      for (const opener of nodes) {
        decrypts += 1;
        if (!(await opener.decrypt(name, ciphertext)).equals(plaintext)) wrong += 1;
      }
    }
  }

  console.log(
    `${transports.length} clients, ${names.length} names, ${latencies.length} attempts in ${lastedS.toFixed(1)} s`,
  );
  console.log(
    `latency p50 ${quantile(latencies, 0.5).toFixed(0)} ms, p99 ${quantile(latencies, 0.99).toFixed(0)} ms`,
  );
  for (const [outcome, times] of [...outcomes].sort(([, a], [, b]) => b - a))
    console.log(`${String(times).padStart(8)}  ${outcome}`);
  const byCount = new Map<number, number>();
  for (const { length } of winners.values()) byCount.set(length, (byCount.get(length) ?? 0) + 1);
  for (const [count, times] of byCount)
    console.log(`names with ${count} winner${count === 1 ? "" : "s"}: ${times}`);
  console.log(
    `${decrypts} data keys of every node opened by every node, and creators compared: ${wrong} wrong`,
  );
  const isWell = byCount.get(1) === names.length && wrong === 0;
  console.log(isWell ? "one winner for each name" : "FAILED");
  if (!isWell) process.exitCode = 1;
}

/** Failures of one kind are counted together. */
function withoutAddress(message: string): string {
  return message.replace(/https:\/\/\S+ ?/g, "");
}

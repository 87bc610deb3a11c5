/**
 * Three nodes on one fs keystore behind HAProxy and nginx, under load, while workers and nodes are killed, servers
 * reload and their certificate changes: `npm run cluster -- --seconds 60`. Clients must notice nothing.
 */
import { parseArgs } from "node:util";
import { KesClient } from "../src/client/index.js";
import { selfSigned } from "../test/support/certificates.js";
import { CleanUp } from "../test/support/clean-up.js";
import { type FrontKind, startCluster } from "../test/support/cluster.js";
import { Havoc } from "../test/support/havoc.js";
import { type LoadClient, type LoadTally, MixedLoad, quantile } from "../test/support/mixed-load.js";
import { systemTool } from "../test/support/services/index.js";

const { values } = parseArgs({
  options: {
    seconds: { type: "string", default: "60" },
    clients: { type: "string", default: "200" },
    // Mean of each client between two calls, in milliseconds.
    pause: { type: "string", default: "800" },
    verbose: { type: "boolean", default: false },
  },
});
const seconds = Number(values.seconds);
const count = Number(values.clients);

const cleanUp = new CleanUp();
try {
  await play();
} finally {
  await cleanUp.run();
}

async function play(): Promise<void> {
  const fronts: FrontKind[] = [];
  for (const kind of ["haproxy", "nginx"] as const) {
    const program = systemTool(kind);
    if (program === undefined) console.log(`without ${kind}: it is not installed`);
    else fronts.push({ program, kind, mode: "passthrough" }, { program, kind, mode: "terminating" });
  }
  if (fronts.length === 0) throw new Error("neither haproxy nor nginx is installed");

  const certificates = Array.from({ length: count }, (_, i) => selfSigned({ cn: `client ${i}` }));
  const cluster = await startCluster({ nodes: 3, fronts, clients: certificates });
  cleanUp.add(() => cluster.close());
  const clients = certificates.map(({ certPem, keyPem, identity }, i): LoadClient => {
    const front = cluster.fronts[i % cluster.fronts.length];
    if (front === undefined) throw new Error("no front");
    const { name: group, ca, balancer } = front;
    const endpoints = `https://127.0.0.1:${balancer.port}`;
    const client = new KesClient({ endpoints, certificate: certPem, key: keyPem, ca, environment: {} });
    return { client, identity, group };
  });
  cleanUp.add(() => Promise.all(clients.map(({ client }) => client.close())));

  const load = new MixedLoad(clients, Number(values.pause));
  const havoc = new Havoc(cluster);
  await load.start();
  const startMs = performance.now();
  havoc.start({ workerS: 5, nodeS: 15, reloadS: 10, certificateS: seconds / 2 });
  await new Promise((resolve) => setTimeout(resolve, seconds * 1_000));
  const [ended] = await Promise.allSettled([havoc.stop(), load.stop()]);
  const lastedS = (performance.now() - startMs) / 1_000;

  const groups = [...new Set(load.tallies.map(({ group }) => group))];
  const operations = [...new Set(load.tallies.map(({ operation }) => operation))];
  print(["", "calls", "failed", "wrong", "p50 ms", "p99 ms", "max ms", "failures by kind"]);
  for (const group of groups)
    printTallies(
      group,
      load.tallies.filter((tally) => tally.group === group),
    );
  for (const operation of operations)
    printTallies(
      operation,
      load.tallies.filter((tally) => tally.operation === operation),
    );
  printTallies("all", load.tallies);
  console.log(
    `\n${count} clients, ${Math.round(load.calls / lastedS)} calls/s; kill -9 of workers ${havoc.workersKilled}, of nodes ` +
      `${havoc.nodesKilled} (away ${havoc.awayMs.map((ms) => `${Math.round(ms)} ms`).join(", ")}; left out ${havoc.nodesSpared}); reloads of all nodes ` +
      `${havoc.reloads}; certificate changes ${havoc.certificatesChanged} (on all nodes after ${Math.round(havoc.certificateMs)} ms)`,
  );
  for (const line of load.told) console.log(`  ${line}`);

  if (values.verbose) {
    for (const { name, balancer } of cluster.fronts)
      console.log(`--- ${name}\n${balancer.output().slice(-4_000)}`);
    for (const [i, node] of cluster.nodes.entries()) console.log(`--- node ${i}\n${node.output}`);
  }
  if (ended.status === "rejected") throw ended.reason;

  // Every node, asked directly, has every key that was acknowledged and opens what any node has sealed.
  let bad = 0;
  const [certificate] = certificates;
  if (certificate === undefined) throw new Error("no clients");
  for (const node of cluster.nodes) {
    const endpoints = `https://127.0.0.1:${node.port}`;
    const { certPem, keyPem } = certificate;
    const direct = new KesClient({
      endpoints,
      certificate: certPem,
      key: keyPem,
      ca: cluster.ca,
      environment: {},
    });
    cleanUp.add(() => direct.close());
    for (const { name, createdBy } of load.keys)
      if ((await direct.describeKey(name)).createdBy !== createdBy) bad += 1;
    for (const { key, ciphertext, plaintext, context } of load.deks)
      if (!(await direct.decrypt(key, ciphertext, { context })).equals(plaintext)) bad += 1;
  }
  console.log(
    `afterwards ${load.keys.length} keys and ${load.deks.length} data keys on each of ${cluster.nodes.length} nodes: ${bad} wrong`,
  );
  const isWell = load.tallies.every(({ failures, wrong }) => failures.size + wrong.length === 0) && bad === 0;
  console.log(isWell ? "no failed operation, no wrong answer" : "FAILED");
  if (!isWell) process.exitCode = 1;
}

function printTallies(name: string, tallies: readonly LoadTally[]): void {
  const latencies = tallies.flatMap((tally) => tally.latencies);
  const kinds = new Map<string, number>();
  for (const { failures } of tallies)
    for (const [code, times] of failures) kinds.set(code, (kinds.get(code) ?? 0) + times);
  const failed = [...kinds.values()].reduce((sum, times) => sum + times, 0);
  const wrong = tallies.reduce((sum, tally) => sum + tally.wrong.length, 0);
  const milliseconds = [0.5, 0.99, 1].map((share) => quantile(latencies, share).toFixed(1));
  const words = [...kinds].map(([code, times]) => `${times} ${code}`).join(", ");
  print([name, String(latencies.length), String(failed), String(wrong), ...milliseconds, words]);
}

function print(cells: readonly string[]): void {
  const line = cells.map((cell, i) => (i === 0 ? cell.padEnd(22) : i === 7 ? `  ${cell}` : cell.padStart(9)));
  console.log(line.join("").trimEnd());
}

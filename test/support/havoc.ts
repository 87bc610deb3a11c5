/** What happens to a cluster over the years, in a minute: killed workers, killed nodes, reloads, a new certificate. */
import { connect } from "node:tls";
import { until } from "./child-process.js";
import type { Cluster, ClusterNode } from "./cluster.js";
import { workerPids } from "./worker-pids.js";

/** Seconds between two events of a kind. */
export interface HavocTimes {
  readonly workerS: number;
  readonly nodeS: number;
  readonly reloadS: number;
  /** From the start to the change of the certificate. */
  readonly certificateS: number;
}

export class Havoc {
  workersKilled = 0;
  nodesKilled = 0;
  /** Kills left out, since another node was still away. */
  nodesSpared = 0;
  reloads = 0;
  certificatesChanged = 0;
  /** How long killed nodes were away, in milliseconds. */
  readonly awayMs: number[] = [];
  /** From the change of the files to the last node that shows the new certificate. */
  certificateMs = Number.NaN;
  readonly #cluster: Cluster;
  readonly #timers: NodeJS.Timeout[] = [];
  readonly #underWay = new Set<Promise<void>>();
  #failure: unknown;
  #turn = 0;

  constructor(cluster: Cluster) {
    this.#cluster = cluster;
  }

  start({ workerS, nodeS, reloadS, certificateS }: HavocTimes): void {
    const every = (seconds: number, event: () => Promise<void>): void => {
      this.#timers.push(setInterval(() => this.#run(event), seconds * 1_000));
    };
    every(workerS, () => this.#killWorker());
    every(nodeS, () => this.#killNode());
    every(reloadS, () => this.#reload());
    this.#timers.push(setTimeout(() => this.#run(() => this.#changeCertificate()), certificateS * 1_000));
  }

  /** Waits for what is under way. @throws what went wrong with the events themselves */
  async stop(): Promise<void> {
    for (const timer of this.#timers) clearTimeout(timer);
    await Promise.all(this.#underWay);
    if (this.#failure !== undefined) throw this.#failure;
  }

  #run(event: () => Promise<void>): void {
    const running = event()
      .catch((error: unknown) => {
        this.#failure ??= error;
      })
      .finally(() => this.#underWay.delete(running));
    this.#underWay.add(running);
  }

  /** The next node that is up. */
  #next(): ClusterNode {
    const { nodes } = this.#cluster;
    for (let i = 0; i < nodes.length; i++) {
      const node = nodes[this.#turn++ % nodes.length];
      if (node?.pid !== undefined) return node;
    }
    throw new Error("no node is up");
  }

  async #killWorker(): Promise<void> {
    const pids = await workerPids(this.#next().pid ?? 0);
    const pid = pids[this.#turn % pids.length];
    if (pid === undefined) throw new Error("a node without workers");
    process.kill(pid, "SIGKILL");
    this.workersKilled += 1;
  }

  async #killNode(): Promise<void> {
    // What is promised holds with one node away; on a slow machine the one before may not be back.
    if (this.#cluster.nodes.some(({ pid }) => pid === undefined)) {
      this.nodesSpared += 1;
      return;
    }
    const node = this.#next();
    const startMs = performance.now();
    await node.kill();
    this.nodesKilled += 1;
    await node.start();
    this.awayMs.push(performance.now() - startMs);
  }

  async #reload(): Promise<void> {
    for (const node of this.#cluster.nodes) node.reload();
    this.reloads += 1;
  }

  async #changeCertificate(): Promise<void> {
    const startMs = performance.now();
    const pem = await this.#cluster.changeCertificate();
    const shown = async (node: ClusterNode): Promise<boolean> => (await certificateAt(node.port)) === pem;
    for (const node of this.#cluster.nodes) {
      await until("the new certificate", () => shown(node), 30_000);
    }
    this.certificateMs = performance.now() - startMs;
    this.certificatesChanged += 1;
  }
}

/** PEM of the certificate that is shown at a port; undefined when nobody is there. */
function certificateAt(port: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: "127.0.0.1", rejectUnauthorized: false }, () => {
      const shown = socket.getPeerX509Certificate()?.toString();
      socket.destroy();
      resolve(shown);
    });
    socket.setTimeout(2_000, () => socket.destroy());
    socket.once("error", () => resolve(undefined)).once("close", () => resolve(undefined));
  });
}

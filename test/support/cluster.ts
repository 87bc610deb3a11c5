/** Several nodes, each a server process with workers, on one fs keystore behind real load balancers; nodes may be killed. */

import { mkdir, mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { builtCli } from "./built-cli.js";
import { certificateAuthority, issuedBy, selfSigned, type TestCertificate } from "./certificates.js";
import { freePort, RunningProcess } from "./child-process.js";
import { CleanUp } from "./clean-up.js";
import { testHttp } from "./http-engine.js";
import {
  type BackendAddress,
  type LoadBalancer,
  type LoadBalancerKind,
  type LoadBalancerMode,
  startLoadBalancer,
} from "./load-balancer.js";

/** One load balancer to start. */
export interface FrontKind {
  /** Path of the program. */
  readonly program: string;
  readonly kind: LoadBalancerKind;
  readonly mode: LoadBalancerMode;
}

/** A load balancer that runs. */
export interface Front {
  /** Program and mode, for tables. */
  readonly name: string;
  readonly balancer: LoadBalancer;
  /** PEM that clients trust there. */
  readonly ca: string;
}

export interface ClusterOptions {
  /** One to three. */
  readonly nodes: number;
  readonly fronts: readonly FrontKind[];
  /** May do everything with keys. */
  readonly clients: readonly TestCertificate[];
}

export interface Cluster {
  readonly nodes: readonly ClusterNode[];
  readonly fronts: readonly Front[];
  /** PEM of the authority of the nodes' certificates. */
  readonly ca: string;
  /** Gives all nodes a new certificate with a new key by replacing their files. @returns its PEM */
  changeCertificate(): Promise<string>;
  close(): Promise<void>;
}

const WORKERS = 2;
/** Pass-through fronts connect from here, so that nodes demand the PROXY protocol of them and not of the others. */
const PASS_THROUGH_ADDRESS = "127.0.0.2";

/** A node on addresses that stay the same over its restarts. */
export class ClusterNode implements BackendAddress {
  readonly port: number;
  readonly healthPort: number;
  readonly #command: readonly [string, ...string[]];
  #process: RunningProcess | undefined;
  #said = "";

  constructor(command: readonly [string, ...string[]], port: number, healthPort: number) {
    this.#command = command;
    this.port = port;
    this.healthPort = healthPort;
  }

  /** Starts it and waits until it serves. */
  async start(): Promise<void> {
    this.#process = await RunningProcess.start([...this.#command], async ({ stdout }) =>
      stdout.includes("=> Server is up and running..."),
    );
  }

  /** The server's primary process, while it is up and nobody ends it. */
  get pid(): number | undefined {
    return this.#process?.hasEnded === false ? this.#process.pid : undefined;
  }

  /** All that its processes wrote, those that were killed too. */
  get output(): string {
    return this.#said + (this.#process?.output ?? "");
  }

  /** Without a chance to finish anything. */
  async kill(): Promise<void> {
    const running = this.#process;
    this.#process = undefined;
    if (running === undefined) return;
    running.signal("SIGKILL");
    await running.stop();
    this.#said += running.output;
  }

  reload(): void {
    this.#process?.signal("SIGHUP");
  }

  async stop(): Promise<void> {
    await this.#process?.stop();
  }
}

export async function startCluster(options: ClusterOptions): Promise<Cluster> {
  const cleanUp = new CleanUp();
  try {
    const folder = await mkdtemp(join(tmpdir(), "keswick-cluster-"));
    cleanUp.add(() => rm(folder, { recursive: true, force: true }));
    const authority = certificateAuthority({ algorithm: "p256" });
    const proxy = selfSigned({ cn: "proxy", algorithm: "p256" });
    await mkdir(join(folder, "keys"), { mode: 0o700 });
    const changeCertificate = async (): Promise<string> => {
      const { certPem, keyPem } = issuedBy(authority, { algorithm: "p256" });
      for (const [name, text] of [
        ["server.key", keyPem],
        ["server.crt", certPem],
      ] as const) {
        await writeFile(join(folder, `${name}.new`), text, { mode: 0o600 });
        await rename(join(folder, `${name}.new`), join(folder, name));
      }
      return certPem;
    };
    await changeCertificate();
    const { main } = await builtCli();
    const nodes: ClusterNode[] = [];
    for (let i = 0; i < options.nodes; i++) {
      const [port, healthPort] = [await freePort(), await freePort()];
      const file = join(folder, `node-${i}.yml`);
      await writeFile(file, configuration(folder, healthPort, proxy, options.clients));
      const server = ["server", "--config", file, "--addr", `127.0.0.1:${port}`];
      const node = new ClusterNode([process.execPath, main, ...server], port, healthPort);
      await node.start();
      cleanUp.add(() => node.stop());
      nodes.push(node);
    }
    const fronts: Front[] = [];
    for (const front of options.fronts) {
      const balancer = await startLoadBalancer({
        ...front,
        servers: nodes,
        serverCa: authority.certPem,
        identity: proxy,
        ...(front.mode === "passthrough" ? { edit: fromItsOwnAddress } : {}),
      });
      cleanUp.add(() => balancer.stop());
      const ca = front.mode === "passthrough" ? authority.certPem : balancer.certificate;
      fronts.push({ name: `${front.kind} ${front.mode}`, balancer, ca });
    }
    return { nodes, fronts, ca: authority.certPem, changeCertificate, close: () => cleanUp.run() };
  } catch (error) {
    await cleanUp.run();
    throw error;
  }
}

function fromItsOwnAddress(text: string): string {
  return text
    .replaceAll("send-proxy-v2", `send-proxy-v2 source ${PASS_THROUGH_ADDRESS}`)
    .replaceAll("proxy_protocol on;", `proxy_protocol on; proxy_bind ${PASS_THROUGH_ADDRESS};`);
}

function configuration(
  folder: string,
  healthPort: number,
  proxy: TestCertificate,
  clients: readonly TestCertificate[],
): string {
  return `version: v1
admin: { identity: disabled }
tls:
  key: ${folder}/server.key
  cert: ${folder}/server.crt
  proxy:
    identities: [ ${proxy.identity} ]
    header: { cert: X-Tls-Client-Cert }
server:
  workers: ${WORKERS}
  http: ${testHttp}
  proxy_protocol: [ ${PASS_THROUGH_ADDRESS} ]
  health: { address: "127.0.0.1:${healthPort}" }
policy:
  clients:
    allow: [ /v1/key/* ]
    identities: [ ${clients.map(({ identity }) => identity).join(", ")} ]
log: { error: on, audit: off }
keystore: { fs: { path: ${folder}/keys } }
`;
}

/** HAProxy and nginx, run with the configurations of `deploy/`, in which only addresses and paths are put in place. */
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { selfSigned, type TestCertificate } from "./certificates.js";
import { freePort, RunningProcess } from "./child-process.js";

const deploy = resolve(import.meta.dirname, "../../deploy");

export type LoadBalancerKind = "haproxy" | "nginx";
export type LoadBalancerMode = "passthrough" | "terminating";

/** A key server behind the load balancer. */
export interface BackendAddress {
  readonly port: number;
  /** Of its health listener. */
  readonly healthPort: number;
}

export interface LoadBalancerOptions {
  /** Path of the program. */
  readonly program: string;
  readonly kind: LoadBalancerKind;
  readonly mode: LoadBalancerMode;
  /** One to three. */
  readonly servers: readonly BackendAddress[];
  /** PEM of what the key servers' certificates are checked against; they must hold the name `localhost`. */
  readonly serverCa: string;
  /** The load balancer's own identity towards the key servers. */
  readonly identity: TestCertificate;
  /** Changes the text of the configuration, for tests of what a mistake in it would do. */
  readonly edit?: (text: string) => string;
}

export interface LoadBalancer {
  readonly port: number;
  /** PEM of the certificate that it shows where it ends TLS; for `localhost` and `127.0.0.1`. */
  readonly certificate: string;
  /** What it has written so far. */
  readonly output: () => string;
  stop(): Promise<void>;
}

const NODES = ["10.0.0.11:7373", "10.0.0.12:7373", "10.0.0.13:7373"];

/** Starts it and waits until it takes connections. */
export async function startLoadBalancer(options: LoadBalancerOptions): Promise<LoadBalancer> {
  const folder = await mkdtemp(join(tmpdir(), "keswick-lb-"));
  try {
    const port = await freePort();
    const own = selfSigned({ algorithm: "p256", sans: ["localhost", "127.0.0.1"] });
    const file = await writeFiles(folder, port, own, options);
    const command =
      options.kind === "haproxy" ? ["-db", "-f", file] : ["-p", folder, "-c", file, "-g", "daemon off;"];
    const running = await RunningProcess.start([options.program, ...command], () => isListening(port));
    return {
      port,
      certificate: own.certPem,
      output: () => running.output,
      async stop() {
        await running.stop();
        await rm(folder, { recursive: true, force: true });
      },
    };
  } catch (error) {
    await rm(folder, { recursive: true, force: true });
    throw error;
  }
}

/** @returns the path of the configuration */
async function writeFiles(
  folder: string,
  port: number,
  own: TestCertificate,
  options: LoadBalancerOptions,
): Promise<string> {
  const { kind, mode, identity, serverCa } = options;
  const files: Readonly<Record<string, string>> = {
    "kes.pem": own.certPem + own.keyPem,
    "proxy.pem": identity.certPem + identity.keyPem,
    "client-ca.pem": selfSigned({ cn: "decides nothing", ca: true }).certPem,
    "kes-ca.pem": serverCa,
    "server.crt": own.certPem,
    "server.key": own.keyPem,
    "proxy.crt": identity.certPem,
    "proxy.key": identity.keyPem,
    "kes-ca.crt": serverCa,
  };
  for (const [name, text] of Object.entries(files))
    await writeFile(join(folder, name), text, { mode: 0o600 });
  const suffix = kind === "haproxy" ? "cfg" : "conf";
  const text = await readFile(join(deploy, kind, `${mode}.${suffix}`), "utf8");
  const placed = placeNodes(text, options)
    .replaceAll("0.0.0.0:7373", `127.0.0.1:${port}`)
    .replaceAll(/\/etc\/(?:haproxy|nginx\/kes)(?=\/)|\/var\/log\/nginx(?=\/)/g, folder)
    .replaceAll("kes.example.com", "localhost")
    .replaceAll("load_module modules/", "load_module /usr/lib/nginx/modules/")
    .replace(/^worker_processes auto;$/m, `worker_processes 1;\npid ${folder}/nginx.pid;`)
    // nginx's folders for temporary files belong to its own user.
    .replace(
      /^http \{$/m,
      `http {\n${TEMPORARY.map((name) => `${name}_temp_path ${folder}/${name};`).join("\n")}`,
    );
  const file = join(folder, `balancer.${suffix}`);
  await writeFile(file, options.edit?.(placed) ?? placed);
  return file;
}

const TEMPORARY = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];

/** The addresses of `servers` for those of the file; lines of further ones are taken out. */
function placeNodes(text: string, { servers, kind }: LoadBalancerOptions): string {
  const lines = text.split("\n").flatMap((line) => {
    const node = NODES.findIndex((address) => line.includes(address));
    if (node < 0) return [line];
    const server = servers[node];
    if (server === undefined) return [];
    const health = kind === "haproxy" ? ` port ${server.healthPort}` : "";
    return [line.replace(NODES[node] ?? "", `127.0.0.1:${server.port}`) + health];
  });
  return lines.join("\n");
}

function isListening(port: number): Promise<boolean> {
  return new Promise((done) => {
    const socket = connect(port, "127.0.0.1");
    socket.once("connect", () => {
      socket.destroy();
      done(true);
    });
    socket.once("error", () => done(false));
  });
}

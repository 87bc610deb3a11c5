/** A key server of some build in a process of its own, with a key in memory and one client that has a policy. */
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { openSync } from "node:fs";
import { connect } from "node:http2";
import { fileURLToPath } from "node:url";
import { selfSigned } from "../../test/support/certificates.js";
import type { ServeOrder, Usage } from "./serve.js";

/** Name of the key. */
export const KEY = "bench-key";

export interface BuildOptions {
  /** Audit lines go to the console, that is to nowhere. */
  readonly audit: boolean;
  /** `keswick` or `node`, where the build knows it. */
  readonly http?: string;
  /** A folder for a CPU profile. */
  readonly profile?: string;
}

export interface BuildServer {
  readonly port: number;
  /** Of the server. */
  readonly ca: string;
  /** Of the client. */
  readonly cert: string;
  readonly key: string;
  /** User and system time so far. */
  cpuMicros(): Promise<number>;
  /** How long rounds of its event loop are while `work` goes on. */
  rounds(work: () => Promise<unknown>): Promise<Usage["rounds"]>;
  stop(): Promise<void>;
}

/** @param root - a folder with `dist/` */
export async function startBuild(root: string, options: BuildOptions): Promise<BuildServer> {
  const { audit, http, profile } = options;
  const certificate = selfSigned({ algorithm: "p256", sans: ["127.0.0.1"] });
  const client = selfSigned({ cn: "bench", algorithm: "p256" });
  const execArgv = ["--import", "tsx"];
  if (profile !== undefined)
    execArgv.push("--cpu-prof", "--cpu-prof-interval", "200", `--cpu-prof-dir=${profile}`);
  const child = fork(fileURLToPath(new URL("serve.ts", import.meta.url)), [root], {
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
        ...{ keyFile: "", certFile: "", verifyClients: false },
        proxy: { identities: [], format: "auto", only: false },
      },
      server: {
        ...(http === undefined ? {} : { http }),
        ...{ workers: 1, watch: "off", graceMs: 1000, proxyProtocol: [] },
      },
      cache: { anyMs: 300_000, unusedMs: 60_000, offlineMs: 0 },
      log: { errorLevel: 8, auditLevel: audit ? 0 : 9, format: "text" },
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
  const usage = async (): Promise<Usage> => {
    const answer = message(child);
    child.send("usage");
    return (await answer) as Usage;
  };
  const server: BuildServer = {
    ...{ port, ca: certificate.certPem, cert: client.certPem, key: client.keyPem },
    cpuMicros: async () => (await usage()).cpuMicros,
    async rounds(work) {
      child.send("watch");
      await work();
      return (await usage()).rounds;
    },
    async stop() {
      const ended = once(child, "exit");
      child.kill("SIGTERM");
      await ended;
    },
  };
  await createKey(server);
  return server;
}

async function createKey({ port, ca, cert, key }: BuildServer): Promise<void> {
  const session = connect(`https://127.0.0.1:${port}`, { ca, cert, key });
  const stream = session.request({ ":method": "PUT", ":path": `/v1/key/create/${KEY}` });
  stream.resume();
  await once(stream, "end");
  session.close();
}

async function message(child: ChildProcess): Promise<unknown> {
  const [value] = await once(child, "message");
  return value;
}

/** Key servers behind a load balancer, with clients of several kinds. */

import { MemoryKeystore } from "../../keystores/memory/store.js";
import type { ServerConfig, TlsConfig } from "../../src/config/config.js";
import { KesError } from "../../src/errors.js";
import type { Keystore, KeystorePage, ListOptions } from "../../src/keystore/contract.js";
import type { KeyName } from "../../src/names.js";
import { selfSigned, type TestCertificate } from "./certificates.js";
import { freePort } from "./child-process.js";
import { CleanUp } from "./clean-up.js";
import { testHttp } from "./http-engine.js";
import {
  type LoadBalancer,
  type LoadBalancerKind,
  type LoadBalancerMode,
  startLoadBalancer,
} from "./load-balancer.js";
import { startTestServer, type TestServer, tlsOf } from "./test-server.js";

/** One node's way to the keystore that all share; it may be out for that node alone. */
export class NodeKeystore implements Keystore {
  isOut = false;
  readonly description = "shared";
  readonly abilities: Keystore["abilities"];
  readonly #shared: Keystore;

  constructor(shared: Keystore) {
    this.#shared = shared;
    this.abilities = shared.abilities;
  }

  async status(): Promise<void> {
    return this.#reached().status();
  }
  async create(name: KeyName, value: Uint8Array): Promise<void> {
    return this.#reached().create(name, value);
  }
  async get(name: KeyName): Promise<Uint8Array> {
    return this.#reached().get(name);
  }
  async replace(name: KeyName, expected: Uint8Array, next: Uint8Array): Promise<void> {
    return this.#reached().replace(name, expected, next);
  }
  async delete(name: KeyName): Promise<void> {
    return this.#reached().delete(name);
  }
  async list(options: ListOptions): Promise<KeystorePage> {
    return this.#reached().list(options);
  }
  // The others still use it.
  async close(): Promise<void> {}

  #reached(): Keystore {
    if (this.isOut) throw new KesError("KEYSTORE_UNREACHABLE");
    return this.#shared;
  }
}

export interface LoadBalancedNode {
  readonly server: TestServer;
  readonly keystore: NodeKeystore;
}

export interface LoadBalancedSite {
  readonly balancer: LoadBalancer;
  readonly nodes: readonly LoadBalancedNode[];
  /** PEM that clients trust at the balancer's port. */
  readonly ca: string;
  /** May do everything with keys. */
  readonly client: TestCertificate;
  /** Listed as proxy, where the balancer ends TLS. */
  readonly proxy: TestCertificate;
  close(): Promise<void>;
}

export interface LoadBalancedSiteOptions {
  readonly program: string;
  readonly kind: LoadBalancerKind;
  readonly mode: LoadBalancerMode;
  readonly nodes: number;
  readonly edit?: (text: string) => string;
}

export async function startLoadBalancedSite(options: LoadBalancedSiteOptions): Promise<LoadBalancedSite> {
  const cleanUp = new CleanUp();
  const proxy = selfSigned({ cn: "proxy", algorithm: "p256" });
  const client = selfSigned({ cn: "client" });
  try {
    const shared = new MemoryKeystore();
    // One for all, as in production: TLS clients may meet any of them.
    const certificate = selfSigned({ algorithm: "p256", sans: ["localhost", "127.0.0.1"] });
    const nodes: (LoadBalancedNode & { readonly healthPort: number })[] = [];
    for (let index = 0; index < options.nodes; index++) {
      const keystore = new NodeKeystore(shared);
      const healthPort = await freePort();
      const server = await startTestServer({
        keystore,
        tls: tlsOf(certificate),
        policies: {
          clients: { allow: ["/v1/key/*", "/v1/log/audit", "/v1/status"], identities: [client.identity] },
        },
        config: behind(options.mode, proxy, healthPort),
      });
      cleanUp.add(() => server.close());
      nodes.push({ server, keystore, healthPort });
    }
    const balancer = await startLoadBalancer({
      ...options,
      servers: nodes.map(({ server, healthPort }) => ({ port: server.port, healthPort })),
      serverCa: certificate.certPem,
      identity: proxy,
    });
    cleanUp.add(() => balancer.stop());
    const ca = options.mode === "passthrough" ? certificate.certPem : balancer.certificate;
    return { balancer, nodes, ca, client, proxy, close: () => cleanUp.run() };
  } catch (error) {
    await cleanUp.run();
    throw error;
  }
}

/** What the heads of the files in `deploy/` tell the operator to put into the key servers' configuration. */
function behind(
  mode: LoadBalancerMode,
  proxy: TestCertificate,
  healthPort: number,
): { readonly server: ServerConfig; readonly tls: TlsConfig } {
  const isTerminating = mode === "terminating";
  return {
    server: {
      watch: "off",
      http: testHttp,
      graceMs: 1_000,
      proxyProtocol: isTerminating ? [] : [{ address: "127.0.0.1", bits: 32, family: "ipv4" }],
      health: { host: "127.0.0.1", port: healthPort },
    },
    tls: {
      keyFile: "",
      certFile: "",
      verifyClients: false,
      proxy: isTerminating
        ? { identities: [proxy.identity], certificateHeader: "x-tls-client-cert", format: "auto", only: true }
        : { identities: [], format: "auto", only: false },
    },
  };
}

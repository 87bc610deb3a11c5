/** Where the table is played: key servers reached directly and through load balancers, one server for each way. */

import type { ServerConfig, TlsConfig } from "../../../src/config/config.js";
import { selfSigned } from "../certificates.js";
import { freePort } from "../child-process.js";
import { CleanUp } from "../clean-up.js";
import { testHttp } from "../http-engine.js";
import { type LoadBalancerKind, type LoadBalancerMode, startLoadBalancer } from "../load-balancer.js";
import { startTestServer, type TestServer, tlsOf } from "../test-server.js";
import type { Cast } from "./row.js";

/** One way to a key server. */
export interface Way {
  readonly name: string;
  /** Where clients connect. */
  readonly port: number;
  readonly server: TestServer;
  /** An honest client gets through it. */
  readonly isOpen: boolean;
}

export interface Stage {
  readonly cast: Cast;
  readonly ways: readonly Way[];
  close(): Promise<void>;
}

export interface StageOptions {
  /** Path of the program; without it the ways through it are left out. */
  readonly haproxy?: string | undefined;
  readonly nginx?: string | undefined;
  /** Changes the configuration of a load balancer, to show what a mistake in it would do. */
  readonly edit?: (text: string) => string;
  /** Names of the ways to take; all without it. */
  readonly only?: readonly string[];
}

interface Plan {
  readonly name: string;
  readonly tls?: "proxies" | "only proxies";
  readonly through?: readonly [LoadBalancerKind, LoadBalancerMode];
}

const PLANS: readonly Plan[] = [
  { name: "direct" },
  { name: "direct, with proxies", tls: "proxies" },
  { name: "direct, proxies only", tls: "only proxies" },
  { name: "haproxy", tls: "proxies", through: ["haproxy", "terminating"] },
  { name: "nginx", tls: "proxies", through: ["nginx", "terminating"] },
  { name: "haproxy, passed", through: ["haproxy", "passthrough"] },
  { name: "nginx, passed", through: ["nginx", "passthrough"] },
];

export async function setStage(options: StageOptions): Promise<Stage> {
  const cleanUp = new CleanUp();
  const cast: Omit<Cast, "admin"> = {
    attacker: selfSigned({ cn: "attacker" }),
    victim: selfSigned({ cn: "victim" }),
    proxy: selfSigned({ cn: "proxy", algorithm: "p256" }),
  };
  const admin = selfSigned({ cn: "admin" });
  try {
    const ways: Way[] = [];
    for (const plan of PLANS) {
      const program = plan.through === undefined ? undefined : options[plan.through[0]];
      if (plan.through !== undefined && program === undefined) continue;
      if (options.only !== undefined && !options.only.includes(plan.name)) continue;
      const certificate = selfSigned({ algorithm: "p256", sans: ["localhost", "127.0.0.1"] });
      const healthPort = await freePort();
      const server = await startTestServer({
        tls: tlsOf(certificate),
        policies: {
          attackers: { allow: ["/v1/key/generate/theirs"], identities: [cast.attacker.identity] },
          victims: { allow: ["/v1/key/*"], identities: [cast.victim.identity] },
        },
        limits: { headersTimeoutMs: 1_000 },
        config: {
          ...configOf(plan, cast.proxy.identity, healthPort),
          admin: { identity: admin.identity, text: admin.identity },
        },
      });
      cleanUp.add(() => server.close());
      let { port } = server;
      if (plan.through !== undefined && program !== undefined) {
        const [kind, mode] = plan.through;
        const balancer = await startLoadBalancer({
          program,
          kind,
          mode,
          servers: [{ port, healthPort }],
          serverCa: certificate.certPem,
          identity: cast.proxy,
          ...(options.edit === undefined ? {} : { edit: options.edit }),
        });
        cleanUp.add(() => balancer.stop());
        port = balancer.port;
      }
      ways.push({ name: plan.name, port, server, isOpen: plan.name !== "direct, proxies only" });
    }
    return { cast: { ...cast, admin }, ways, close: () => cleanUp.run() };
  } catch (error) {
    await cleanUp.run();
    throw error;
  }
}

function configOf(
  { tls, through }: Plan,
  proxy: TlsConfig["proxy"]["identities"][number],
  healthPort: number,
): { readonly server: ServerConfig; readonly tls: TlsConfig } {
  const isPassed = through?.[1] === "passthrough";
  return {
    server: {
      watch: "off",
      http: testHttp,
      graceMs: 1_000,
      proxyProtocol: isPassed ? [{ address: "127.0.0.1", bits: 32, family: "ipv4" }] : [],
      health: { host: "127.0.0.1", port: healthPort },
    },
    tls: {
      keyFile: "",
      certFile: "",
      verifyClients: false,
      proxy: {
        identities: tls === undefined ? [] : [proxy],
        ...(tls === undefined ? {} : { certificateHeader: "x-tls-client-cert" }),
        format: "auto",
        only: tls === "only proxies",
      },
    },
  };
}

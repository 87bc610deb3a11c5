/** An engine behind real TLS without the key server around it: what tests need to see of protocol alone. */
import { once } from "node:events";
import { createServer, type Socket } from "node:net";
import { createSecureContext, TLSSocket } from "node:tls";
import type { HttpEngine } from "../../src/config/config.js";
import { BodyBudget } from "../../src/server/body.js";
import { Connections } from "../../src/server/connections.js";
import { makeEngines } from "../../src/server/engines.js";
import type { Exchange } from "../../src/server/exchange.js";
import { HeldAnswers } from "../../src/server/held-answers.js";
import { type ConnectionLimits, defaultConnectionLimits, MAX_HELD_BYTES } from "../../src/server/limits.js";
import { peerOf } from "../../src/server/peer.js";
import { selfSigned, type TestCertificate } from "./certificates.js";

export interface EngineServerOptions {
  readonly serve: (exchange: Exchange) => void;
  readonly engine?: HttpEngine;
  /** What is spoken; HTTP/2 without it. */
  readonly protocol?: "h2" | "http/1.1";
  readonly limits?: Partial<ConnectionLimits>;
  /** Clients without a certificate are served as well. */
  readonly isOpen?: boolean;
}

export interface EngineServer {
  readonly port: number;
  readonly url: string;
  readonly ca: TestCertificate;
  readonly client: TestCertificate;
  readonly refusals: (readonly [status: number, reason: string])[];
  /** Connections that are open. */
  readonly size: number;
  /** As the listener does at shutdown. */
  drain(): void;
  close(): Promise<void>;
}

export async function startEngineServer(options: EngineServerOptions): Promise<EngineServer> {
  const ca = selfSigned({ algorithm: "p256", sans: ["localhost", "127.0.0.1"] });
  const client = selfSigned({ cn: "client" });
  const limits = { ...defaultConnectionLimits(), ...options.limits };
  const refusals: (readonly [number, string])[] = [];
  const engineOptions = {
    serve: options.serve,
    refused: (_: unknown, status: number, reason: string) => void refusals.push([status, reason]),
    limits,
    bodies: new BodyBudget(limits.maxPendingBodyBytes),
    held: new HeldAnswers(MAX_HELD_BYTES),
  };
  const { protocol = "h2" } = options;
  const { http1, http2 } = makeEngines(options.engine ?? "keswick", engineOptions);
  const engine = protocol === "h2" ? http2 : http1;
  const connections = new Connections();
  const secureContext = createSecureContext({
    key: ca.keyPem,
    cert: ca.certPem,
    sessionIdContext: "test",
  });
  const accept = (raw: Socket): void => {
    const isOpen = options.isOpen === true;
    const socket = new TLSSocket(raw, {
      isServer: true,
      secureContext,
      requestCert: !isOpen,
      rejectUnauthorized: !isOpen,
      ALPNProtocols: [protocol],
    });
    socket.on("error", () => socket.destroy());
    socket.on("_tlsError", () => socket.destroy());
    connections.add(socket);
    socket.once("secure", () => {
      Object.assign(socket, { secureConnecting: false });
      const connection = connections.establish(socket, peerOf(socket, "127.0.0.1"));
      engine.take(socket, connection);
    });
  };
  const server = createServer({ noDelay: true }, accept).listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  return {
    port,
    url: `https://127.0.0.1:${port}`,
    ca,
    client,
    refusals,
    get size() {
      return connections.size;
    },
    drain: () => connections.close(),
    async close() {
      connections.destroy();
      const closed = once(server, "close");
      server.close();
      await closed;
      http1.close();
      http2.close();
    },
  };
}

/** One request on a connection of its own, with everything that can be seen on the way. Trusts whoever answers. */
import { X509Certificate } from "node:crypto";
import { request } from "node:http";
import { isIP } from "node:net";
import { connect, type DetailedPeerCertificate, type TLSSocket } from "node:tls";
import type { ClientCertificate } from "../../client/credentials.js";
import type { Endpoint } from "../../client/endpoints.js";

/** How far a connection came. */
export type Stage = "connect" | "handshake" | "answer";

/** What was seen; what came after a failure is missing. */
export interface Probe {
  /** The stage that failed; absent when there was an answer. */
  readonly failed?: { readonly stage: Stage; readonly code: string; readonly message: string };
  /** The server's certificate, those behind it, and the authority where it is known; empty before a handshake. */
  readonly chain: readonly X509Certificate[];
  /** OpenSSL's word for what is wrong with the chain; absent when it is trusted. */
  readonly distrust?: string;
  /** Milliseconds from the first packet to the end of the handshake. */
  readonly handshakeMs?: number;
  readonly answer?: ProbeAnswer;
}

export interface ProbeAnswer {
  readonly status: number;
  readonly body: string;
  /** What the server's clock said, in milliseconds since 1970; it counts seconds. */
  readonly serverMs?: number;
  /** What the clock here said in the middle of the request. */
  readonly localMs: number;
}

export interface ProbeOptions {
  readonly endpoint: Pick<Endpoint, "host" | "port" | "authority" | "prefix">;
  /** PEM; undefined for what Node.js brings. */
  readonly ca: readonly string[];
  readonly certificate: ClientCertificate | undefined;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

/** Largest answer that is read. */
const MAX_BODY_BYTES = 1024 * 1024;
/** Longest chain that is looked at. */
const MAX_CHAIN = 10;

/** `GET path`. Never rejects but for the signal. */
export async function probe(path: string, options: ProbeOptions): Promise<Probe> {
  const { endpoint, ca, certificate, timeoutMs, signal } = options;
  const deadline = AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]);
  const startedMs = performance.now();
  let stage: Stage = "connect";
  let handshakeMs: number | undefined;
  let chain: readonly X509Certificate[] = [];
  let distrust: string | undefined;
  const socket = connect({
    host: endpoint.host,
    port: endpoint.port,
    ...(isIP(endpoint.host) === 0 ? { servername: endpoint.host } : {}),
    ca: [...ca],
    ...(certificate === undefined ? {} : { cert: certificate.cert, key: certificate.key }),
    ALPNProtocols: ["http/1.1"],
    // What is wrong is to be told, not to end the look. Nothing secret is sent on this connection.
    rejectUnauthorized: false,
    // Names are looked at apart from trust, so that both are told.
    checkServerIdentity: () => undefined,
  });
  const stop = (): void => void socket.destroy(new Timeout("no answer in time"));
  deadline.addEventListener("abort", stop, { once: true });
  socket.once("connect", () => {
    stage = "handshake";
  });
  socket.once("secureConnect", () => {
    stage = "answer";
    handshakeMs = performance.now() - startedMs;
    chain = chainOf(socket);
    if (!socket.authorized) distrust = reasonOf(socket.authorizationError);
  });
  const seen = (): Pick<Probe, "chain" | "distrust" | "handshakeMs"> => ({
    chain,
    ...(distrust === undefined ? {} : { distrust }),
    ...(handshakeMs === undefined ? {} : { handshakeMs }),
  });
  try {
    const answer = await ask(socket, endpoint, path);
    return { ...seen(), answer };
  } catch (error) {
    signal.throwIfAborted();
    return { ...seen(), failed: { stage, code: codeOf(error), message: messageOf(error) } };
  } finally {
    deadline.removeEventListener("abort", stop);
    socket.destroy();
  }
}

class Timeout extends Error {
  readonly code = "ETIMEDOUT";
}

function ask(
  socket: TLSSocket,
  { authority, prefix }: ProbeOptions["endpoint"],
  path: string,
): Promise<ProbeAnswer> {
  return new Promise((resolve, reject) => {
    socket.once("error", reject);
    socket.once("close", () => reject(Object.assign(new Error("connection closed"), { code: "ECONNRESET" })));
    const outgoing = request(
      {
        createConnection: () => socket,
        method: "GET",
        path: prefix + path,
        headers: { host: authority, connection: "close" },
      },
      (incoming) => {
        const chunks: Buffer[] = [];
        let size = 0;
        incoming.on("data", (chunk: Buffer) => {
          size += chunk.length;
          if (size > MAX_BODY_BYTES) incoming.destroy(new Error("the answer is too long"));
          else chunks.push(chunk);
        });
        incoming.on("error", reject);
        incoming.on("end", () => {
          const serverMs = Date.parse(incoming.headers.date ?? "");
          resolve({
            status: incoming.statusCode ?? 0,
            body: Buffer.concat(chunks).toString("utf8"),
            localMs: (sentMs + Date.now()) / 2,
            ...(Number.isNaN(serverMs) ? {} : { serverMs }),
          });
        });
      },
    );
    let sentMs = Date.now();
    outgoing.on("error", reject);
    socket.once("secureConnect", () => {
      sentMs = Date.now();
      outgoing.end();
    });
  });
}

function chainOf(socket: TLSSocket): readonly X509Certificate[] {
  const chain: X509Certificate[] = [];
  let next: DetailedPeerCertificate | undefined = socket.getPeerCertificate(true);
  while (next?.raw !== undefined && chain.length < MAX_CHAIN) {
    chain.push(new X509Certificate(next.raw));
    // The last one is its own issuer.
    next = next.issuerCertificate === next ? undefined : next.issuerCertificate;
  }
  return chain;
}

function codeOf(error: unknown): string {
  return error instanceof Error && "code" in error ? String(error.code) : "";
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** Types say that it is an error; it is mostly the code as text. */
function reasonOf(reason: unknown): string {
  return codeOf(reason) || messageOf(reason);
}

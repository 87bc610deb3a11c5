/** A key server made of `node:tls` and hand-written HTTP/1.1, which does to its clients what it is told. */
import { createServer as createTcpServer, type Socket } from "node:net";
import { createServer, type TLSSocket } from "node:tls";
import { selfSigned, type TestCertificate } from "./certificates.js";

/** A request as it came, read to its end. */
export interface SeenRequest {
  readonly method: string;
  readonly path: string;
  readonly body: string;
  /** Which of the server's connections it came on, from 1. */
  readonly connection: number;
}

/** Where a behaviour acts. */
export interface Turn {
  readonly socket: TLSSocket;
  /** Ends the TCP connection with RST. */
  reset(): void;
}

/** What the server does with one request, after it was read. */
export type Behaviour = (turn: Turn, request: SeenRequest) => void;

export interface MisbehavingServer {
  readonly url: string;
  readonly ca: TestCertificate;
  readonly seen: readonly SeenRequest[];
  readonly connections: number;
  /** For the next requests, one each; then `always`. */
  plan(...behaviours: Behaviour[]): void;
  always: Behaviour;
  /** How many of the next TCP connections are reset before the handshake. */
  refuse: number;
  close(): Promise<void>;
}

export const answer =
  (status: number, body: string, type = "application/json", more = ""): Behaviour =>
  ({ socket }) => {
    const length = Buffer.byteLength(body);
    socket.write(
      `HTTP/1.1 ${status} Status\r\ncontent-type: ${type}\r\n${more}content-length: ${length}\r\n\r\n${body}`,
    );
  };

/** Writes what it is given, then closes. */
export const raw =
  (bytes: string): Behaviour =>
  ({ socket }) =>
    socket.end(bytes);

export const works = answer(200, '{"ok":true}');

/** @param ca - the server's certificate; default: one of its own */
export async function startMisbehavingServer(
  ca = selfSigned({ algorithm: "p256" }),
): Promise<MisbehavingServer> {
  const seen: SeenRequest[] = [];
  const planned: Behaviour[] = [];
  const sockets = new Set<Socket>();
  let connections = 0;
  const tls = createServer({
    key: ca.keyPem,
    cert: ca.certPem,
    requestCert: true,
    rejectUnauthorized: false,
    ALPNProtocols: ["http/1.1"],
  });
  const under = new Map<number, Socket>();
  tls.on("tlsClientError", () => undefined);
  tls.on("secureConnection", (socket) => {
    const connection = ++connections;
    let received = Buffer.alloc(0);
    socket.on("error", () => undefined);
    socket.on("data", (chunk: Buffer) => {
      received = Buffer.concat([received, chunk]);
      const request = parse(received, connection);
      if (request === undefined) return;
      received = received.subarray(request.length);
      if (Object.keys(socket.getPeerCertificate()).length === 0) throw new Error("no client certificate");
      seen.push(request.seen);
      const reset = (): void => void under.get(socket.remotePort ?? 0)?.resetAndDestroy();
      (planned.shift() ?? server.always)({ socket, reset }, request.seen);
    });
  });
  const tcp = createTcpServer((socket) => {
    socket.on("error", () => undefined);
    if (server.refuse > 0) {
      server.refuse--;
      socket.resetAndDestroy();
      return;
    }
    sockets.add(socket);
    const port = socket.remotePort ?? 0;
    under.set(port, socket);
    socket.on("close", () => {
      sockets.delete(socket);
      under.delete(port);
    });
    tls.emit("connection", socket);
  });
  await new Promise<void>((resolve) => tcp.listen(0, "127.0.0.1", resolve));
  const address = tcp.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  const server: MisbehavingServer = {
    url: `https://127.0.0.1:${port}`,
    ca,
    seen,
    get connections() {
      return connections;
    },
    plan: (...behaviours) => void planned.push(...behaviours),
    always: works,
    refuse: 0,
    async close() {
      const closed = new Promise((resolve) => tcp.close(resolve));
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
  return server;
}

function parse(bytes: Buffer, connection: number): { seen: SeenRequest; length: number } | undefined {
  const headEnd = bytes.indexOf("\r\n\r\n");
  if (headEnd < 0) return undefined;
  const head = bytes.toString("latin1", 0, headEnd);
  const [method = "", path = ""] = head.split(" ", 2);
  const size = Number(/^content-length: (\d+)$/im.exec(head)?.[1] ?? 0);
  const length = headEnd + 4 + size;
  if (bytes.length < length) return undefined;
  return { seen: { method, path, body: bytes.toString("utf8", headEnd + 4, length), connection }, length };
}

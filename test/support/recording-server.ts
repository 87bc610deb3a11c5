/** A TLS server for both versions of HTTP that notes what each connection and request looked like. */

import type { ServerResponse } from "node:http";
import {
  createSecureServer,
  type Http2SecureServer,
  type IncomingHttpHeaders,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from "node:http2";
import { createServer } from "node:https";
import type { Socket } from "node:net";
import type { TLSSocket } from "node:tls";
import { identityOfCertificate } from "../../src/identity/certificate.js";
import { selfSigned, type TestCertificate } from "./certificates.js";

export interface SeenConnection {
  readonly protocol: string;
  readonly isResumed: boolean;
  readonly identity: string | undefined;
  readonly serialNumber: string | undefined;
  readonly socket: TLSSocket;
}

export interface SeenCall {
  readonly method: string;
  readonly path: string;
  readonly body: string;
  readonly headers: IncomingHttpHeaders;
  /** Index into the connections. */
  readonly connection: number;
  /** HTTP/2 alone. */
  readonly stream: ServerHttp2Stream | undefined;
  readonly session: ServerHttp2Session | undefined;
  /** HTTP/1.1 alone. */
  readonly response: ServerResponse | undefined;
  reply(status: number, body?: string): void;
  /** Begins an answer that goes on. */
  begin(status: number, contentType: string): void;
  write(text: string): boolean;
  end(): void;
}

export interface RecordingServer {
  readonly port: number;
  readonly url: string;
  readonly ca: TestCertificate;
  readonly connections: readonly SeenConnection[];
  readonly calls: readonly SeenCall[];
  /** Sockets that are open now. */
  readonly open: number;
  handle: (call: SeenCall) => void;
  close(): Promise<void>;
}

/** Answers every call with 200 and its own body, unless told otherwise. */
export async function startRecordingServer(
  options: { readonly ca?: TestCertificate; readonly http2?: boolean; readonly maxStreams?: number } = {},
): Promise<RecordingServer> {
  const ca = options.ca ?? selfSigned({ algorithm: "p256" });
  const connections: SeenConnection[] = [];
  const calls: SeenCall[] = [];
  const sockets = new Set<Socket>();
  const indexes = new Map<number, number>();
  const settings = { key: ca.keyPem, cert: ca.certPem, requestCert: true, rejectUnauthorized: false };
  const streams = { maxConcurrentStreams: options.maxStreams ?? 250 };
  const tls =
    options.http2 === false
      ? (createServer(settings) as unknown as Http2SecureServer)
      : createSecureServer({ ...settings, allowHTTP1: true, settings: streams });
  tls.on("connection", (socket: Socket) => {
    sockets.add(socket);
    socket.on("error", () => undefined);
    socket.on("close", () => sockets.delete(socket));
  });
  tls.on("secureConnection", (socket: TLSSocket) => {
    socket.on("error", () => undefined);
    const { raw, serialNumber } = socket.getPeerCertificate();
    indexes.set(socket.remotePort ?? 0, connections.length);
    connections.push({
      protocol: String(socket.alpnProtocol),
      isResumed: socket.isSessionReused(),
      identity: raw === undefined ? undefined : identityOfCertificate(raw),
      serialNumber,
      socket,
    });
  });
  tls.on("sessionError", () => undefined);
  tls.on("request", (request, response) => {
    const stream = request.stream as ServerHttp2Stream | undefined;
    const isH2 = request.httpVersionMajor === 2;
    let body = "";
    request.setEncoding("utf8");
    request.on("error", () => undefined);
    response.on("error", () => undefined);
    request.on("data", (chunk: string) => {
      body += chunk;
    });
    request.on("end", () => {
      const call: SeenCall = {
        method: request.method,
        path: request.url,
        body,
        headers: request.headers,
        connection: indexes.get(request.socket.remotePort ?? 0) ?? -1,
        stream: isH2 ? stream : undefined,
        session: isH2 ? (stream?.session as ServerHttp2Session | undefined) : undefined,
        response: isH2 ? undefined : (response as unknown as ServerResponse),
        reply: (status, text = "") => {
          response.writeHead(status, {
            "content-type": "application/json",
            "content-length": Buffer.byteLength(text),
          });
          response.end(text);
        },
        begin: (status, contentType) => {
          response.writeHead(status, { "content-type": contentType });
          (response as unknown as ServerResponse).flushHeaders();
        },
        write: (text) => response.write(text),
        end: () => void response.end(),
      };
      calls.push(call);
      server.handle(call);
    });
  });
  await new Promise<void>((resolve) => tls.listen(0, "127.0.0.1", resolve));
  const address = tls.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  const server: RecordingServer = {
    port,
    url: `https://127.0.0.1:${port}`,
    ca,
    connections,
    calls,
    get open() {
      return sockets.size;
    },
    handle: (call) => call.reply(200, call.body),
    async close() {
      const closed = new Promise((resolve) => tls.close(resolve));
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
  return server;
}

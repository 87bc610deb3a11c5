/** HTTP/1.1 as bytes on a TLS socket, for requests that no client library would send. */
import { type ConnectionOptions, connect, type TLSSocket } from "node:tls";
import type { TestCertificate } from "./certificates.js";

/** An answer, or why there was none. */
export interface RawAnswer {
  /** 0 when the connection or the stream ended without one. */
  readonly status: number;
  /** Lower-case name → values in order. */
  readonly headers: ReadonlyMap<string, readonly string[]>;
  readonly body: Buffer;
  /** Bytes of the head as received; HTTP/1.1 alone. */
  readonly head: string;
}

/** What a client shows. */
export type Credentials = Pick<TestCertificate, "certPem" | "keyPem">;

const DEADLINE_MS = 5_000;

/** A TLS connection with `client`'s certificate; the server's is not verified. */
export function connectTls(
  port: number,
  client: Credentials | undefined,
  options: ConnectionOptions = {},
): Promise<TLSSocket> {
  return new Promise((resolve, reject) => {
    const socket = connect({
      host: "127.0.0.1",
      port,
      rejectUnauthorized: false,
      ...(client === undefined ? {} : { cert: client.certPem, key: client.keyPem }),
      ...options,
    });
    socket.once("secureConnect", () => resolve(socket));
    socket.once("error", reject);
  });
}

/** Sends `bytes` on a connection of its own and reads one answer. */
export async function rawHttp1(
  port: number,
  client: Credentials | undefined,
  bytes: string | Buffer,
): Promise<RawAnswer> {
  const socket = await connectTls(port, client, { ALPNProtocols: ["http/1.1"] });
  try {
    socket.write(bytes);
    return await readAnswer(socket, /^HEAD /.test(bytes.toString("latin1", 0, 5)));
  } finally {
    socket.destroy();
  }
}

/** Reads one answer to its end, by its length or by the end of the connection. */
export function readAnswer(socket: TLSSocket, headOnly = false): Promise<RawAnswer> {
  return new Promise((resolve, reject) => {
    let received = Buffer.alloc(0);
    const timer = setTimeout(() => reject(new Error("no answer in time")), DEADLINE_MS);
    const settle = (ended: boolean): void => {
      const answer = parseAnswer(received, ended, headOnly);
      if (answer === undefined) return;
      clearTimeout(timer);
      socket.off("data", onData);
      socket.off("close", onEnd);
      resolve(answer);
    };
    const onData = (chunk: Buffer): void => {
      received = Buffer.concat([received, chunk]);
      settle(false);
    };
    const onEnd = (): void => settle(true);
    socket.on("data", onData);
    socket.on("close", onEnd);
    // What came before a reset still counts; `close` follows.
    socket.on("error", () => undefined);
    if (socket.destroyed) settle(true);
  });
}

function parseAnswer(bytes: Buffer, ended: boolean, headOnly: boolean): RawAnswer | undefined {
  const headEnd = bytes.indexOf("\r\n\r\n");
  if (headEnd < 0) return ended ? { status: 0, headers: new Map(), body: bytes, head: "" } : undefined;
  const head = bytes.toString("latin1", 0, headEnd + 4);
  const [statusLine = "", ...lines] = head.trimEnd().split("\r\n");
  const headers = new Map<string, string[]>();
  for (const line of lines) {
    const colon = line.indexOf(":");
    const name = line.slice(0, colon).toLowerCase();
    headers.set(name, [...(headers.get(name) ?? []), line.slice(colon + 1).trim()]);
  }
  const status = Number(/^HTTP\/1\.[01] (\d{3})/.exec(statusLine)?.[1] ?? 0);
  const rest = bytes.subarray(headEnd + 4);
  const body = headOnly ? Buffer.alloc(0) : bodyOf(rest, headers, ended);
  return body === undefined ? undefined : { status, headers, body, head };
}

function bodyOf(
  rest: Buffer,
  headers: ReadonlyMap<string, readonly string[]>,
  ended: boolean,
): Buffer | undefined {
  const length = headers.get("content-length")?.[0];
  if (length !== undefined)
    return rest.length >= Number(length) ? rest.subarray(0, Number(length)) : undefined;
  if (headers.get("transfer-encoding")?.[0] !== "chunked") return ended ? rest : undefined;
  const chunks: Buffer[] = [];
  for (let at = 0; ; ) {
    const lineEnd = rest.indexOf("\r\n", at);
    if (lineEnd < 0) return undefined;
    const size = Number.parseInt(rest.toString("latin1", at, lineEnd), 16);
    if (rest.length < lineEnd + 4 + size) return undefined;
    if (size === 0) return Buffer.concat(chunks);
    chunks.push(rest.subarray(lineEnd + 2, lineEnd + 2 + size));
    at = lineEnd + 4 + size;
  }
}

/** What a hostile client does to a connection. Every function resolves when its connections are closed, or says so. */
import { once } from "node:events";
import { connect as connectTcp, type Socket } from "node:net";
import type { TLSSocket } from "node:tls";
import { type Credentials, connectTls } from "./raw-http1.js";
import {
  ACK,
  DATA,
  END_HEADERS,
  END_STREAM,
  encode,
  type Fields,
  frame,
  HEADERS,
  PREFACE,
  RST_STREAM,
  SETTINGS,
} from "./raw-http2.js";

const CONTINUATION = 0x9;
const DEADLINE_MS = 8_000;

/** Whom to attack, and as whom. */
export interface Victim {
  readonly port: number;
  readonly admin: Credentials;
}

/** What came back on a connection until the other side closed it. */
export interface Received {
  readonly text: string;
  readonly ms: number;
}

/** Reads until the server ends the connection. */
export function untilClosed(socket: Socket, deadlineMs = DEADLINE_MS): Promise<Received> {
  const startedMs = performance.now();
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    const timer = setTimeout(() => {
      socket.destroy();
      reject(new Error(`the server did not close the connection within ${deadlineMs} ms`));
    }, deadlineMs);
    socket.on("data", (chunk: Buffer) => chunks.push(chunk));
    socket.on("error", () => undefined);
    const done = (): void => {
      clearTimeout(timer);
      socket.destroy();
      resolve({ text: Buffer.concat(chunks).toString("latin1"), ms: performance.now() - startedMs });
    };
    socket.on("close", done);
    if (socket.destroyed) done();
  });
}

/** A TCP connection that says nothing. */
export async function connectRaw(port: number): Promise<Socket> {
  const socket = connectTcp({ host: "127.0.0.1", port, noDelay: true });
  socket.on("error", () => undefined);
  await once(socket, "connect");
  return socket;
}

export async function overH1(victim: Victim): Promise<TLSSocket> {
  return (await withRaw(victim, "http/1.1")).socket;
}

/** A TLS connection, and the TCP connection under it for whoever wants to break that. */
export async function withRaw(
  victim: Victim,
  protocol: "h2" | "http/1.1",
): Promise<{ readonly socket: TLSSocket; readonly raw: Socket }> {
  const raw = await connectRaw(victim.port);
  const socket = await connectTls(victim.port, victim.admin, { ALPNProtocols: [protocol], socket: raw });
  socket.on("error", () => undefined);
  return { socket, raw };
}

/** An HTTP/2 connection whose preface and settings are sent. */
export async function overH2(victim: Victim, settings: Buffer = NO_TABLE): Promise<TLSSocket> {
  const { socket } = await withRaw(victim, "h2");
  socket.write(h2Start(settings));
  return socket;
}

/** What an HTTP/2 client sends first. */
export function h2Start(settings: Buffer = NO_TABLE): Buffer {
  return Buffer.concat([PREFACE, frame(SETTINGS, 0, 0, settings), frame(SETTINGS, ACK, 0)]);
}

/** HEADER_TABLE_SIZE 0. */
const NO_TABLE = Buffer.from([0, 1, 0, 0, 0, 0]);
/** INITIAL_WINDOW_SIZE 0: not one byte of an answer's body may be sent. */
export const NO_WINDOW = Buffer.from([0, 4, 0, 0, 0, 0]);

export function requestFields(method: string, path: string): Fields {
  return [
    [":method", method],
    [":scheme", "https"],
    [":authority", "127.0.0.1"],
    [":path", path],
  ];
}

/** One request as HEADERS frame, on the `index`-th stream of its connection. */
export function headersFrame(index: number, fields: Fields, hasBody = false): Buffer {
  return frame(HEADERS, END_HEADERS | (hasBody ? 0 : END_STREAM), index * 2 + 1, encode(fields));
}

export function dataFrame(index: number, data: Buffer, isLast = false): Buffer {
  return frame(DATA, isLast ? END_STREAM : 0, index * 2 + 1, data);
}

/** RST_STREAM, with CANCEL unless another code is given. */
export function resetFrame(index: number, code = 8): Buffer {
  return frame(RST_STREAM, 0, index * 2 + 1, Buffer.from([0, 0, 0, code]));
}

/** One header block without end: `count` CONTINUATION frames of `bytes` each. */
export function continuationFlood(count: number, bytes: number): Buffer {
  const piece = encode([["x", "a".repeat(bytes)]]);
  const block = frame(HEADERS, END_STREAM, 1, encode(requestFields("GET", "/version")));
  return Buffer.concat([block, ...Array.from({ length: count }, () => frame(CONTINUATION, 0, 1, piece))]);
}

/**
 * One field of 4,000 bytes in the table of the decompressor (RFC 7541 §6.2.1), then `count` references to it of one
 * byte each.
 */
export function hpackBomb(count: number): Buffer {
  const literal = Buffer.from(encode([["x-bomb", "b".repeat(4000)]]));
  // Literal with incremental indexing instead of without.
  literal[0] = 0x40;
  const references = Buffer.alloc(count, 0x80 | 62);
  const block = Buffer.concat([encode(requestFields("GET", "/version")), literal, references]);
  return frame(HEADERS, END_HEADERS | END_STREAM, 1, block);
}

/** Writes `bytes` one at a time, as slowly as a client may, until the connection is gone. */
export function trickle(socket: Socket, byte: string, everyMs: number): void {
  const timer = setInterval(() => socket.write(byte), everyMs);
  socket.once("close", () => clearInterval(timer));
}

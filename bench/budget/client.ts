/** Sends requests in bursts of 16: so many wake the server once, however busy the machine is. */
import { type ClientHttp2Session, connect as connectH2 } from "node:http2";
import { connect, type TLSSocket } from "node:tls";
import type { Address } from "./protocol.js";
import { REQUEST } from "./reference.js";

export const BURST = 16;
const CONTEXT = Buffer.from('{"bucket":"bucket/some/object-1"}').toString("base64");

export interface Client {
  /** Sends {@link BURST} requests and resolves to the answers. */
  burst(body: string): Promise<readonly string[]>;
  close(): void;
}

/** @param path - `/v1/key/generate/x` */
export type Connect = (to: Address, path: string) => Promise<Client>;

export const connectHttp2: Connect = async (to, path) => {
  const session = await new Promise<ClientHttp2Session>((resolve, reject) => {
    const made = connectH2(`https://127.0.0.1:${to.port}`, credentials(to), () => resolve(made));
    made.once("error", reject);
  });
  const ask = (body: string): Promise<string> =>
    new Promise((resolve, reject) => {
      const stream = session.request({ ":method": "PUT", ":path": path, "content-type": "application/json" });
      let text = "";
      stream.setEncoding("utf8");
      stream.on("response", (headers) => {
        if (headers[":status"] !== 200) reject(new Error(`status ${headers[":status"]}`));
      });
      stream.on("data", (piece: string) => {
        text += piece;
      });
      stream.on("error", reject);
      stream.on("end", () => resolve(text));
      stream.end(body);
    });
  return {
    burst: (body) => Promise.all(Array.from({ length: BURST }, () => ask(body))),
    close: () => session.destroy(),
  };
};

/** Pipelined: all requests in one write. */
export const connectHttp1: Connect = async (to, path) => {
  const socket = await open(to, "http/1.1");
  return {
    burst(body) {
      const head = `PUT ${path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n`;
      const one = `${head}Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;
      return exchange(socket, one.repeat(BURST), takeHttp1);
    },
    close: () => socket.destroy(),
  };
};

export const connectReference: Connect = async (to) => {
  const socket = await open(to);
  const bytes = Buffer.concat(Array.from({ length: BURST }, () => REQUEST));
  return { burst: () => exchange(socket, bytes, takeLine), close: () => socket.destroy() };
};

/** The body of a generate. */
export const generateBody = JSON.stringify({ context: CONTEXT });
/** The body of a decrypt of what a generate answered. */
export function decryptBody(answer: string): string {
  const { ciphertext } = JSON.parse(answer) as { ciphertext: string };
  return JSON.stringify({ ciphertext, context: CONTEXT });
}

/** The first answer in `text` and what is behind it, or undefined when it is not whole yet. */
type Take = (text: string) => { readonly answer: string; readonly rest: string } | undefined;

function takeHttp1(text: string): ReturnType<Take> {
  const end = text.indexOf("\r\n\r\n");
  if (end < 0) return undefined;
  const head = text.slice(0, end);
  if (!head.startsWith("HTTP/1.1 200 ")) throw new Error(head);
  const length = Number(/^content-length: (\d+)$/im.exec(head)?.[1] ?? Number.NaN);
  if (Number.isNaN(length)) throw new Error(`no length: ${head}`);
  const from = end + 4;
  if (text.length < from + length) return undefined;
  return { answer: text.slice(from, from + length), rest: text.slice(from + length) };
}

function takeLine(text: string): ReturnType<Take> {
  const end = text.indexOf("\n");
  return end < 0 ? undefined : { answer: text.slice(0, end), rest: text.slice(end + 1) };
}

function exchange(socket: TLSSocket, bytes: string | Buffer, take: Take): Promise<readonly string[]> {
  return new Promise((resolve, reject) => {
    const answers: string[] = [];
    let text = "";
    const settle = (error?: Error): void => {
      socket.off("data", onData).off("close", onClose).off("error", settle);
      if (error === undefined) resolve(answers);
      else reject(error);
    };
    const onClose = (): void => settle(new Error("the connection was closed"));
    const onData = (piece: string): void => {
      text += piece;
      try {
        for (let taken = take(text); taken !== undefined; taken = take(text)) {
          answers.push(taken.answer);
          text = taken.rest;
        }
      } catch (error) {
        return settle(error instanceof Error ? error : new Error(String(error)));
      }
      if (answers.length === BURST) settle();
    };
    socket.on("data", onData).on("close", onClose).on("error", settle);
    socket.write(bytes);
  });
}

function open(to: Address, alpn?: string): Promise<TLSSocket> {
  return new Promise((resolve, reject) => {
    const socket = connect(
      {
        host: "127.0.0.1",
        port: to.port,
        ...credentials(to),
        ...(alpn === undefined ? {} : { ALPNProtocols: [alpn] }),
      },
      () => resolve(socket),
    );
    socket.setEncoding("utf8");
    socket.setNoDelay(true);
    socket.once("error", reject);
  });
}

/** Whom the client talks to is the test's own child. */
function credentials({ cert, key }: Address): { cert: string; key: string; rejectUnauthorized: boolean } {
  return { cert, key, rejectUnauthorized: false };
}

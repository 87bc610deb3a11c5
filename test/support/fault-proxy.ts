/** An HTTP proxy in front of a server that others wrote, which loses, delays, damages and doubles what passes. */
import {
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  request,
  type Server,
  type ServerResponse,
} from "node:http";
import type { AddressInfo } from "node:net";

/** What happens to one request. */
export type Fault =
  /** The connection is closed before anything is passed on. */
  | "lose the request"
  /** The server does it, and the connection is closed instead of an answer. */
  | "lose the answer"
  /** The server does it, and half of the answer arrives. */
  | "cut the answer"
  /** The server does it twice; the second answer arrives. */
  | "double the request"
  /** Nothing is passed on, and nothing is answered. */
  | "hang"
  /** The server does it, and nothing is answered. */
  | "hang after it"
  /** Not passed on; an answer in the proxy's own name. */
  | { readonly status: number; readonly body?: string; readonly headers?: Readonly<Record<string, string>> };

/** The fault of a request; undefined passes it on as it is. */
export type FaultScript = (method: string, path: string, headers: IncomingHttpHeaders) => Fault | undefined;

interface Answer {
  readonly status: number;
  readonly type: string;
  readonly body: Buffer;
}

export class FaultProxy {
  readonly url: string;
  /** Method and path of each request, as it came. */
  readonly seen: string[] = [];
  script: FaultScript = () => undefined;
  /** Connections that were made so far. */
  connections = 0;
  /** `X-Vault-Token` of the last request that had one. */
  lastToken: string | undefined;
  readonly #server: Server;

  private constructor(server: Server, url: string) {
    this.#server = server;
    this.url = url;
  }

  /** @param target - `http://host:port` */
  static async start(target: string): Promise<FaultProxy> {
    const server = createServer((incoming, outgoing) => {
      proxy.#serve(target, incoming, outgoing).catch(() => outgoing.destroy());
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as AddressInfo;
    const proxy = new FaultProxy(server, `http://127.0.0.1:${port}`);
    server.on("connection", () => proxy.connections++);
    return proxy;
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }

  /** Ends all connections, and refuses new ones until {@link accept}. */
  refuse(): Promise<void> {
    return this.stop();
  }

  /** After {@link refuse}, at the same address. */
  async accept(): Promise<void> {
    const port = Number(new URL(this.url).port);
    await new Promise<void>((resolve, reject) => {
      this.#server.once("error", reject).listen(port, "127.0.0.1", resolve);
    });
  }

  async #serve(target: string, incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    const { method = "", url = "" } = incoming;
    this.seen.push(`${method} ${url}`);
    const token = incoming.headers["x-vault-token"];
    if (typeof token === "string") this.lastToken = token;
    const body = await bytesOf(incoming);
    const fault = this.script(method, url, incoming.headers);
    if (fault === "lose the request") return void incoming.socket.destroy();
    if (fault === "hang") return;
    if (typeof fault === "object") {
      outgoing.writeHead(fault.status, { "content-type": "text/html", ...fault.headers });
      return void outgoing.end(fault.body ?? "<html>no</html>");
    }
    let answer = await pass(target, incoming, body);
    if (fault === "double the request") answer = await pass(target, incoming, body);
    if (fault === "lose the answer") return void incoming.socket.destroy();
    if (fault === "hang after it") return;
    outgoing.writeHead(answer.status, { "content-type": answer.type, "content-length": answer.body.length });
    if (fault === "cut the answer") {
      outgoing.write(answer.body.subarray(0, answer.body.length / 2), () => incoming.socket.destroy());
      return;
    }
    outgoing.end(answer.body);
  }
}

async function bytesOf(stream: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks);
}

function pass(target: string, { method, url, headers }: IncomingMessage, body: Buffer): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const { host: _, connection: __, "transfer-encoding": ___, ...rest } = headers;
    const call = request(`${target}${url}`, {
      method: method ?? "GET",
      headers: { ...rest, "content-length": String(body.length) },
    });
    call.on("error", reject);
    call.on("response", (response) => {
      bytesOf(response).then((bytes) => {
        const type = response.headers["content-type"] ?? "";
        resolve({ status: response.statusCode ?? 0, type, body: bytes });
      }, reject);
    });
    call.end(body);
  });
}

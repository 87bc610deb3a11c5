/**
 * Health checks without TLS, for load balancers and containers that have no client certificate. Knows `/live` and
 * `/ready` and nothing else, says nothing but yes or no, and leaves no record.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { ConfigError } from "../errors.js";

export interface HealthOptions {
  /** Keys can be served. Asked for each request. */
  readonly ready: () => Promise<boolean>;
  /** The operator should know (WARN). */
  readonly warn: (message: string) => void;
  /** Time for a whole request, and for a connection on which there is none. Usual: 5 s. */
  readonly timeoutMs?: number;
}

/** Connections at a time; further ones are closed at once. */
const MAX_CONNECTIONS = 256;
const TIMEOUT_MS = 5_000;
const MAX_HEADER_BYTES = 8 * 1024;

export class HealthListener {
  readonly #options: HealthOptions;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #draining = false;

  constructor(options: HealthOptions) {
    this.#options = options;
    const { timeoutMs = TIMEOUT_MS } = options;
    this.#server = createServer({
      maxHeaderSize: MAX_HEADER_BYTES,
      headersTimeout: timeoutMs,
      requestTimeout: timeoutMs,
      keepAliveTimeout: timeoutMs,
      connectionsCheckingInterval: Math.min(1_000, timeoutMs),
      insecureHTTPParser: false,
      requireHostHeader: false,
    });
    this.#server.timeout = timeoutMs;
    this.#server.on("connection", (socket) => this.#welcome(socket));
    this.#server.on("request", (request, response) => void this.#answer(request, response));
    // A check that waits to be asked for its body gets its answer instead.
    this.#server.on("checkContinue", (request, response) => void this.#answer(request, response));
    this.#server.on("clientError", (_error, socket) => socket.destroy());
  }

  /** @throws ConfigError when the address cannot be listened on */
  async listen(host: string, port: number): Promise<AddressInfo> {
    await new Promise<void>((resolve, reject) => {
      this.#server.once("error", (cause) => {
        const message = `cannot listen on ${host || "*"}:${port}: ${cause.message}; choose another address`;
        reject(new ConfigError([{ file: "server.health.address", message }]));
      });
      this.#server.listen({ port, ...(host === "" ? {} : { host }) }, resolve);
    });
    this.#server.on("error", (cause) => this.#options.warn(`health listener: ${cause.message}`));
    const address = this.#server.address();
    if (address === null || typeof address === "string")
      throw new Error("the health listener has no address");
    return address;
  }

  /** From now on `/ready` says no, so that no new clients are sent here. */
  drain(): void {
    this.#draining = true;
  }

  close(): void {
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
  }

  #welcome(socket: Socket): void {
    if (this.#sockets.size >= MAX_CONNECTIONS) return void socket.destroy();
    this.#sockets.add(socket);
    socket.once("close", () => this.#sockets.delete(socket));
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method, url = "" } = request;
    const path = url.split("?", 1)[0];
    if (path !== "/live" && path !== "/ready") return send(response, 404, "not found");
    if (method !== "GET" && method !== "HEAD") return send(response, 405, "method not allowed");
    if (path === "/live") return send(response, 200, "ok");
    let ready = false;
    try {
      ready = !this.#draining && (await this.#options.ready());
    } catch (error) {
      this.#options.warn(
        `readiness could not be found out: ${error instanceof Error ? error.message : error}`,
      );
    }
    send(response, ready ? 200 : 503, ready ? "ok" : "not ready");
  }
}

function send(response: ServerResponse, status: number, text: string): void {
  const { req } = response;
  const isBodyless = req.headers["transfer-encoding"] === undefined && !Number(req.headers["content-length"]);
  const body = `${text}\n`;
  response.writeHead(status, {
    "content-type": "text/plain; charset=utf-8",
    "content-length": body.length,
    "cache-control": "no-store",
    ...(status === 405 ? { allow: "GET, HEAD" } : {}),
    // A body is not read, so nothing can follow it.
    ...(isBodyless ? {} : { connection: "close" }),
  });
  response.end(req.method === "HEAD" ? undefined : body);
}

/** A TCP relay in front of a server that lets a request through and cuts the connection before its answer. */
import { connect, createServer, type Server, type Socket } from "node:net";

export class AnswerCutter {
  readonly port: number;
  /** Connections that were cut so far. */
  cuts = 0;
  #left = 0;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  private constructor(server: Server, port: number) {
    this.#server = server;
    this.port = port;
  }

  /** Relays a port of its own to `to` on this machine. */
  static async start(to: number): Promise<AnswerCutter> {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const address = server.address();
    if (address === null || typeof address === "string") throw new Error("no port");
    const cutter = new AnswerCutter(server, address.port);
    server.on("connection", (client) => cutter.#relay(client, connect(to, "127.0.0.1")));
    return cutter;
  }

  /** The next `times` pieces of what the server sends are lost, each with its connection. */
  cut(times = 1): void {
    this.#left = times;
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #relay(client: Socket, server: Socket): void {
    for (const socket of [client, server]) {
      this.#sockets.add(socket);
      // Either end may go first; the other hears of it by `close`.
      socket
        .on("error", () => undefined)
        .on("close", () => {
          this.#sockets.delete(socket);
          client.destroy();
          server.destroy();
        });
    }
    client.on("data", (bytes) => server.write(bytes));
    server.on("data", (bytes) => {
      if (this.#left === 0) {
        client.write(bytes);
        return;
      }
      this.#left--;
      this.cuts++;
      client.destroy();
    });
  }
}

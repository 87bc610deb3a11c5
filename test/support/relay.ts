/** Passes TCP connections on to a port, until a test breaks them. */
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";

export class Relay {
  readonly port: number;
  readonly #server: Server;
  readonly #sockets: Set<Socket>;

  private constructor(server: Server, port: number, sockets: Set<Socket>) {
    this.#server = server;
    this.port = port;
    this.#sockets = sockets;
  }

  /** @param open - makes the connection onward, TCP without it */
  static async to(
    port: number,
    open: () => Socket = () => connect({ port, host: "127.0.0.1", noDelay: true }),
  ): Promise<Relay> {
    const sockets = new Set<Socket>();
    const server = createServer({ noDelay: true }, (client) => {
      const onward = open();
      for (const [from, into] of [
        [client, onward],
        [onward, client],
      ] as const) {
        sockets.add(from);
        from.on("error", () => undefined);
        from.on("close", () => {
          sockets.delete(from);
          into.destroy();
        });
        from.pipe(into);
      }
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    return new Relay(server, (server.address() as AddressInfo).port, sockets);
  }

  /** Ends all connections; new ones are passed on. */
  breakAll(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  async stop(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    this.breakAll();
    await closed;
  }
}

/** Where connections come in: each is passed to the worker with the fewest. */
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { type ListenAt, listenOn } from "../listen-on.js";
import { leastLoaded } from "./spread.js";
import type { WorkerProcess } from "./worker-process.js";

/** Connections that come while no worker is up wait so long, so many of them. */
const LOBBY_MS = 5_000;
const MAX_LOBBY = 1_024;

export interface DoorwayOptions {
  readonly up: () => readonly WorkerProcess[];
  readonly warn: (message: string) => void;
}

export class Doorway {
  readonly #options: DoorwayOptions;
  readonly #server: Server;
  readonly #lobby = new Map<Socket, NodeJS.Timeout>();
  #last: WorkerProcess | undefined;
  #isClosed = false;

  constructor(options: DoorwayOptions) {
    this.#options = options;
    // Options of sockets go with them to the worker.
    const socketOptions = { noDelay: true, keepAlive: true, pauseOnConnect: true };
    this.#server = createServer(socketOptions, (socket) => this.dispatch(socket));
  }

  /** @throws ConfigError when the address cannot be listened on */
  async listen(at: ListenAt): Promise<AddressInfo> {
    const address = await listenOn(this.#server, at);
    // The kernel may refuse to hand over a connection (no descriptors, no memory): the next one may do.
    this.#server.on("error", ({ message }) => this.#options.warn(`cannot accept a connection: ${message}`));
    return address;
  }

  /** Passes a connection on, or has it wait for a worker. */
  dispatch(socket: Socket): void {
    const worker = leastLoaded(this.#options.up(), this.#last);
    this.#last = worker;
    if (worker !== undefined) return worker.pass(socket);
    if (this.#isClosed || this.#lobby.size >= MAX_LOBBY) return void socket.destroy();
    const refuse = (): void => this.#refuse(socket);
    this.#lobby.set(socket, setTimeout(refuse, LOBBY_MS));
    socket.once("close", refuse);
  }

  /** A worker is up: whoever waits goes to it. */
  opened(worker: WorkerProcess): void {
    for (const [socket, timer] of this.#lobby) {
      clearTimeout(timer);
      this.#lobby.delete(socket);
      socket.removeAllListeners("close");
      worker.pass(socket);
    }
  }

  /** Lets nobody in any more. */
  close(): void {
    this.#isClosed = true;
    this.#server.close();
    for (const socket of this.#lobby.keys()) this.#refuse(socket);
  }

  #refuse(socket: Socket): void {
    clearTimeout(this.#lobby.get(socket));
    this.#lobby.delete(socket);
    socket.destroy();
  }
}

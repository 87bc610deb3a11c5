/** HTTP/2 by `node:http2`: a server that never listens itself. */
import {
  createServer,
  type Http2Server,
  type IncomingHttpHeaders,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from "node:http2";
import type { TLSSocket } from "node:tls";
import type { Connection } from "../connections.js";
import type { Engine, EngineOptions } from "../engine.js";
import { MAX_HEADER_BYTES, MAX_STREAMS } from "../limits.js";
import { Http2Exchange } from "./h2.js";

export class NodeHttp2Engine implements Engine {
  readonly #options: EngineOptions;
  readonly #server: Http2Server;
  readonly #connectionOf = new WeakMap<object, Connection>();
  /** The connection whose session is being made: the session's event comes before `emit` returns. */
  #joining: Connection | undefined;

  constructor(options: EngineOptions) {
    this.#options = options;
    this.#server = this.#makeServer();
  }

  take(socket: TLSSocket, connection: Connection): void {
    this.#joining = connection;
    this.#server.emit("connection", socket);
  }

  close(): void {
    this.#server.close();
  }

  #makeServer(): Http2Server {
    const server = createServer({
      maxSessionMemory: 16,
      maxHeaderListPairs: 128,
      settings: {
        maxConcurrentStreams: MAX_STREAMS,
        maxHeaderListSize: MAX_HEADER_BYTES,
        enablePush: false,
      },
    });
    server.on("session", (session) => this.#startSession(session));
    type Fields = readonly string[];
    // Node documents the fourth argument, the fields as they were sent; its types do not have it on a server.
    const serve = (
      stream: ServerHttp2Stream,
      headers: IncomingHttpHeaders,
      _: number,
      fields: Fields,
    ): void => {
      const connection = stream.session && this.#connectionOf.get(stream.session);
      if (connection === undefined) {
        // Reset before we heard of it. Its error is still to come, and with nobody to take it would end the process.
        stream.on("error", () => undefined);
        return void stream.destroy();
      }
      connection.begin();
      this.#options.serve(new Http2Exchange(stream, headers, fields, connection, this.#options.bodies));
    };
    server.on("stream", serve);
    return server;
  }

  #startSession(session: ServerHttp2Session): void {
    const connection = this.#joining;
    if (connection === undefined) return session.destroy();
    connection.join(session, this.#options.limits.idleTimeoutMs);
    this.#connectionOf.set(session, connection);
    session.on("error", () => session.destroy());
  }
}

/**
 * What a socket brings, in memory that all connections of an engine share. A stream of Node's makes a buffer of its own
 * for each TLS record, each of which the allocator and the collector have to do with; clients that send a request in three
 * records cost more by that than by all that is done for the request.
 *
 * Node gives this to sockets that it makes (`onread` of `net.connect`) and has no public name for sockets that were
 * accepted. Where its inner names are others, the stream's chunks are taken instead.
 */
import type { Duplex } from "node:stream";

/** Takes what has come: the first `length` bytes of `bytes`, lent until it returns. */
export type Input = (bytes: Buffer, length: number) => void;

/** The most that a TLS record holds. Node asks for no more at a time. */
const INPUT_BYTES = 16 * 1024;

export class SocketInput {
  readonly #bytes: Buffer = Buffer.allocUnsafeSlow(INPUT_BYTES);

  /** Hands all that comes on `socket` from now on to `take`. The socket is paused and resumed as ever. */
  read(socket: Duplex, take: Input): void {
    const bytes = this.#bytes;
    const lend = (length: number): void => {
      take(bytes, length);
      // Requests are secrets; and whoever has kept a view of them by mistake shall be found out.
      bytes.fill(0, 0, length);
    };
    if (!divert(socket, bytes, lend)) {
      socket.on("data", (chunk: Buffer) => take(chunk, chunk.length));
      return;
    }
    for (let chunk: unknown = socket.read(); Buffer.isBuffer(chunk); chunk = socket.read())
      take(chunk, chunk.length);
    socket.resume();
  }
}

/** Has the socket's handle write to `bytes` and call `lend`. @returns whether it does */
function divert(socket: Duplex, bytes: Buffer, lend: (length: number) => void): boolean {
  const handle: unknown = Reflect.get(socket, "_handle");
  const use: unknown =
    typeof handle === "object" && handle !== null ? Reflect.get(handle, "useUserBuffer") : undefined;
  const own = Object.getOwnPropertySymbols(socket);
  const named = (name: string): symbol | undefined =>
    own.find((symbol) => symbol.description === name && Reflect.get(socket, symbol) === null);
  const [buffer, callback] = [named("kBuffer"), named("kBufferCb")];
  if (typeof use !== "function" || buffer === undefined || callback === undefined) return false;
  Reflect.set(socket, buffer, bytes);
  Reflect.set(socket, callback, lend);
  Reflect.apply(use, handle, [bytes]);
  return true;
}

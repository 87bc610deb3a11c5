/**
 * What a socket brings, in memory that all connections of an engine share. A stream of Node's makes a buffer of its own
 * for each TLS record, each of which the allocator and the collector have to do with; clients that send a request in three
 * records cost more by that than by all that is done for the request.
 *
 * Node gives this to sockets that it makes (`onread` of `net.connect`) and has no public name for sockets that were
 * accepted. Where its inner names are others, the stream's chunks are taken instead.
 *
 * Records that came together are handed over one after the other even when the first one has the socket paused: at most
 * as many as Node reads from the kernel at a time, 64 KiB.
 */
import type { Duplex } from "node:stream";
import { TLSSocket } from "node:tls";

/** Takes what has come: the first `length` bytes of `bytes`, lent until it returns. */
export type Input = (bytes: Buffer, length: number) => void;

/** The most that a TLS record holds. Node asks for no more at a time. */
const INPUT_BYTES = 16 * 1024;

export class SocketInput {
  readonly #bytes: Buffer = Buffer.alloc(INPUT_BYTES);
  /** Whom the bytes are lent to. */
  #reader: Duplex | undefined;
  // One for all sockets: a function of its own for each would be memory.
  readonly #clear = (): void => void this.#bytes.fill(0);

  /** Hands all that comes on `socket` from now on to `take`. The socket is paused and resumed as ever. */
  read(socket: Duplex, take: Input): void {
    const bytes = this.#bytes;
    if (!divert(socket, bytes, (length) => this.#lend(socket, take, length))) {
      socket.on("data", (chunk: Buffer) => take(chunk, chunk.length));
      return;
    }
    // Records behind the one that had the socket destroyed are written to memory as well, and nobody is told.
    socket.once("close", this.#clear);
    // First, so that whoever pauses at what came before is heard.
    socket.resume();
    for (let chunk: unknown = socket.read(); Buffer.isBuffer(chunk); chunk = socket.read())
      take(chunk, chunk.length);
  }

  #lend(socket: Duplex, take: Input, length: number): void {
    const outer = this.#reader;
    // Node never reads while it is read from. Did it, the other one's bytes were written over, and he must not go on.
    if (outer !== undefined) outer.destroy();
    this.#reader = socket;
    try {
      take(this.#bytes, length);
    } finally {
      this.#reader = outer;
      // Requests are secrets; and whoever has kept a view of them by mistake shall be found out.
      this.#bytes.fill(0, 0, length);
    }
  }
}

/**
 * Has the socket's handle write to `bytes` and call `lend`. Of TLS sockets alone: their plaintext is written there at
 * the moment it is handed over, while a kernel may hold on to the memory of a plain one's read, as Windows does.
 * @returns whether it does
 */
function divert(socket: Duplex, bytes: Buffer, lend: (length: number) => void): boolean {
  if (!(socket instanceof TLSSocket) || socket.destroyed) return false;
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

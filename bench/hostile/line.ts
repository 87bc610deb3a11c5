/** One connection of an attacker. */
import type { TLSSocket } from "node:tls";

/** So much is handed to the socket at a time. */
const PIECE_BYTES = 16 * 1024;

export class Line {
  readonly socket: TLSSocket;
  /** Requests so far. */
  count = 0;
  /** For a behaviour to count with. */
  step = 0;
  #isGone = false;

  constructor(socket: TLSSocket, isDeaf: boolean) {
    this.socket = socket;
    socket.on("error", () => undefined);
    socket.once("close", () => {
      this.#isGone = true;
    });
    if (isDeaf) socket.pause();
    else socket.resume();
  }

  get isGone(): boolean {
    return this.#isGone;
  }

  /** The next stream that a client may open. */
  nextStream(): number {
    return 2 * this.count++ + 1;
  }

  send(bytes: Buffer | string): void {
    if (!this.#isGone && this.socket.writable) this.socket.write(bytes, "latin1");
  }

  /** Sends without end, as fast as the other side takes it. */
  flood(make: (line: Line) => Buffer): void {
    const more = (): void => {
      // A turn of ours must end, or answers would not be read.
      for (let i = 0; i < 4; i++) {
        if (this.#isGone || !this.socket.writable) return;
        if (!this.socket.write(fill(() => make(this)))) return void this.socket.once("drain", more);
      }
      setImmediate(more);
    };
    more();
  }
}

function fill(make: () => Buffer): Buffer {
  const first = make();
  if (first.length >= PIECE_BYTES / 2) return first;
  const pieces = [first];
  for (let size = first.length; size < PIECE_BYTES; ) {
    const piece = make();
    pieces.push(piece);
    size += piece.length;
  }
  return Buffer.concat(pieces);
}

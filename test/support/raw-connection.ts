/** A connection on which a test writes and reads bytes as it likes. */
import { once } from "node:events";
import { connect, type Socket } from "node:net";

const TIMEOUT_MS = 15_000;

export class RawConnection {
  readonly #socket: Socket;
  #received = "";

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.setEncoding("latin1").on("data", (piece: string) => {
      this.#received += piece;
    });
    // What the other side does to the connection is what tests look at.
    socket.on("error", () => undefined);
  }

  static async open(port: number): Promise<RawConnection> {
    const socket = connect(port, "127.0.0.1");
    await once(socket, "connect");
    return new RawConnection(socket);
  }

  /** Everything so far, one character a byte. */
  get received(): string {
    return this.#received;
  }

  write(text: string | Uint8Array): void {
    this.#socket.write(typeof text === "string" ? Buffer.from(text, "latin1") : text);
  }

  /** Stops reading, so that what the other side sends stays with it. */
  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  destroy(): void {
    this.#socket.destroy();
  }

  /** Resolves with everything once the other side has closed. */
  async closed(): Promise<string> {
    if (!this.#socket.closed) await once(this.#socket, "close", { signal: AbortSignal.timeout(TIMEOUT_MS) });
    return this.#received;
  }

  /** Resolves once `pattern` was received. */
  async until(pattern: RegExp): Promise<string> {
    const deadline = performance.now() + TIMEOUT_MS;
    while (!pattern.test(this.#received)) {
      if (this.#socket.closed) throw new Error(`closed before ${pattern}: ${this.#received.slice(0, 500)}`);
      if (performance.now() > deadline) throw new Error(`no ${pattern}: ${this.#received.slice(0, 500)}`);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    return this.#received;
  }
}

/** A request's head as it goes over the wire. */
export function headText(head: {
  readonly method: string;
  readonly target: string;
  readonly headers: Readonly<Record<string, string>>;
}): string {
  const lines = Object.entries(head.headers).map(([name, value]) => `${name}: ${value}\r\n`);
  return `${head.method} ${head.target} HTTP/1.1\r\n${lines.join("")}\r\n`;
}

/** A socket without a network: the test is the client, and gives and takes bytes as it likes. */
import { Duplex } from "node:stream";

export class FedSocket extends Duplex {
  readonly #sent: Buffer[] = [];
  #sentBytes = 0;
  #stuck: (() => void) | undefined;
  /** True: what is written stays in the "kernel", as with a client that does not read. */
  isStuck = false;

  constructor() {
    super({ allowHalfOpen: false, decodeStrings: true });
    this.on("error", () => undefined);
  }

  /** What the server has sent, one byte a character. */
  get sent(): string {
    return Buffer.concat(this.#sent).toString("latin1");
  }

  get sentBytes(): number {
    return this.#sentBytes;
  }

  /** Nothing more will be sent. */
  get isOver(): boolean {
    return this.writableEnded || this.destroyed;
  }

  /** Bytes of the client. */
  feed(bytes: string | Buffer): void {
    if (bytes.length > 0 && !this.readableEnded && !this.destroyed)
      this.push(typeof bytes === "string" ? Buffer.from(bytes, "latin1") : bytes);
  }

  /** The client reads on. */
  release(): void {
    this.isStuck = false;
    const go = this.#stuck;
    this.#stuck = undefined;
    go?.();
  }

  destroySoon(): void {
    if (this.writable) this.end();
    if (this.writableFinished) this.destroy();
    else this.once("finish", () => this.destroy());
  }

  // What node:http calls on a socket of its own.
  setTimeout(): this {
    return this;
  }
  setNoDelay(): this {
    return this;
  }
  setKeepAlive(): this {
    return this;
  }

  override _read(): void {}

  override _write(chunk: Buffer, _: BufferEncoding, done: (error?: Error | null) => void): void {
    this.#sent.push(chunk);
    this.#sentBytes += chunk.length;
    if (this.isStuck) this.#stuck = done;
    else done();
  }
}

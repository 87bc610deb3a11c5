/**
 * A load over one HTTP/2 connection that costs little itself: the same frames over and over, written by hand, and
 * answers that are looked at as far as their frames go, and every so often as a whole.
 */
import { connect, type TLSSocket } from "node:tls";

export interface LoadTarget {
  readonly port: number;
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
}

export interface LoadRequest {
  readonly path: string;
  readonly body: string;
}

const PREFACE = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const DATA = 0;
const HEADERS = 1;
const RESET = 3;
const SETTINGS = 4;
const PING = 6;
const GOAWAY = 7;
const WINDOW_UPDATE = 8;
const END_STREAM = 1;
const ACK = 1;
const END_HEADERS = 4;
/** The window of the connection is opened again by so many bytes. */
const WINDOW = 1 << 20;

function frame(type: number, flags: number, stream: number, payload: Uint8Array): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head[3] = type;
  head[4] = flags;
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
}

/** A field that goes into no table, its name literal or a number of the static one (RFC 7541 §6.2.2). */
function field(name: string | number, value: string): Buffer {
  const text = (from: string): Buffer =>
    Buffer.concat([integer(from.length, 7), Buffer.from(from, "latin1")]);
  const start = typeof name === "number" ? integer(name, 4) : Buffer.concat([Buffer.of(0), text(name)]);
  return Buffer.concat([start, text(value)]);
}

function integer(value: number, bits: number): Buffer {
  const max = (1 << bits) - 1;
  return value < max ? Buffer.of(value) : Buffer.of(max, value - max);
}

/** One connection with up to `streams` requests at a time. */
export class H2Load {
  readonly #socket: TLSSocket;
  #next = 1;
  #rest: Buffer = Buffer.alloc(0);
  #received = 0;
  #open = 0;
  #template = Buffer.alloc(0);
  #dataAt = 0;
  #until = 0;
  #wanted = 0;
  #done: (() => void) | undefined;
  #fail: (error: Error) => void = () => {};
  #bodies = new Map<number, Buffer[]>();
  readonly #started = new Map<number, number>();
  /** Microseconds of each request since the last run began. */
  times: number[] = [];
  /** The body of the latest answer. */
  last = "";

  private constructor(socket: TLSSocket) {
    this.#socket = socket;
    socket.on("data", (piece: Buffer) => this.#read(piece));
    socket.on("error", (error) => this.#fail(error));
    socket.on("close", () => this.#fail(new Error("the connection ended")));
    socket.write(PREFACE, "latin1");
    // The largest window for each stream, and a mebibyte more for the connection.
    const settings = Buffer.from("000400100000", "hex");
    const window = Buffer.alloc(4);
    window.writeUInt32BE(WINDOW);
    socket.write(Buffer.concat([frame(SETTINGS, 0, 0, settings), frame(WINDOW_UPDATE, 0, 0, window)]));
  }

  static open({ port, ca, cert, key }: LoadTarget): Promise<H2Load> {
    return new Promise((resolve, reject) => {
      const socket = connect(
        { host: "127.0.0.1", port, ca, cert, key, ALPNProtocols: ["h2"], rejectUnauthorized: false },
        () => {
          socket.setNoDelay(true);
          resolve(new H2Load(socket));
        },
      );
      socket.once("error", reject);
    });
  }

  /** Sends `request` again and again, `streams` at a time, for `ms`. @returns how many were answered */
  async run({ path, body }: LoadRequest, streams: number, ms: number): Promise<number> {
    const block = Buffer.concat([
      field(2, "PUT"),
      Buffer.of(0x80 | 7),
      field(1, `127.0.0.1`),
      field(4, path),
      field("content-length", String(Buffer.byteLength(body))),
      field("accept-encoding", "gzip"),
      field("user-agent", "Go-http-client/2.0"),
    ]);
    const headers = frame(HEADERS, END_HEADERS, 0, block);
    this.#template = Buffer.concat([headers, frame(DATA, END_STREAM, 0, Buffer.from(body))]);
    this.#dataAt = headers.length;
    this.#until = performance.now() + ms;
    this.times = [];
    this.#wanted = streams;
    await new Promise<void>((resolve, reject) => {
      this.#done = resolve;
      this.#fail = reject;
      this.#fill();
    });
    return this.times.length;
  }

  close(): void {
    this.#fail = () => {};
    this.#socket.destroy();
  }

  #fill(): void {
    const now = performance.now();
    if (now >= this.#until) {
      if (this.#open === 0) this.#done?.();
      return;
    }
    const parts: Buffer[] = [];
    while (this.#open < this.#wanted) {
      const request = Buffer.from(this.#template);
      request.writeUInt32BE(this.#next, 5);
      request.writeUInt32BE(this.#next, this.#dataAt + 5);
      this.#started.set(this.#next, now);
      this.#next += 2;
      this.#open++;
      parts.push(request);
    }
    if (parts.length > 0)
      this.#socket.write(parts.length === 1 && parts[0] ? parts[0] : Buffer.concat(parts));
  }

  #read(piece: Buffer): void {
    const data = this.#rest.length > 0 ? Buffer.concat([this.#rest, piece]) : piece;
    let at = 0;
    while (data.length - at >= 9) {
      const length = data.readUIntBE(at, 3);
      if (data.length - at < 9 + length) break;
      this.#take(
        data[at + 3] ?? 0,
        data[at + 4] ?? 0,
        data.readUInt32BE(at + 5),
        data.subarray(at + 9, at + 9 + length),
      );
      at += 9 + length;
    }
    this.#rest = Buffer.from(data.subarray(at));
    this.#fill();
  }

  #take(type: number, flags: number, stream: number, payload: Buffer): void {
    if (type === SETTINGS && (flags & ACK) === 0)
      this.#socket.write(frame(SETTINGS, ACK, 0, Buffer.alloc(0)));
    if (type === PING && (flags & ACK) === 0) this.#socket.write(frame(PING, ACK, 0, payload));
    if (type === RESET || type === GOAWAY) this.#fail(new Error(`frame ${type}: ${payload.toString("hex")}`));
    if (type === DATA) {
      this.#received += payload.length;
      if (this.#received > WINDOW / 2) {
        const window = Buffer.alloc(4);
        window.writeUInt32BE(this.#received);
        this.#received = 0;
        this.#socket.write(frame(WINDOW_UPDATE, 0, 0, window));
      }
      const parts = this.#bodies.get(stream);
      if (parts !== undefined) parts.push(Buffer.from(payload));
      else this.#bodies.set(stream, [Buffer.from(payload)]);
    }
    if ((type === DATA || type === HEADERS) && (flags & END_STREAM) !== 0) this.#ended(stream);
  }

  #ended(stream: number): void {
    const body = Buffer.concat(this.#bodies.get(stream) ?? []);
    this.#bodies.delete(stream);
    // A refusal begins otherwise: a load that is refused would look fast.
    if (body[0] !== 0x5b && body.toString("latin1", 0, 13) !== '{"plaintext":')
      this.#fail(new Error(`answered: ${body.toString("utf8", 0, 200)}`));
    this.last = body.toString("latin1");
    this.times.push((performance.now() - (this.#started.get(stream) ?? 0)) * 1000);
    this.#started.delete(stream);
    this.#open--;
  }
}

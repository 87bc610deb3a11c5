/** A client of a log stream: keeps the lines that came, and waits for those that should. */
import { type ClientHttp2Session, connect } from "node:http2";
import { request } from "node:https";
import type { Readable } from "node:stream";
import type { Protocol } from "./api-client.js";
import type { TestCertificate } from "./certificates.js";

const DEADLINE_MS = 5_000;

export class LogFollower {
  readonly status: number;
  /** Lower-case names. */
  readonly headers: Readonly<Record<string, unknown>>;
  readonly lines: string[] = [];
  readonly #source: Readable;
  readonly #session: ClientHttp2Session | undefined;
  #ended = false;
  #rest = "";
  #wake = (): void => {};

  private constructor(
    status: number,
    headers: Readonly<Record<string, unknown>>,
    source: Readable,
    session?: ClientHttp2Session,
  ) {
    this.status = status;
    this.headers = headers;
    this.#source = source;
    this.#session = session;
    source.on("data", (chunk: Buffer) => {
      const parts = (this.#rest + chunk.toString("utf8")).split("\n");
      this.#rest = parts.pop() ?? "";
      this.lines.push(...parts);
      this.#wake();
    });
    const end = (): void => {
      this.#ended = true;
      this.#wake();
    };
    source.on("end", end);
    source.on("close", end);
    source.on("error", end);
  }

  /** Resolves when the headers have come. */
  static open(protocol: Protocol, port: number, client: TestCertificate, path: string): Promise<LogFollower> {
    return protocol === "h1" ? overHttp1(port, client, path) : overHttp2(port, client, path);
  }

  static of(
    status: number,
    headers: Readonly<Record<string, unknown>>,
    source: Readable,
    session?: ClientHttp2Session,
  ): LogFollower {
    return new LogFollower(status, headers, source, session);
  }

  /** The first line that fits, come or to come. */
  async line(fits: (line: string) => boolean): Promise<string> {
    let found: string | undefined;
    await this.#until(() => {
      found = this.lines.find(fits);
      return found !== undefined;
    });
    return found ?? "";
  }

  /** Resolves when the server has ended the stream. */
  async ended(): Promise<void> {
    await this.#until(() => this.#ended);
  }

  /** Stops reading, as a client does that is too slow. */
  pause(): void {
    this.#source.pause();
  }

  resume(): void {
    this.#source.resume();
  }

  close(): void {
    this.#source.destroy();
    this.#session?.destroy();
  }

  async #until(done: () => boolean): Promise<void> {
    const deadline = Date.now() + DEADLINE_MS;
    while (!done()) {
      const left = deadline - Date.now();
      if (left <= 0) throw new Error(`not in time; ${this.lines.length} lines came: ${this.lines.at(-1)}`);
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, left);
        this.#wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  }
}

function overHttp1(port: number, client: TestCertificate, path: string): Promise<LogFollower> {
  return new Promise((resolve, reject) => {
    const { certPem: cert, keyPem: key } = client;
    const options = {
      host: "127.0.0.1",
      port,
      path,
      cert,
      key,
      rejectUnauthorized: false,
      agent: false,
    } as const;
    const sent = request(options, (answer) => {
      resolve(LogFollower.of(answer.statusCode ?? 0, answer.headers, answer));
    });
    sent.on("error", reject);
    sent.setTimeout(DEADLINE_MS, () => reject(new Error("no headers in time")));
    sent.end();
  });
}

function overHttp2(port: number, client: TestCertificate, path: string): Promise<LogFollower> {
  return new Promise((resolve, reject) => {
    const session = connect(`https://127.0.0.1:${port}`, {
      cert: client.certPem,
      key: client.keyPem,
      rejectUnauthorized: false,
    });
    session.on("error", reject);
    const stream = session.request({ ":path": path });
    stream.on("error", reject);
    stream.on("response", (headers) => {
      resolve(LogFollower.of(Number(headers[":status"]), headers, stream, session));
    });
    stream.setTimeout(DEADLINE_MS, () => reject(new Error("no headers in time")));
  });
}

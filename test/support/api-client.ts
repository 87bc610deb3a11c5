/** One request, over HTTP/1.1 or HTTP/2, with full control over how the body is framed. */
import { type ClientHttp2Session, connect } from "node:http2";
import type { TestCertificate } from "./certificates.js";
import { rawHttp1 } from "./raw-http1.js";

export type Protocol = "h1" | "h2";

/**
 * - `none`: no body and no length (HTTP/2: END_STREAM with the header frame).
 * - `length`: with Content-Length.
 * - `unknown`: chunked (HTTP/2: DATA frames without Content-Length), as Go's clients send it.
 */
export type Framing = "none" | "length" | "unknown";

export interface ApiRequest {
  readonly method: string;
  readonly path: string;
  readonly body?: string;
  /** `none` without a body, else `unknown`. */
  readonly framing?: Framing;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface ApiAnswer {
  readonly status: number;
  /** Lower-case names. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

export class ApiClient {
  readonly protocol: Protocol;
  readonly #port: number;
  readonly #certificate: TestCertificate | undefined;
  #session: ClientHttp2Session | undefined;

  constructor(protocol: Protocol, port: number, certificate?: TestCertificate) {
    this.protocol = protocol;
    this.#port = port;
    this.#certificate = certificate;
  }

  send(request: ApiRequest): Promise<ApiAnswer> {
    return this.protocol === "h1" ? this.#overHttp1(request) : this.#overHttp2(request);
  }

  /** `PUT` or another method with a JSON body; the answer must be 200. @returns its JSON */
  async ok(method: string, path: string, body?: unknown): Promise<unknown> {
    const content = body === undefined ? {} : { body: JSON.stringify(body) };
    const answer = await this.send({ method, path, ...content });
    if (answer.status !== 200) throw new Error(`${method} ${path}: ${answer.status} ${answer.body}`);
    return answer.body === "" ? undefined : JSON.parse(answer.body);
  }

  close(): void {
    this.#session?.close();
  }

  async #overHttp1({ method, path, body = "", framing, headers }: ApiRequest): Promise<ApiAnswer> {
    const how = framing ?? (body === "" ? "none" : "unknown");
    const all: Record<string, string> = { host: "localhost", connection: "close", ...headers };
    let content = body;
    if (how === "length") all["content-length"] = String(Buffer.byteLength(body));
    if (how === "unknown") {
      all["transfer-encoding"] = "chunked";
      content = body === "" ? "" : `${Buffer.byteLength(body).toString(16)}\r\n${body}\r\n`;
      content += "0\r\n\r\n";
    }
    const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`);
    const bytes = `${method} ${path} HTTP/1.1\r\n${lines.join("")}\r\n${content}`;
    const answer = await rawHttp1(this.#port, this.#certificate, Buffer.from(bytes, "utf8"));
    return {
      status: answer.status,
      headers: Object.fromEntries([...answer.headers].map(([name, values]) => [name, values.join(", ")])),
      body: answer.body.toString("utf8"),
    };
  }

  #overHttp2({ method, path, body = "", framing, headers = {} }: ApiRequest): Promise<ApiAnswer> {
    const how = framing ?? (body === "" ? "none" : "unknown");
    const length = how === "length" ? { "content-length": Buffer.byteLength(body) } : {};
    return new Promise((resolve, reject) => {
      const stream = this.#connected().request(
        { ":method": method, ":path": path, ...length, ...headers },
        { endStream: how === "none" },
      );
      const answer: { status: number; headers: Record<string, string>; body: string } = {
        status: 0,
        headers: {},
        body: "",
      };
      stream.setEncoding("utf8");
      stream.on("response", (fields) => {
        answer.status = Number(fields[":status"]);
        for (const [name, value] of Object.entries(fields))
          if (!name.startsWith(":")) answer.headers[name] = String(value);
      });
      stream.on("data", (text: string) => {
        answer.body += text;
      });
      stream.on("error", reject);
      stream.on("close", () => resolve(answer));
      if (how !== "none") stream.end(body);
    });
  }

  #connected(): ClientHttp2Session {
    if (this.#session === undefined || this.#session.destroyed || this.#session.closed) {
      const certificate = this.#certificate;
      this.#session = connect(`https://127.0.0.1:${this.#port}`, {
        rejectUnauthorized: false,
        ...(certificate === undefined ? {} : { cert: certificate.certPem, key: certificate.keyPem }),
      });
      // Streams report what goes wrong with their session.
      this.#session.on("error", () => undefined);
    }
    return this.#session;
  }
}

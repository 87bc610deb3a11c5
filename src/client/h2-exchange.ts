/** One request on an HTTP/2 connection, from its headers to the last that is heard of it. */
import { type ClientHttp2Stream, constants } from "node:http2";
import type { Exchange, ReplyListener } from "./connection.js";
import { answerFault, ConnectionGone, StreamRefused } from "./faults.js";

const { NGHTTP2_NO_ERROR, NGHTTP2_REFUSED_STREAM, NGHTTP2_CANCEL } = constants;

/** What the exchange needs of its connection. */
export interface StreamOwner {
  /** The request is over, and its room is free. */
  over(): void;
  /** What befell the connection, if anything. */
  fault(): unknown;
  /** An error of the stream that may be the connection's. */
  note(cause: unknown): void;
  /** Whether the server may have processed a stream: all but those that its GOAWAY excludes. */
  wasSeen(streamId: number): boolean;
}

export class H2Exchange implements Exchange {
  readonly #stream: ClientHttp2Stream;
  readonly #endpoint: string;
  readonly #listener: ReplyListener;
  readonly #owner: StreamOwner;
  #hasHead = false;
  #isOver = false;
  /** Of the content-length; NaN without. */
  #wanted = Number.NaN;
  #received = 0;

  constructor(stream: ClientHttp2Stream, endpoint: string, listener: ReplyListener, owner: StreamOwner) {
    this.#stream = stream;
    this.#endpoint = endpoint;
    this.#listener = listener;
    this.#owner = owner;
    stream.on("response", (headers) => this.#onHead(headers));
    stream.on("data", (chunk: Buffer) => {
      this.#received += chunk.length;
      if (!this.#isOver) listener.data(chunk);
    });
    stream.on("end", () => this.#onEnd());
    // `close` follows.
    stream.on("error", (cause) => owner.note(cause));
    stream.on("close", () => this.#onClose());
  }

  cancel(): void {
    if (this.#isOver) return;
    this.#over();
    this.#stream.close(NGHTTP2_CANCEL);
  }

  pause(): void {
    this.#stream.pause();
  }

  resume(): void {
    this.#stream.resume();
  }

  #onHead(headers: Readonly<Record<string, unknown>>): void {
    if (this.#isOver) return;
    this.#hasHead = true;
    const text = (name: string): string => String(headers[name] ?? "");
    const length = headers["content-length"];
    this.#wanted = length === undefined ? Number.NaN : Number(length);
    this.#listener.head({
      status: Number(headers[":status"]),
      contentType: text("content-type"),
      date: text("date"),
      location: text("location"),
      contentLength: this.#wanted,
    });
  }

  #onEnd(): void {
    const { rstCode, aborted } = this.#stream;
    // Node also ends a stream that the server reset.
    const isWhole = rstCode === NGHTTP2_NO_ERROR && !aborted && !(this.#received < this.#wanted);
    if (this.#isOver || !this.#hasHead || !isWhole) return;
    this.#over();
    this.#listener.end();
  }

  #onClose(): void {
    if (this.#isOver) return;
    this.#over();
    this.#listener.fault(this.#fault());
  }

  #over(): void {
    this.#isOver = true;
    this.#owner.over();
  }

  #fault(): Parameters<ReplyListener["fault"]>[0] {
    const { rstCode = NGHTTP2_NO_ERROR, id } = this.#stream;
    const cause = this.#owner.fault();
    const wasSeen = id !== undefined && this.#owner.wasSeen(id);
    if (!this.#hasHead && !wasSeen) {
      // RFC 9113, section 8.7: it was not processed.
      return new ConnectionGone("the server did not take the request", { cause });
    }
    if (!this.#hasHead && rstCode === NGHTTP2_REFUSED_STREAM) {
      return new StreamRefused("the server says that it did not take the request", { cause });
    }
    const all = Number.isNaN(this.#wanted) ? "" : ` of ${this.#wanted}`;
    const broken = this.#hasHead ? `its answer broke off after ${this.#received}${all} bytes: ` : "";
    const reason =
      rstCode === NGHTTP2_NO_ERROR
        ? "the connection was closed"
        : `it ended the request with ${nameOf(rstCode)}`;
    return answerFault(this.#endpoint, cause ?? new Error(reason), broken);
  }
}

const NAMES: Readonly<Record<number, string>> = {
  [constants.NGHTTP2_PROTOCOL_ERROR]: "PROTOCOL_ERROR",
  [constants.NGHTTP2_INTERNAL_ERROR]: "INTERNAL_ERROR",
  [constants.NGHTTP2_FLOW_CONTROL_ERROR]: "FLOW_CONTROL_ERROR",
  [constants.NGHTTP2_STREAM_CLOSED]: "STREAM_CLOSED",
  [constants.NGHTTP2_CANCEL]: "CANCEL",
};

function nameOf(code: number): string {
  return NAMES[code] ?? `code ${code}`;
}

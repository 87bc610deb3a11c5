/** From the pieces of an answer to what the caller gets. */
import { KesError } from "../errors.js";
import type { Exchange, ReplyHead, ReplyListener } from "./connection.js";
import { MAX_ANSWER_BYTES } from "./options.js";
import { printable } from "./printable.js";
import type { ApiReply, ApiStream } from "./transport.js";

/** Bytes of a stream that may wait for a slow reader before the server is slowed down. */
const MAX_WAITING_BYTES = 256 * 1024;

/** One answer, read to its end; or, when it is to be streamed and is a success, to the end of its head. */
export class Answer implements ReplyListener {
  readonly done: Promise<ApiReply | ApiStream>;
  readonly #endpoint: string;
  readonly #isStreamed: boolean;
  readonly #elapsedMs: () => number;
  #resolve: (reply: ApiReply | ApiStream) => void = () => {};
  #reject: (reason: unknown) => void = () => {};
  #exchange: Exchange | undefined;
  #head: ReplyHead | undefined;
  #stream: AnswerStream | undefined;
  readonly #chunks: Buffer[] = [];
  #size = 0;

  /** @param elapsedMs - since the request was sent */
  constructor(endpoint: string, isStreamed: boolean, elapsedMs: () => number) {
    this.#endpoint = endpoint;
    this.#isStreamed = isStreamed;
    this.#elapsedMs = elapsedMs;
    this.done = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
  }

  get hasBegun(): boolean {
    return this.#head !== undefined;
  }

  /** The body that goes on after {@link done}, if there is one. */
  get stream(): AnswerStream | undefined {
    return this.#stream;
  }

  /** What this answers. To be called at once after the request began. */
  belongsTo(exchange: Exchange): void {
    this.#exchange = exchange;
  }

  head(head: ReplyHead): void {
    this.#head = head;
    const { status, location, contentLength } = head;
    if (status >= 300 && status < 400) {
      const target = location === "" ? "" : ` to '${printable(location)}'`;
      return this.#refuse(
        new KesError("ANSWER_INVALID", [
          this.#endpoint,
          `it redirects${target}, which is not followed; give the address of the server itself`,
        ]),
      );
    }
    if (this.#isStreamed && status < 300) {
      this.#stream = new AnswerStream(() => this.#exchange);
      return this.#resolve({
        contentType: mediaType(head.contentType),
        endpoint: this.#endpoint,
        body: this.#stream,
      });
    }
    if (contentLength > MAX_ANSWER_BYTES) this.#refuse(this.#tooLarge());
  }

  data(chunk: Buffer): void {
    if (this.#stream !== undefined) return this.#stream.push(chunk);
    this.#size += chunk.length;
    if (this.#size > MAX_ANSWER_BYTES) return this.#refuse(this.#tooLarge());
    this.#chunks.push(chunk);
  }

  end(): void {
    if (this.#stream !== undefined) return this.#stream.end();
    const head = this.#head;
    if (head === undefined) return;
    const dateMs = Date.parse(head.date);
    const [only] = this.#chunks;
    this.#resolve({
      status: head.status,
      contentType: mediaType(head.contentType),
      ...(Number.isNaN(dateMs) ? {} : { dateMs }),
      body: this.#chunks.length === 1 && only !== undefined ? only : Buffer.concat(this.#chunks),
      endpoint: this.#endpoint,
      elapsedMs: this.#elapsedMs(),
    });
  }

  fault(error: Error): void {
    if (this.#stream !== undefined) this.#stream.fail(error);
    else this.#reject(error);
  }

  #refuse(error: KesError): void {
    this.#exchange?.cancel();
    this.#reject(error);
  }

  #tooLarge(): KesError {
    return new KesError("ANSWER_TOO_LARGE", [this.#endpoint, MAX_ANSWER_BYTES]);
  }
}

function mediaType(contentType: string): string {
  return (contentType.split(";", 1)[0] ?? "").trim().toLowerCase();
}

/** The body of a streamed answer, for one reader. */
export class AnswerStream implements AsyncIterableIterator<Uint8Array> {
  /** Settles when nothing more will come, whatever the reason. */
  readonly finished: Promise<void>;
  readonly #exchange: () => Exchange | undefined;
  #finish: () => void = () => {};
  readonly #waiting: Buffer[] = [];
  #waitingBytes = 0;
  #isPaused = false;
  #over: { readonly error?: unknown } | undefined;
  #wake: (() => void) | undefined;

  constructor(exchange: () => Exchange | undefined) {
    this.#exchange = exchange;
    this.finished = new Promise((resolve) => {
      this.#finish = resolve;
    });
  }

  push(chunk: Buffer): void {
    if (this.#over !== undefined) return;
    this.#waiting.push(chunk);
    this.#waitingBytes += chunk.length;
    if (!this.#isPaused && this.#waitingBytes > MAX_WAITING_BYTES) {
      this.#isPaused = true;
      this.#exchange()?.pause();
    }
    this.#wake?.();
  }

  end(): void {
    this.#finishWith({});
  }

  /** What came before is still read. */
  fail(error: unknown): void {
    this.#finishWith({ error });
  }

  /** Ends at once: what waits is dropped, and the reader gets `reason`. */
  abort(reason: unknown): void {
    this.#exchange()?.cancel();
    this.#waiting.length = 0;
    this.#over = undefined;
    this.#finishWith({ error: reason });
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async next(): Promise<IteratorResult<Uint8Array, undefined>> {
    for (;;) {
      const chunk = this.#waiting.shift();
      if (chunk !== undefined) {
        this.#waitingBytes -= chunk.length;
        if (this.#isPaused && this.#waitingBytes < MAX_WAITING_BYTES / 2) {
          this.#isPaused = false;
          this.#exchange()?.resume();
        }
        return { done: false, value: chunk };
      }
      if (this.#over !== undefined) {
        const { error } = this.#over;
        // Told once; a reader that asks again is at the end.
        this.#over = {};
        if (error !== undefined) throw error;
        return { done: true, value: undefined };
      }
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  async return(): Promise<IteratorResult<Uint8Array, undefined>> {
    this.#exchange()?.cancel();
    this.#waiting.length = 0;
    this.#finishWith({});
    return { done: true, value: undefined };
  }

  #finishWith(over: { readonly error?: unknown }): void {
    this.#over ??= over;
    this.#finish();
    this.#wake?.();
  }
}

/**
 * One answer on an HTTP/1.1 connection: the request's body out of the way, headers, content with backpressure. What
 * cannot be finished cuts the connection, so that no client takes a part for the whole.
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import { xmlDeclaration } from "../s3/xml-writer.js";
import type { Answer } from "./answer.js";

/** What is left of a body is read away before an answer when it is no more than this, so that the connection lives. */
const MAX_DRAINED_BYTES = 256 * 1024;
/** What a client may still send behind an early answer, and for how long, before the connection is closed. */
const MAX_LINGER_BYTES = 64 * 1024 * 1024;
const LINGER_MS = 5_000;
const WHITE_SPACE = " ";

export interface ReplyParts {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  /** Headers that every answer has. */
  readonly common: () => Readonly<Record<string, string>>;
  /** The client waits for `100 Continue`: a body that was not let in does not come, or comes all the same. */
  readonly isWaiting: () => boolean;
  /** The server ends: this connection takes no further request. */
  readonly isLast: () => boolean;
}

export class Reply {
  readonly #parts: ReplyParts;
  #bytes = 0;
  #firstByteMs: number | undefined;
  #hasBegun = false;
  #isBodyStalled = false;

  constructor(parts: ReplyParts) {
    this.#parts = parts;
  }

  /** Of the body. */
  get bytes(): number {
    return this.#bytes;
  }

  /** By `performance.now()`. */
  get firstByteMs(): number | undefined {
    return this.#firstByteMs;
  }

  /** Status and headers are out: what fails from now on can only be told in the body, or by cutting. */
  get hasBegun(): boolean {
    return this.#hasBegun;
  }

  /** True when nobody is there to be answered. */
  get isGone(): boolean {
    return this.#parts.response.destroyed || this.#parts.response.closed;
  }

  /** The rest of the request's body does not come: the answer does not wait for it. */
  abandonBody(): void {
    this.#isBodyStalled = true;
  }

  /** @throws whatever the content throws, after the connection was cut */
  async send({ status, headers = {}, document, content }: Answer): Promise<void> {
    const { request } = this.#parts;
    try {
      if (this.isGone) return;
      const mustClose = !(await this.#isBodyGone());
      if (this.isGone) return;
      const length =
        status === 204 || status === 304
          ? {}
          : { "content-length": String(content?.length ?? Buffer.byteLength(document ?? "")) };
      const type = document === undefined ? {} : { "content-type": "application/xml" };
      this.#begin(status, { ...type, ...length, ...headers }, mustClose);
      if (request.method !== "HEAD") {
        if (document !== undefined) this.#write(document);
        if (content !== undefined) await this.#pump(content.bytes, content.length);
      }
      await this.#end(mustClose);
    } catch (error) {
      this.cut();
      throw error;
    } finally {
      await content?.bytes.return?.();
    }
  }

  /** 200 and the beginning of a document: the rest follows with {@link finish}. */
  begin(): void {
    if (this.isGone) return;
    this.#begin(200, { "content-type": "application/xml" }, false);
    this.#write(xmlDeclaration);
  }

  /** A sign of life in a document that has begun. */
  keepAlive(): void {
    if (!this.isGone) this.#write(WHITE_SPACE);
  }

  /** The document that {@link begin} has begun. */
  async finish(document: string): Promise<void> {
    if (this.isGone) return;
    this.#write(document.startsWith(xmlDeclaration) ? document.slice(xmlDeclaration.length) : document);
    await this.#end(false);
  }

  /** Ends the connection without finishing the answer. */
  cut(): void {
    this.#parts.response.destroy();
  }

  #begin(status: number, headers: Readonly<Record<string, string>>, mustClose: boolean): void {
    const { response, common, isLast } = this.#parts;
    this.#hasBegun = true;
    this.#firstByteMs = performance.now();
    const close = mustClose || isLast() ? { connection: "close" } : {};
    response.writeHead(status, { ...common(), ...headers, ...close });
  }

  #write(text: string): void {
    this.#bytes += Buffer.byteLength(text);
    this.#parts.response.write(text);
  }

  async #pump(content: AsyncIterable<Buffer>, length: number): Promise<void> {
    const { response } = this.#parts;
    let sent = 0;
    for await (const piece of content) {
      if (this.isGone) return;
      sent += piece.length;
      if (sent > length) throw new Error("more content than was announced");
      this.#bytes += piece.length;
      if (!response.write(piece)) await drained(response);
    }
    if (sent !== length && !this.isGone) throw new Error("less content than was announced");
  }

  async #end(mustClose: boolean): Promise<void> {
    const { request, response } = this.#parts;
    if (mustClose) await this.#linger();
    if (response.destroyed) return;
    response.end();
    if (!response.writableFinished && !response.closed) await settled(response);
    if (mustClose) request.destroy();
  }

  /** Reads a small rest of the body away. @returns whether nothing is left */
  async #isBodyGone(): Promise<boolean> {
    const { request, isWaiting } = this.#parts;
    if (request.complete) return true;
    if (isWaiting() || this.#isBodyStalled) return false;
    const declared = Number(request.headers["content-length"] ?? Number.POSITIVE_INFINITY);
    if (declared > MAX_DRAINED_BYTES) return false;
    return discard(request, MAX_DRAINED_BYTES, LINGER_MS);
  }

  /** A connection that is closed while the client sends is reset, and the client would never see the answer. */
  async #linger(): Promise<void> {
    const { request, response, isWaiting } = this.#parts;
    response.flushHeaders();
    // Whoever waits for leave to send gets the answer instead.
    if (!isWaiting() && !this.#isBodyStalled) await discard(request, MAX_LINGER_BYTES, LINGER_MS);
  }
}

/** Reads and forgets. @returns whether the body came to its end */
function discard(request: IncomingMessage, maxBytes: number, timeoutMs: number): Promise<boolean> {
  return new Promise((resolve) => {
    let size = 0;
    const end = (isWhole: boolean): void => {
      clearTimeout(timer);
      request.off("data", onData).off("end", onEnd).off("close", onClose).off("pause", onPause);
      resolve(isWhole);
    };
    const onEnd = (): void => end(true);
    const onClose = (): void => end(request.complete);
    const onData = (piece: Buffer): void => {
      size += piece.length;
      if (size > maxBytes) end(false);
    };
    // Whoever has read until now may let go of the body only later, which pauses it.
    const onPause = (): void => void setImmediate(() => request.resume());
    const timer = setTimeout(() => end(false), timeoutMs);
    if (request.destroyed || request.readableEnded) return end(request.complete);
    request.on("data", onData).once("end", onEnd).once("close", onClose).on("pause", onPause);
    request.resume();
  });
}

function drained(response: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    const go = (): void => {
      response.off("drain", go).off("close", go);
      resolve();
    };
    if (response.destroyed || response.closed) return resolve();
    response.once("drain", go).once("close", go);
  });
}

function settled(response: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    response.once("finish", resolve).once("close", resolve);
  });
}

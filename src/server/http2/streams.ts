/** The streams of one connection: frames that concern a stream, and what streams ask of their connection. */
import type { BodyBudget } from "../body.js";
import { MAX_STREAMS } from "../limits.js";
import type { Peer } from "../peer.js";
import { ConnectionError, ErrorCode, frameSizeError, protocolError } from "./errors.js";
import { Flag, FrameType } from "./frame.js";
import { type FrameReader, readUint31 } from "./frame-reader.js";
import { type HeaderBlock, HeaderBlocks } from "./header-blocks.js";
import * as limits from "./limits.js";
import { ReceiveWindow } from "./receive-window.js";
import { RecentStreams } from "./recent-streams.js";
import { type HeadFault, isFault, type RequestHead } from "./request-head.js";
import type { Sender } from "./sender.js";
import { Stream } from "./stream.js";
import type { StreamHost } from "./stream-host.js";
import type { StreamsHost } from "./streams-host.js";
import type { Tolerance } from "./tolerance.js";

const PRIORITY_BYTES = 5;

export class Streams implements StreamHost {
  readonly sender: Sender;
  readonly #host: StreamsHost;
  readonly #reader: FrameReader;
  readonly #tolerance: Tolerance;
  readonly #blocks = new HeaderBlocks();
  readonly #recent = new RecentStreams();
  readonly #streams = new Map<number, Stream>();
  /** Streams with deadlines. */
  readonly #watched = new Set<Stream>();
  readonly #window: ReceiveWindow;
  #last = 0;
  /** The last one that came behind the last GOAWAY. */
  #passed = 0;
  /** Requests that are being worked on, whether or not their streams still live. */
  #working = 0;
  /** Its body may come with the next frame, and then it is served with it. */
  #fresh: Stream | undefined;

  /** @param reader - shows the frame that a method is called for */
  constructor(host: StreamsHost, reader: FrameReader, sender: Sender, tolerance: Tolerance) {
    this.#host = host;
    this.#reader = reader;
    this.sender = sender;
    this.#tolerance = tolerance;
    this.#window = new ReceiveWindow(limits.CONNECTION_WINDOW_BYTES, (bytes) => {
      sender.windowUpdate(0, bytes);
      host.touched();
    });
  }

  get size(): number {
    return this.#streams.size;
  }

  /** The last stream that the client has opened. */
  get last(): number {
    return this.#last;
  }

  /** A header block has begun whose rest has not come. */
  get isInBlock(): boolean {
    return this.#blocks.isOpen;
  }

  get peer(): Peer {
    return this.#host.peer;
  }

  get bodies(): BodyBudget {
    return this.#host.bodies;
  }

  get idleTimeoutMs(): number {
    return this.#host.idleTimeoutMs;
  }

  /** Whether the frame brings the body of a request that could be served. */
  isBodyOfFresh(type: number, stream: number): boolean {
    return type === FrameType.data && stream === this.#fresh?.id;
  }

  all(): Iterable<Stream> {
    return this.#streams.values();
  }

  /** Holds deadlines against the clock. @returns whether there are any left */
  check(nowMs: number): boolean {
    for (const stream of this.#watched) if (!stream.check(nowMs)) this.#watched.delete(stream);
    return this.#watched.size > 0;
  }

  /** The connection is over: so is every stream. */
  abort(): void {
    this.#fresh = undefined;
    for (const stream of this.#streams.values()) stream.abort();
  }

  // What streams ask for.

  now(): number {
    return this.#host.now();
  }

  touched(): void {
    this.#host.touched();
  }

  watch(stream: Stream): void {
    this.#watched.add(stream);
    this.#host.watch();
  }

  consumed(stream: Stream, bytes: number): void {
    this.#window.give(bytes);
    if (stream.isReceived || stream.isClosed) return;
    stream.consumedBytes += bytes;
    if (stream.consumedBytes < limits.STREAM_WINDOW_BYTES / 2) return;
    this.sender.windowUpdate(stream.id, stream.consumedBytes);
    stream.receiveWindow += stream.consumedBytes;
    stream.consumedBytes = 0;
    this.#host.touched();
  }

  cut(stream: Stream, code: ErrorCode): void {
    // Those that the client brought about are counted where they are found.
    this.#reset(stream.id, code);
    stream.abort();
  }

  closed(stream: Stream): void {
    this.#streams.delete(stream.id);
    this.#watched.delete(stream);
    this.sender.forget(stream);
    this.#host.closed();
  }

  finished(): void {
    this.#working--;
    this.#host.end();
  }

  held(isHeld: boolean): void {
    if (isHeld) this.#host.begin();
    else this.#host.end();
  }

  // Frames.

  /** A DATA frame. */
  data(): void {
    const { stream: id, flags, bytes, end } = this.#reader;
    if (id === 0) throw protocolError("DATA on stream 0");
    const length = end - this.#reader.start;
    if (!this.#window.take(length)) {
      throw new ConnectionError(ErrorCode.flowControl, "more DATA than the connection's window");
    }
    const start = flags & Flag.padded ? this.#unpadded() : this.#reader.start;
    const stop = flags & Flag.padded ? end - (bytes[this.#reader.start] ?? 0) : end;
    const stream = this.#streams.get(id);
    if (stream === undefined || stream.isReceived) {
      this.#window.give(length);
      return this.#strayData(id, stream);
    }
    stream.receiveWindow -= length;
    if (stream.receiveWindow < 0) {
      this.#window.give(length);
      return this.#refuseStream(stream, ErrorCode.flowControl);
    }
    const isEnd = (flags & Flag.endStream) !== 0;
    if (stop === start && !isEnd) this.#tolerance.idle("empty DATA frames");
    // Padding is nobody's to take.
    if (length > stop - start) this.consumed(stream, length - (stop - start));
    const fault = stream.receive(bytes.subarray(start, stop), isEnd);
    if (fault !== undefined) {
      // What the stream was not given is not in its books, and nobody else would give it back.
      this.#window.give(stop - start);
      if (stream === this.#fresh) this.#host.refused(400, fault);
      this.#refuseStream(stream, ErrorCode.protocol);
    }
  }

  /** DATA for a stream that takes none. */
  #strayData(id: number, stream: Stream | undefined): void {
    if (stream !== undefined) return this.#refuseStream(stream, ErrorCode.streamClosed);
    this.#mustNotBeIdle(id, "DATA");
    if (this.#recent.end(id) === "cut") return this.#tolerance.idle("DATA for streams that were reset");
    this.#tolerance.reset();
    this.#reset(id, ErrorCode.streamClosed);
  }

  /** A HEADERS frame. */
  headers(): void {
    const { stream: id, flags, bytes } = this.#reader;
    if (id === 0) throw protocolError("HEADERS on stream 0");
    if (id % 2 === 0) throw protocolError("HEADERS on a stream of the server's");
    let at = this.#reader.start;
    let end = this.#reader.end;
    if (flags & Flag.padded) {
      at = this.#unpadded();
      end -= bytes[this.#reader.start] ?? 0;
    }
    let isSelfDependent = false;
    if (flags & Flag.priority) {
      if (end - at < PRIORITY_BYTES) throw frameSizeError("HEADERS too short");
      isSelfDependent = readUint31(bytes, at) === id;
      at += PRIORITY_BYTES;
    }
    if (at === end && (flags & Flag.endHeaders) === 0) this.#tolerance.idle("empty HEADERS frames");
    const block = { stream: id, isEnd: (flags & Flag.endStream) !== 0, isSelfDependent };
    if (flags & Flag.endHeaders) this.#block(block, bytes, at, end);
    else this.#blocks.begin(block, bytes, at, end);
  }

  /** Any frame while {@link isInBlock}. */
  continuation(): void {
    const { type, stream, flags, bytes, start, end } = this.#reader;
    if (type !== FrameType.continuation || stream !== this.#blocks.stream) {
      throw protocolError("another frame within a header block");
    }
    if (start === end) this.#tolerance.idle("empty CONTINUATION frames");
    this.#blocks.add(bytes, start, end);
    if ((flags & Flag.endHeaders) === 0) return;
    const whole = this.#blocks.finish();
    this.#block(whole.block, whole.bytes, 0, whole.bytes.length);
  }

  /** A whole header block. It is decoded whatever becomes of it: the next one builds upon it. */
  #block(block: HeaderBlock, bytes: Buffer, start: number, end: number): void {
    const { stream: id } = block;
    const stream = this.#streams.get(id);
    if (stream !== undefined) {
      const fault = this.#blocks.trailers(bytes, start, end);
      return this.#trailers(stream, block, fault);
    }
    const head = this.#blocks.request(bytes, start, end);
    if (id > this.#last) return this.#open(block, head);
    switch (this.#recent.end(id)) {
      case "cut":
        return this.#tolerance.idle("HEADERS for streams that were reset");
      case "over":
        throw new ConnectionError(ErrorCode.streamClosed, "HEADERS on a stream that is over");
      case "unknown":
        throw protocolError("streams out of order");
    }
  }

  #open(block: HeaderBlock, head: RequestHead | HeadFault): void {
    const { stream: id, isEnd } = block;
    if (this.#host.isLast) return this.#pass(id);
    this.#last = id;
    this.#recent.opened(id);
    if (isFault(head)) return this.#refuseHead(block, head);
    if (block.isSelfDependent) {
      this.#host.refused(400, "a stream that depends on itself");
      return this.#refuse(id, ErrorCode.protocol);
    }
    if (isEnd && head.contentLength > 0) {
      this.#host.refused(400, "content-length and the body differ");
      return this.#refuse(id, ErrorCode.protocol);
    }
    // Streams that the client has reset count as long as somebody works for them.
    const isFull = this.#streams.size >= MAX_STREAMS || this.#working >= MAX_STREAMS;
    if (isFull || this.sender.waitingBytes > limits.MAX_PENDING_BYTES) {
      return this.#refuse(id, ErrorCode.refusedStream);
    }
    const stream = new Stream(this, id, head, isEnd, limits.STREAM_WINDOW_BYTES);
    this.#streams.set(id, stream);
    this.#fresh = stream;
    if (isEnd) this.serveFresh();
  }

  /** It crossed the last GOAWAY, from which the client knows that it was not served; so did its body. */
  #pass(id: number): void {
    this.#passed = Math.max(this.#passed, id);
    this.#recent.cut(id);
    this.#tolerance.idle("streams after GOAWAY");
  }

  /** A request that is none, or too large, is answered with a status only where that is safe. */
  #refuseHead({ stream: id, isEnd }: HeaderBlock, { status, reason }: HeadFault): void {
    this.#host.refused(status, reason);
    if (status !== 431) return this.#refuse(id, ErrorCode.protocol);
    this.#tolerance.reset();
    this.sender.head(id, status, {}, 0, true);
    if (!isEnd) this.#reset(id, ErrorCode.none);
    this.#host.touched();
  }

  #trailers(stream: Stream, block: HeaderBlock, fault: HeadFault | undefined): void {
    if (stream.isReceived) return this.#refuseStream(stream, ErrorCode.streamClosed);
    if (!block.isEnd || block.isSelfDependent || fault !== undefined || !stream.isComplete) {
      return this.#refuseStream(stream, ErrorCode.protocol);
    }
    stream.end();
  }

  /** A PRIORITY frame. */
  priority(): void {
    const { stream: id, bytes, start, end } = this.#reader;
    if (id === 0) throw protocolError("PRIORITY on stream 0");
    const stream = this.#streams.get(id);
    if (end - start !== PRIORITY_BYTES) {
      if (stream === undefined) throw frameSizeError(`PRIORITY of ${end - start} bytes`);
      return this.#refuseStream(stream, ErrorCode.frameSize);
    }
    if (readUint31(bytes, start) === id) {
      if (stream === undefined) throw protocolError("a stream that depends on itself");
      return this.#refuseStream(stream, ErrorCode.protocol);
    }
    // RFC 9113 §5.3.2 lets a server ignore what a priority says.
    this.#tolerance.idle("PRIORITY frames");
  }

  /** An RST_STREAM frame. */
  rstStream(): void {
    const { stream: id, start, end } = this.#reader;
    if (id === 0) throw protocolError("RST_STREAM on stream 0");
    if (end - start !== 4) throw frameSizeError(`RST_STREAM of ${end - start} bytes`);
    this.#mustNotBeIdle(id, "RST_STREAM");
    const stream = this.#streams.get(id);
    if (stream === undefined) return this.#tolerance.idle("RST_STREAM for streams that are over");
    this.#tolerance.reset();
    stream.abort();
  }

  /** A WINDOW_UPDATE frame for a stream. */
  windowUpdate(id: number, bytesMore: number): void {
    this.#mustNotBeIdle(id, "WINDOW_UPDATE");
    const stream = this.#streams.get(id);
    // It crossed the end of the stream.
    if (stream === undefined) return;
    if (bytesMore === 0) return this.#refuseStream(stream, ErrorCode.protocol);
    stream.sendWindow += bytesMore;
    if (stream.sendWindow > limits.MAX_WINDOW) return this.#refuseStream(stream, ErrorCode.flowControl);
    this.sender.pump();
    this.#host.touched();
  }

  /** Checks the padding of the current frame. @returns where its content begins */
  #unpadded(): number {
    const { bytes, start, end } = this.#reader;
    if (start === end) throw frameSizeError("padding without its length");
    if (start + 1 + (bytes[start] ?? 0) > end) throw protocolError("more padding than frame");
    return start + 1;
  }

  #mustNotBeIdle(id: number, what: string): void {
    if (id > Math.max(this.#last, this.#passed) || id % 2 === 0)
      throw protocolError(`${what} on an idle stream`);
  }

  // Ends.

  /** Serves the request that may have had its body to come. */
  serveFresh(): void {
    const stream = this.#fresh;
    if (stream === undefined) return;
    this.#fresh = undefined;
    if (stream.isClosed) return;
    this.#working++;
    this.#host.begin();
    this.#host.serve(stream);
    if (!stream.isClosed) stream.stays();
  }

  /** Resets a stream through the client's fault. */
  #refuseStream(stream: Stream, code: ErrorCode): void {
    this.#tolerance.reset();
    this.cut(stream, code);
  }

  /** As {@link #refuseStream}, for one that has not become a request. */
  #refuse(id: number, code: ErrorCode): void {
    this.#tolerance.reset();
    this.#reset(id, code);
  }

  #reset(id: number, code: ErrorCode): void {
    this.#recent.cut(id);
    this.sender.reset(id, code);
    this.#host.touched();
  }
}

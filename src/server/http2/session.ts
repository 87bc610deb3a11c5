/**
 * One HTTP/2 connection of a client (RFC 9113): frames in, requests out. It knows nothing of sockets and timers, so
 * that tests can drive it byte by byte and with a clock of their own.
 */
import type { BodyBudget } from "../body.js";
import type { Exchange } from "../exchange.js";
import { EARLY_ANSWER_LINGER_MS, MAX_HEADER_BYTES, MAX_STREAMS } from "../limits.js";
import type { Peer } from "../peer.js";
import type { DateField } from "./date-field.js";
import type { Watched } from "./deadlines.js";
import { ConnectionError, ErrorCode } from "./errors.js";
import { Flag, FrameType } from "./frame.js";
import { FrameReader, readUint31 } from "./frame-reader.js";
import { type HeaderBlock, HeaderBlocks } from "./header-blocks.js";
import * as limits from "./limits.js";
import { Outbox, type Pages } from "./outbox.js";
import { Patience } from "./patience.js";
import { readSettings } from "./peer-settings.js";
import { RecentStreams } from "./recent-streams.js";
import { type HeadFault, isFault, type RequestHead } from "./request-head.js";
import { Sender } from "./sender.js";
import { Stream, type StreamHost } from "./stream.js";
import type { Transport } from "./transport.js";

export interface SessionOptions {
  readonly transport: Transport;
  readonly peer: Peer;
  readonly bodies: BodyBudget;
  readonly pages: Pages;
  readonly date: DateField;
  readonly headersTimeoutMs: number;
  readonly idleTimeoutMs: number;
  /** Serves one request; never throws. */
  readonly serve: (exchange: Exchange) => void;
  /** Something was refused before there was a request to speak of. */
  readonly refused: (status: number, reason: string) => void;
  /** A request begins, and ends. */
  readonly begin: () => void;
  readonly end: () => void;
  /** {@link Session.flush} is wanted at the end of this turn. */
  readonly dirty: (session: Session) => void;
  /** {@link Session.check} is wanted from now on. */
  readonly watch: (session: Session) => void;
  /** Milliseconds, monotonic. */
  readonly now: () => number;
}

/** How far the connection's end has come. */
const Phase = {
  /** The client's SETTINGS have not come. */
  greeting: 0,
  open: 1,
  /** The client knows that it should open no more streams; those on their way are served. */
  leaving: 2,
  /** The client knows which stream was the last. */
  last: 3,
  /** Nothing more is sent or read; the client has a moment to take what was sent. */
  ending: 4,
  over: 5,
} as const;

const MAX_STREAM_ID = 0x7fff_ffff;
/** Payload of the PING that follows the first GOAWAY: its answer says that the client has read that. */
const FAREWELL: Buffer = Buffer.from("farewell", "latin1");

export class Session implements StreamHost, Watched {
  readonly peer: Peer;
  readonly bodies: BodyBudget;
  readonly sender: Sender;
  readonly idleTimeoutMs: number;
  readonly #options: SessionOptions;
  readonly #outbox: Outbox;
  readonly #reader = new FrameReader();
  readonly #blocks = new HeaderBlocks();
  readonly #recent = new RecentStreams();
  readonly #streams = new Map<number, Stream>();
  /** Streams with deadlines. */
  readonly #watched = new Set<Stream>();
  /** For streams that are reset, and for frames that ask for nothing. */
  readonly #resets: Patience;
  readonly #idleFrames: Patience;
  #phase: (typeof Phase)[keyof typeof Phase] = Phase.greeting;
  #lastStream = 0;
  /** Requests that are being worked on, whether or not their streams still live. */
  #working = 0;
  /** Its body may come with the next frame, and then it is served with it. */
  #fresh: Stream | undefined;
  #receiveWindow = limits.CONNECTION_WINDOW_BYTES;
  #consumedBytes = 0;
  #isReading = false;
  /** Written to within this turn: {@link SessionOptions.dirty} was called. */
  #isDirty = false;
  #isPaused = false;
  /** Deadlines; 0 for none. */
  #headersByMs: number;
  #drainedByMs = 0;
  #farewellByMs = 0;
  #overByMs = 0;

  constructor(options: SessionOptions) {
    const { transport, peer, bodies, pages, idleTimeoutMs, now } = options;
    this.#options = options;
    this.peer = peer;
    this.bodies = bodies;
    this.idleTimeoutMs = idleTimeoutMs;
    this.#outbox = new Outbox(transport, pages);
    this.#resets = new Patience(limits.RESET_BURST, limits.RESETS_PER_SECOND, now);
    this.#idleFrames = new Patience(limits.IDLE_FRAME_BURST, limits.IDLE_FRAMES_PER_SECOND, now);
    this.sender = new Sender(this.#outbox, options.date, (isShort) => {
      // Where it is too much, the window update that asks for the next one ends the connection.
      if (isShort) this.#idleFrames.spend();
      else this.#idleFrames.earn(limits.FRAMES_PER_ANSWER);
    });
    this.#headersByMs = now() + options.headersTimeoutMs;
    options.watch(this);
    this.sender.greet(MAX_STREAMS, MAX_HEADER_BYTES);
    this.touched();
  }

  /** Streams that are open. */
  get openStreams(): number {
    return this.#streams.size;
  }

  get isOver(): boolean {
    return this.#phase === Phase.over;
  }

  /** Takes the client's next bytes; never throws. */
  receive(chunk: Buffer): void {
    // Thrown away: closing at once would reset the connection, and the client would not read why.
    if (this.#phase >= Phase.ending) return;
    this.#isReading = true;
    try {
      this.#reader.feed(chunk);
      while (this.#phase < Phase.ending && this.#reader.next()) this.#frame();
      this.#serveFresh();
    } catch (error) {
      this.#fail(error);
    }
    this.#isReading = false;
    this.#reader.release();
    this.#awaitHeaders();
    this.#endIfDone();
  }

  /** Writes what this turn has gathered. */
  flush(): void {
    this.#isDirty = false;
    if (this.#phase === Phase.over) return;
    this.#outbox.flush();
    if (this.#outbox.isBlocked && !this.#isPaused && this.#phase < Phase.ending) {
      // Who does not take answers gets to ask nothing more; otherwise they would pile up here.
      this.#isPaused = true;
      this.#drainedByMs = this.#options.now() + this.idleTimeoutMs;
      this.#options.transport.pause();
      this.#options.watch(this);
    }
  }

  /** The client has taken all that was written. */
  drained(): void {
    this.#outbox.drained();
    this.#drainedByMs = 0;
    if (this.#phase >= Phase.ending) return;
    this.sender.pump();
    this.touched();
    if (!this.#isPaused) return;
    this.#isPaused = false;
    this.#options.transport.resume();
  }

  /** Takes no further request and ends with the last answer. */
  close(): void {
    if (this.#phase >= Phase.leaving) return;
    this.#phase = Phase.leaving;
    // In two steps (RFC 9113 §6.8), or a request that is on its way would be lost and could not be told from one done.
    this.sender.goAway(MAX_STREAM_ID, ErrorCode.none);
    this.sender.ping(0, FAREWELL, 0);
    this.#farewellByMs = this.#options.now() + limits.GOAWAY_WAIT_MS;
    this.#options.watch(this);
    this.touched();
  }

  /** Ends now. */
  destroy(): void {
    if (this.#phase === Phase.over) return;
    this.#phase = Phase.over;
    this.#abortAll();
    this.#outbox.drop();
    this.#options.transport.destroy();
  }

  check(nowMs: number): boolean {
    if (this.#phase === Phase.over) return false;
    if (this.#overByMs > 0 && nowMs >= this.#overByMs) {
      this.destroy();
      return false;
    }
    if (this.#drainedByMs > 0 && nowMs >= this.#drainedByMs) {
      this.#options.refused(408, "ENHANCE_YOUR_CALM: answers are not taken");
      this.destroy();
      return false;
    }
    if (this.#phase >= Phase.ending) return true;
    if (this.#headersByMs > 0 && nowMs >= this.#headersByMs) {
      this.#fail(new ConnectionError(ErrorCode.enhanceYourCalm, "headers were not received in time"), 408);
      return true;
    }
    if (this.#farewellByMs > 0 && nowMs >= this.#farewellByMs) this.#sayLast();
    for (const stream of this.#watched) if (!stream.check(nowMs)) this.#watched.delete(stream);
    this.#endIfDone();
    const deadlines = this.#headersByMs + this.#drainedByMs + this.#farewellByMs + this.#overByMs;
    return deadlines > 0 || this.#watched.size > 0;
  }

  // What streams ask for.

  now(): number {
    return this.#options.now();
  }

  touched(): void {
    if (this.#isDirty) return;
    this.#isDirty = true;
    this.#options.dirty(this);
  }

  watch(stream: Stream): void {
    this.#watched.add(stream);
    this.#options.watch(this);
  }

  consumed(stream: Stream, bytes: number): void {
    this.#returnWindow(bytes);
    if (stream.isReceived || stream.isClosed) return;
    stream.consumedBytes += bytes;
    if (stream.consumedBytes < limits.STREAM_WINDOW_BYTES / 2) return;
    this.sender.windowUpdate(stream.id, stream.consumedBytes);
    stream.receiveWindow += stream.consumedBytes;
    stream.consumedBytes = 0;
    this.touched();
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
    if (!this.#isReading) this.#endIfDone();
  }

  finished(): void {
    this.#working--;
    this.#options.end();
  }

  held(isHeld: boolean): void {
    if (isHeld) this.#options.begin();
    else this.#options.end();
  }

  // Frames.

  #frame(): void {
    const { type, stream } = this.#reader;
    if (this.#blocks.isOpen) return this.#continuation();
    if (this.#phase === Phase.greeting) {
      const isSettings = type === FrameType.settings && (this.#reader.flags & Flag.ack) === 0;
      if (!isSettings) throw protocolError("the first frame is not SETTINGS");
      this.#phase = Phase.open;
    }
    const isBody = type === FrameType.data && stream === this.#fresh?.id;
    if (!isBody) this.#serveFresh();
    switch (type) {
      case FrameType.data:
        return this.#data();
      case FrameType.headers:
        return this.#headers();
      case FrameType.priority:
        return this.#priority();
      case FrameType.rstStream:
        return this.#rstStream();
      case FrameType.settings:
        return this.#settings();
      case FrameType.pushPromise:
        throw protocolError("PUSH_PROMISE from a client");
      case FrameType.ping:
        return this.#ping();
      case FrameType.goaway:
        return this.#goAway();
      case FrameType.windowUpdate:
        return this.#windowUpdate();
      case FrameType.continuation:
        throw protocolError("CONTINUATION without a header block");
      default:
        // Extensions that we do not know are ignored (RFC 9113 §5.5).
        this.#idle("frames of unknown types");
    }
  }

  #data(): void {
    const { stream: id, flags, bytes, end } = this.#reader;
    if (id === 0) throw protocolError("DATA on stream 0");
    const length = end - this.#reader.start;
    this.#receiveWindow -= length;
    if (this.#receiveWindow < 0) {
      throw new ConnectionError(ErrorCode.flowControl, "more DATA than the connection's window");
    }
    const start = flags & Flag.padded ? this.#unpadded() : this.#reader.start;
    const stop = flags & Flag.padded ? end - (bytes[this.#reader.start] ?? 0) : end;
    const stream = this.#streams.get(id);
    if (stream === undefined || stream.isReceived) {
      this.#returnWindow(length);
      return this.#strayData(id, stream);
    }
    stream.receiveWindow -= length;
    if (stream.receiveWindow < 0) {
      this.#returnWindow(length);
      return this.#refuseStream(stream, ErrorCode.flowControl);
    }
    const isEnd = (flags & Flag.endStream) !== 0;
    if (stop === start && !isEnd) this.#idle("empty DATA frames");
    // Padding is nobody's to take.
    if (length > stop - start) this.consumed(stream, length - (stop - start));
    const fault = stream.receive(bytes.subarray(start, stop), isEnd);
    if (fault !== undefined) {
      // What the stream was not given is not in its books.
      if (stream === this.#fresh) this.#options.refused(400, fault);
      this.#refuseStream(stream, ErrorCode.protocol);
    }
  }

  /** DATA for a stream that takes none. */
  #strayData(id: number, stream: Stream | undefined): void {
    if (stream !== undefined) return this.#refuseStream(stream, ErrorCode.streamClosed);
    this.#mustNotBeIdle(id, "DATA");
    if (this.#recent.end(id) === "cut") return this.#idle("DATA for streams that were reset");
    this.#countReset();
    this.#reset(id, ErrorCode.streamClosed);
  }

  #headers(): void {
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
      if (end - at < PRIORITY_BYTES) throw new ConnectionError(ErrorCode.frameSize, "HEADERS too short");
      isSelfDependent = readUint31(bytes, at) === id;
      at += PRIORITY_BYTES;
    }
    if (at === end && (flags & Flag.endHeaders) === 0) this.#idle("empty HEADERS frames");
    const block = { stream: id, isEnd: (flags & Flag.endStream) !== 0, isSelfDependent };
    if (flags & Flag.endHeaders) this.#block(block, bytes, at, end);
    else this.#blocks.begin(block, bytes, at, end);
  }

  #continuation(): void {
    const { type, stream, flags, bytes, start, end } = this.#reader;
    if (type !== FrameType.continuation || stream !== this.#blocks.stream) {
      throw protocolError("another frame within a header block");
    }
    if (start === end) this.#idle("empty CONTINUATION frames");
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
    if (id > this.#lastStream) return this.#open(block, head);
    switch (this.#recent.end(id)) {
      case "cut":
        return this.#idle("HEADERS for streams that were reset");
      case "over":
        throw new ConnectionError(ErrorCode.streamClosed, "HEADERS on a stream that is over");
      case "unknown":
        throw protocolError("streams out of order");
    }
  }

  #open(block: HeaderBlock, head: RequestHead | HeadFault): void {
    const { stream: id, isEnd } = block;
    // It crossed the last GOAWAY, and the client knows from that that it was not served.
    if (this.#phase >= Phase.last) return this.#idle("streams after GOAWAY");
    this.#lastStream = id;
    this.#recent.opened(id);
    if (isFault(head)) return this.#refuseHead(block, head);
    if (block.isSelfDependent) {
      this.#options.refused(400, "a stream that depends on itself");
      return this.#refuse(id, ErrorCode.protocol);
    }
    if (isEnd && head.contentLength > 0) {
      this.#options.refused(400, "content-length and the body differ");
      return this.#refuse(id, ErrorCode.protocol);
    }
    // Streams that the client has reset count as long as somebody works for them.
    const isFull = this.#streams.size >= MAX_STREAMS || this.#working >= MAX_STREAMS;
    if (isFull || this.sender.pendingBytes > limits.MAX_PENDING_BYTES) {
      return this.#refuse(id, ErrorCode.refusedStream);
    }
    const stream = new Stream(this, id, head, isEnd, limits.STREAM_WINDOW_BYTES);
    this.#streams.set(id, stream);
    this.#fresh = stream;
    if (isEnd || head.isAsking) this.#serveFresh();
  }

  /** A request that is none, or too large, is answered with a status only where that is safe. */
  #refuseHead({ stream: id, isEnd }: HeaderBlock, { status, reason }: HeadFault): void {
    this.#options.refused(status, reason);
    if (status !== 431) return this.#refuse(id, ErrorCode.protocol);
    this.#countReset();
    this.sender.head(id, status, {}, 0, true);
    if (!isEnd) this.#reset(id, ErrorCode.none);
    this.touched();
  }

  #trailers(stream: Stream, block: HeaderBlock, fault: HeadFault | undefined): void {
    if (stream.isReceived) return this.#refuseStream(stream, ErrorCode.streamClosed);
    if (!block.isEnd || block.isSelfDependent || fault !== undefined || !stream.isComplete) {
      return this.#refuseStream(stream, ErrorCode.protocol);
    }
    stream.end();
  }

  #priority(): void {
    const { stream: id, bytes, start, end } = this.#reader;
    if (id === 0) throw protocolError("PRIORITY on stream 0");
    const stream = this.#streams.get(id);
    if (end - start !== PRIORITY_BYTES) {
      if (stream === undefined)
        throw new ConnectionError(ErrorCode.frameSize, `PRIORITY of ${end - start} bytes`);
      return this.#refuseStream(stream, ErrorCode.frameSize);
    }
    if (readUint31(bytes, start) === id) {
      if (stream === undefined) throw protocolError("a stream that depends on itself");
      return this.#refuseStream(stream, ErrorCode.protocol);
    }
    // RFC 9113 §5.3.2 lets a server ignore what a priority says.
    this.#idle("PRIORITY frames");
  }

  #rstStream(): void {
    const { stream: id, start, end } = this.#reader;
    if (id === 0) throw protocolError("RST_STREAM on stream 0");
    if (end - start !== 4)
      throw new ConnectionError(ErrorCode.frameSize, `RST_STREAM of ${end - start} bytes`);
    this.#mustNotBeIdle(id, "RST_STREAM");
    const stream = this.#streams.get(id);
    if (stream === undefined) return this.#idle("RST_STREAM for streams that are over");
    this.#countReset();
    stream.abort();
  }

  #settings(): void {
    const { stream, flags, bytes, start, end } = this.#reader;
    if (stream !== 0) throw protocolError("SETTINGS on a stream");
    this.#idle("SETTINGS frames");
    if (flags & Flag.ack) {
      if (end > start) throw new ConnectionError(ErrorCode.frameSize, "an acknowledgement with settings");
      return;
    }
    const { headerTableBytes, initialWindow } = readSettings(bytes, start, end);
    // Acknowledged first: an answer that follows it is held against the new table.
    this.sender.acknowledgeSettings();
    if (headerTableBytes !== undefined) this.sender.resizeTable(headerTableBytes);
    if (initialWindow !== undefined) this.sender.changeInitialWindow(initialWindow, this.#streams.values());
    this.touched();
  }

  #ping(): void {
    const { stream, flags, bytes, start, end } = this.#reader;
    if (stream !== 0) throw protocolError("PING on a stream");
    if (end - start !== 8) throw new ConnectionError(ErrorCode.frameSize, `PING of ${end - start} bytes`);
    this.#idle("PING frames");
    if (flags & Flag.ack) {
      if (this.#farewellByMs > 0 && FAREWELL.compare(bytes, start, end) === 0) this.#sayLast();
      return;
    }
    this.sender.ping(Flag.ack, bytes, start);
    this.touched();
  }

  #goAway(): void {
    const { stream, start, end } = this.#reader;
    if (stream !== 0) throw protocolError("GOAWAY on a stream");
    if (end - start < 8) throw new ConnectionError(ErrorCode.frameSize, `GOAWAY of ${end - start} bytes`);
    this.#idle("GOAWAY frames");
    // The client opens no more streams; those that it has opened are served.
    if (this.#phase < Phase.last) this.#sayLast();
  }

  #windowUpdate(): void {
    const { stream: id, bytes, start, end } = this.#reader;
    if (end - start !== 4) {
      throw new ConnectionError(ErrorCode.frameSize, `WINDOW_UPDATE of ${end - start} bytes`);
    }
    const bytesMore = readUint31(bytes, start);
    this.#idle("WINDOW_UPDATE frames");
    if (id === 0) {
      if (bytesMore === 0) throw protocolError("WINDOW_UPDATE by nothing");
      this.sender.widen(bytesMore);
      return this.touched();
    }
    this.#mustNotBeIdle(id, "WINDOW_UPDATE");
    const stream = this.#streams.get(id);
    // It crossed the end of the stream.
    if (stream === undefined) return;
    if (bytesMore === 0) return this.#refuseStream(stream, ErrorCode.protocol);
    stream.sendWindow += bytesMore;
    if (stream.sendWindow > limits.MAX_WINDOW) return this.#refuseStream(stream, ErrorCode.flowControl);
    this.sender.pump();
    this.touched();
  }

  /** Checks the padding of the current frame. @returns where its content begins */
  #unpadded(): number {
    const { bytes, start, end } = this.#reader;
    if (start === end) throw new ConnectionError(ErrorCode.frameSize, "padding without its length");
    if (start + 1 + (bytes[start] ?? 0) > end) throw protocolError("more padding than frame");
    return start + 1;
  }

  #mustNotBeIdle(id: number, what: string): void {
    if (id > this.#lastStream || id % 2 === 0) throw protocolError(`${what} on an idle stream`);
  }

  // Ends.

  #serveFresh(): void {
    const stream = this.#fresh;
    if (stream === undefined) return;
    this.#fresh = undefined;
    if (stream.isClosed) return;
    this.#working++;
    this.#options.begin();
    this.#options.serve(stream);
  }

  /** Resets a stream through the client's fault. */
  #refuseStream(stream: Stream, code: ErrorCode): void {
    this.#countReset();
    this.cut(stream, code);
  }

  /** As {@link #refuseStream}, for one that has not become a request. */
  #refuse(id: number, code: ErrorCode): void {
    this.#countReset();
    this.#reset(id, code);
  }

  #reset(id: number, code: ErrorCode): void {
    this.#recent.cut(id);
    this.sender.reset(id, code);
    this.touched();
  }

  /**
   * A stream was reset, by the client or because of it: either way work was begun, and the stream no longer counts
   * against the streams that a client may have at a time.
   */
  #countReset(): void {
    if (!this.#resets.spend()) throw new ConnectionError(ErrorCode.enhanceYourCalm, "too many streams reset");
  }

  #idle(what: string): void {
    if (!this.#idleFrames.spend()) throw new ConnectionError(ErrorCode.enhanceYourCalm, `too many ${what}`);
  }

  #returnWindow(bytes: number): void {
    this.#consumedBytes += bytes;
    if (this.#consumedBytes < limits.CONNECTION_WINDOW_BYTES / 2) return;
    this.sender.windowUpdate(0, this.#consumedBytes);
    this.#receiveWindow += this.#consumedBytes;
    this.#consumedBytes = 0;
    this.touched();
  }

  /** What has begun must go on in time, as far as it is headers. */
  #awaitHeaders(): void {
    const isWaiting =
      this.#phase < Phase.ending &&
      (this.#phase === Phase.greeting || this.#blocks.isOpen || this.#reader.waitsForHeaders);
    if (!isWaiting) this.#headersByMs = 0;
    else if (this.#headersByMs === 0) {
      this.#headersByMs = this.#options.now() + this.#options.headersTimeoutMs;
      this.#options.watch(this);
    }
  }

  /** The second step of an end: the last stream that is served. */
  #sayLast(): void {
    this.#phase = Phase.last;
    this.#farewellByMs = 0;
    this.sender.goAway(this.#lastStream, ErrorCode.none);
    this.touched();
  }

  #endIfDone(): void {
    if (this.#phase === Phase.last && this.#streams.size === 0) this.#finish(this.idleTimeoutMs);
  }

  /** @param status - for the record */
  #fail(error: unknown, status?: number): void {
    if (this.#phase >= Phase.ending) return;
    const isProtocol = error instanceof ConnectionError;
    const code = isProtocol ? error.code : ErrorCode.internal;
    const isCalm = code === ErrorCode.enhanceYourCalm;
    const reason = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
    this.#options.refused(
      status ?? (isCalm ? 429 : isProtocol ? 400 : 500),
      isProtocol ? error.message : reason,
    );
    this.#fresh = undefined;
    this.#phase = Phase.ending;
    this.#abortAll();
    this.sender.goAway(this.#lastStream, code);
    this.#finish(EARLY_ANSWER_LINGER_MS);
  }

  /** @param takeMs - for the client to take what is on its way to it */
  #finish(takeMs: number): void {
    this.#phase = Phase.ending;
    this.flush();
    this.#overByMs = this.#options.now() + takeMs;
    this.#options.watch(this);
    // Then the client has a moment to end its side: closing at once would reset the connection before it has read.
    this.#options.transport.end(() => {
      this.#overByMs = Math.min(this.#overByMs, this.#options.now() + EARLY_ANSWER_LINGER_MS);
    });
    // What still comes is read and thrown away.
    if (this.#isPaused) this.#options.transport.resume();
  }

  #abortAll(): void {
    for (const stream of this.#streams.values()) stream.abort();
  }
}

const PRIORITY_BYTES = 5;

function protocolError(message: string): ConnectionError {
  return new ConnectionError(ErrorCode.protocol, message);
}

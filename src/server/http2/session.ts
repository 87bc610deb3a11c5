/**
 * One HTTP/2 connection of a client (RFC 9113): frames in, requests out. It knows nothing of sockets and timers, so
 * that tests can drive it byte by byte and with a clock of their own.
 */
import type { BodyBudget } from "../body.js";
import type { Exchange } from "../exchange.js";
import { EARLY_ANSWER_LINGER_MS, MAX_HEADER_BYTES, MAX_STREAMS } from "../limits.js";
import type { Peer } from "../peer.js";
import type { Watched } from "./deadlines.js";
import { ConnectionError, ErrorCode, frameSizeError, protocolError } from "./errors.js";
import { Flag, FrameType } from "./frame.js";
import { FrameReader, readUint31 } from "./frame-reader.js";
import { Intake, type IntakeHost } from "./intake.js";
import * as limits from "./limits.js";
import { Outbox } from "./outbox.js";
import { Pace } from "./pace.js";
import { readSettings } from "./peer-settings.js";
import { Sender } from "./sender.js";
import type { SessionOptions } from "./session-options.js";
import { Streams } from "./streams.js";
import type { StreamsHost } from "./streams-host.js";
import { Tolerance } from "./tolerance.js";

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

export class Session implements StreamsHost, IntakeHost, Watched {
  readonly peer: Peer;
  readonly bodies: BodyBudget;
  readonly sender: Sender;
  readonly idleTimeoutMs: number;
  readonly #options: SessionOptions;
  readonly #outbox: Outbox;
  readonly #reader = new FrameReader();
  readonly #intake: Intake;
  readonly #tolerance: Tolerance;
  readonly #streams: Streams;
  #phase: (typeof Phase)[keyof typeof Phase] = Phase.greeting;
  readonly #pace = new Pace();
  /** Written to within this turn: {@link flush} is going to be called, or the end of what is being read writes. */
  #isDirty = false;
  /** Deadlines; 0 for none. */
  #headersByMs: number;
  /** Frames that stood by themselves or began a header block, and how many there were when headers were waited for. */
  #frames = 0;
  #framesThen = 0;
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
    this.#intake = new Intake(this, this.#reader, transport, options.turn);
    this.#tolerance = new Tolerance(now);
    this.sender = new Sender({
      outbox: this.#outbox,
      date: options.date,
      held: options.held,
      spending: (bytes, isShort) => this.#tolerance.answered(bytes, isShort),
      giveUp: () => this.fail(new ConnectionError(ErrorCode.enhanceYourCalm, "answers are not taken")),
    });
    this.#streams = new Streams(this, this.#reader, this.sender, this.#tolerance);
    this.#headersByMs = now() + options.headersTimeoutMs;
    options.watch(this);
    this.sender.greet(MAX_STREAMS, MAX_HEADER_BYTES);
    this.touched();
  }

  /** Streams that are open. */
  get openStreams(): number {
    return this.#streams.size;
  }

  /** Takes the client's next bytes, the first `length` of `chunk`, which it does not keep; never throws. */
  receive(chunk: Buffer, length = chunk.length): void {
    // Thrown away: closing at once would reset the connection, and the client would not read why.
    if (this.isEnding) return;
    this.#intake.receive(chunk, length);
  }

  // What the intake asks for.

  get isEnding(): boolean {
    return this.#phase >= Phase.ending;
  }

  get isBlocked(): boolean {
    return this.#outbox.isBlocked;
  }

  paused(): void {
    this.#streams.serveFresh();
  }

  wasRead(): void {
    this.#awaitHeaders();
    this.#endIfDone();
    if (!this.#isDirty) return;
    if (this.#pace.waits()) return this.#pace.read();
    this.#pace.answered();
    this.#write();
  }

  /** Writes what this turn has gathered. */
  flush(): void {
    this.#pace.gathered();
    this.#write();
  }

  #write(): void {
    this.#isDirty = false;
    if (this.#phase === Phase.over) return;
    this.#outbox.flush();
    if (!this.#outbox.isBlocked || this.#drainedByMs > 0 || this.isEnding) return;
    // Who does not take answers gets to ask nothing more; otherwise they would pile up here.
    this.#drainedByMs = this.#options.now() + this.idleTimeoutMs;
    this.#intake.pause();
    this.#options.watch(this);
  }

  /** The client has taken all that was written. */
  drained(): void {
    this.#outbox.drained();
    this.#drainedByMs = 0;
    if (this.isEnding) return;
    this.sender.pump();
    this.touched();
    this.#intake.resume();
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
    this.#streams.abort();
    this.#intake.drop();
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
    if (this.isEnding) return true;
    if (this.#headersByMs > 0 && nowMs >= this.#headersByMs) {
      this.fail(new ConnectionError(ErrorCode.enhanceYourCalm, "headers were not received in time"), 408);
      return true;
    }
    if (this.#farewellByMs > 0 && nowMs >= this.#farewellByMs) this.#sayLast();
    const isWaiting = this.#streams.check(nowMs);
    this.#endIfDone();
    const deadlines = this.#headersByMs + this.#drainedByMs + this.#farewellByMs + this.#overByMs;
    return deadlines > 0 || isWaiting;
  }

  // What streams ask for.

  get isLast(): boolean {
    return this.#phase >= Phase.last;
  }

  now(): number {
    return this.#options.now();
  }

  serve(exchange: Exchange): void {
    this.#options.serve(exchange);
  }

  refused(status: number, reason: string): void {
    this.#options.refused(status, reason);
  }

  begin(): void {
    this.#options.begin();
  }

  end(): void {
    this.#options.end();
  }

  touched(): void {
    if (this.#isDirty) return;
    this.#isDirty = true;
    if (!this.#intake.isReading || this.#pace.waits()) this.#options.turn.add(this);
  }

  watch(): void {
    this.#options.watch(this);
  }

  closed(): void {
    if (!this.#intake.isReading) this.#endIfDone();
  }

  // Frames.

  frame(): void {
    const { type, stream } = this.#reader;
    if (this.#streams.isInBlock) return this.#streams.continuation();
    this.#frames++;
    if (this.#phase === Phase.greeting) {
      const isSettings = type === FrameType.settings && (this.#reader.flags & Flag.ack) === 0;
      if (!isSettings) throw protocolError("the first frame is not SETTINGS");
      this.#phase = Phase.open;
    }
    if (!this.#streams.isBodyOfFresh(type, stream)) this.#streams.serveFresh();
    switch (type) {
      case FrameType.data:
        return this.#streams.data();
      case FrameType.headers:
        return this.#streams.headers();
      case FrameType.priority:
        return this.#streams.priority();
      case FrameType.rstStream:
        return this.#streams.rstStream();
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
        this.#tolerance.idle("frames of unknown types");
    }
  }

  #settings(): void {
    const { stream, flags, bytes, start, end } = this.#reader;
    if (stream !== 0) throw protocolError("SETTINGS on a stream");
    this.#tolerance.idle("SETTINGS frames");
    if (flags & Flag.ack) {
      if (end > start) throw frameSizeError("an acknowledgement with settings");
      return;
    }
    const { headerTableBytes, leastTableBytes, initialWindow } = readSettings(bytes, start, end);
    // Acknowledged first: an answer that follows it is held against the new table.
    this.sender.acknowledgeSettings();
    // The client has dropped what its smallest table did not hold, and waits to be told so (RFC 7541 §4.2).
    if (leastTableBytes !== undefined) this.sender.resizeTable(leastTableBytes);
    if (headerTableBytes !== undefined) this.sender.resizeTable(headerTableBytes);
    if (initialWindow !== undefined) this.sender.changeInitialWindow(initialWindow, this.#streams.all());
    this.touched();
  }

  #ping(): void {
    const { stream, flags, bytes, start, end } = this.#reader;
    if (stream !== 0) throw protocolError("PING on a stream");
    if (end - start !== 8) throw frameSizeError(`PING of ${end - start} bytes`);
    this.#tolerance.idle("PING frames");
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
    if (end - start < 8) throw frameSizeError(`GOAWAY of ${end - start} bytes`);
    this.#tolerance.idle("GOAWAY frames");
    // The client opens no more streams; those that it has opened are served.
    if (this.#phase < Phase.last) this.#sayLast();
  }

  #windowUpdate(): void {
    const { stream, bytes, start, end } = this.#reader;
    if (end - start !== 4) throw frameSizeError(`WINDOW_UPDATE of ${end - start} bytes`);
    const bytesMore = readUint31(bytes, start);
    this.#tolerance.idle("WINDOW_UPDATE frames");
    if (stream !== 0) return this.#streams.windowUpdate(stream, bytesMore);
    if (bytesMore === 0) throw protocolError("WINDOW_UPDATE by nothing");
    this.sender.widen(bytesMore);
    this.touched();
  }

  // Ends.

  /** What has begun must go on in time, as far as it is headers. */
  #awaitHeaders(): void {
    const isWaiting =
      !this.isEnding &&
      !this.#intake.isWaiting &&
      (this.#phase === Phase.greeting || this.#streams.isInBlock || this.#reader.waitsForHeaders);
    if (!isWaiting) this.#headersByMs = 0;
    else if (this.#headersByMs === 0 || this.#framesThen !== this.#frames) {
      // Of a busy client there is always something of which the rest has not come, and always something else.
      this.#framesThen = this.#frames;
      this.#headersByMs = this.#options.now() + this.#options.headersTimeoutMs;
      this.#options.watch(this);
    }
  }

  /** The second step of an end: the last stream that is served. */
  #sayLast(): void {
    this.#phase = Phase.last;
    this.#farewellByMs = 0;
    this.sender.goAway(this.#streams.last, ErrorCode.none);
    this.touched();
  }

  #endIfDone(): void {
    if (this.#phase === Phase.last && this.#streams.size === 0) this.#finish(this.idleTimeoutMs);
  }

  /** @param status - for the record */
  fail(error: unknown, status?: number): void {
    if (this.isEnding) return;
    const isProtocol = error instanceof ConnectionError;
    const code = isProtocol ? error.code : ErrorCode.internal;
    const isCalm = code === ErrorCode.enhanceYourCalm;
    const reason = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
    this.#options.refused(
      status ?? (isCalm ? 429 : isProtocol ? 400 : 500),
      isProtocol ? error.message : reason,
    );
    this.#phase = Phase.ending;
    this.#streams.abort();
    this.sender.goAway(this.#streams.last, code);
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
    this.#intake.resume();
  }
}

/** What a session sends: control frames, heads of answers, and bodies as far as the client's windows allow. */
import type { ReplyHeaders } from "../exchange.js";
import type { HeldAnswers, Holder } from "../held-answers.js";
import { ownText } from "../own-memory.js";
import type { DateField } from "./date-field.js";
import { ErrorCode as Code, ConnectionError, type ErrorCode } from "./errors.js";
import { Flag, FRAME_HEAD_BYTES, FrameType, Setting, writeFrameHead, writeUint32 } from "./frame.js";
import { HpackEncoder } from "./hpack-encoder.js";
import {
  CONNECTION_WINDOW_BYTES,
  MAX_FRAME_BYTES,
  MAX_WINDOW,
  MIN_DATA_BYTES,
  STREAM_WINDOW_BYTES,
} from "./limits.js";
import type { Outbox } from "./outbox.js";
import type { SendQueue } from "./send-queue.js";

/** The protocol's windows, before anybody changes them. */
export const DEFAULT_WINDOW = 65_535;

/** A stream as far as its answer goes. */
export interface Outgoing {
  readonly id: number;
  readonly queue: SendQueue;
  /** Bytes that the client takes on this stream; below zero after it made its windows smaller. */
  sendWindow: number;
  /** The answer ends with what is queued. */
  isEnding: boolean;
  /** Some of it is on its way. */
  moved(): void;
  /** The last byte is on its way. */
  sent(): void;
}

/** What a session's answers need of it. */
export interface SenderOptions {
  readonly outbox: Outbox;
  readonly date: DateField;
  readonly held: HeldAnswers;
  /** Called for each frame of data with its size, and with whether a window made it shorter than is sensible. */
  readonly spending: (bytes: number, isShort: boolean) => void;
  /** {@link Holder.giveUp}. */
  readonly giveUp: () => void;
}

export class Sender implements Holder {
  readonly giveUp: () => void;
  readonly #outbox: Outbox;
  readonly #encoder: HpackEncoder;
  readonly #held: HeldAnswers;
  readonly #spending: SenderOptions["spending"];
  /** Streams with bytes or an end to send, in the order of their turns. */
  readonly #waiting = new Set<Outgoing>();
  #window = DEFAULT_WINDOW;
  #initialWindow = DEFAULT_WINDOW;
  #waitingBytes = 0;
  #keptBytes = 0;

  constructor({ outbox, date, held, spending, giveUp }: SenderOptions) {
    this.#outbox = outbox;
    this.#encoder = new HpackEncoder(date);
    this.#held = held;
    this.#spending = spending;
    this.giveUp = giveUp;
  }

  /** Window of a new stream. */
  get initialWindow(): number {
    return this.#initialWindow;
  }

  /** Bytes of all answers that wait for a window. */
  get waitingBytes(): number {
    return this.#waitingBytes;
  }

  /** Those, and what else open streams hold. */
  get pendingBytes(): number {
    return this.#waitingBytes + this.#keptBytes;
  }

  /** An open stream holds so many bytes more; may end the connection. */
  keep(bytes: number): void {
    this.#keptBytes += bytes;
    this.#held.take(this, bytes);
  }

  letGo(bytes: number): void {
    this.#keptBytes -= bytes;
    this.#held.give(this, bytes);
  }

  /** Our preface: the settings, and a window for the connection, which settings cannot change. */
  greet(maxStreams: number, maxHeaderBytes: number): void {
    const entries = [
      [Setting.maxConcurrentStreams, maxStreams],
      [Setting.initialWindowSize, STREAM_WINDOW_BYTES],
      [Setting.maxHeaderListSize, maxHeaderBytes],
    ] as const;
    let at = this.#begin(FrameType.settings, 0, 0, entries.length * 6);
    const out = this.#outbox.page;
    for (const [id, value] of entries) {
      out[at] = 0;
      out[at + 1] = id;
      at = writeUint32(out, at + 2, value);
    }
    this.#outbox.wrote(at);
    this.windowUpdate(0, CONNECTION_WINDOW_BYTES - DEFAULT_WINDOW);
  }

  acknowledgeSettings(): void {
    this.#outbox.wrote(this.#begin(FrameType.settings, Flag.ack, 0, 0));
  }

  /** @param payload - eight bytes from `at` on */
  ping(flags: number, payload: Buffer, at: number): void {
    const start = this.#begin(FrameType.ping, flags, 0, 8);
    payload.copy(this.#outbox.page, start, at, at + 8);
    this.#outbox.wrote(start + 8);
  }

  goAway(lastStream: number, code: ErrorCode): void {
    const at = this.#begin(FrameType.goaway, 0, 0, 8);
    this.#outbox.wrote(writeUint32(this.#outbox.page, writeUint32(this.#outbox.page, at, lastStream), code));
  }

  reset(stream: number, code: ErrorCode): void {
    const at = this.#begin(FrameType.rstStream, 0, stream, 4);
    this.#outbox.wrote(writeUint32(this.#outbox.page, at, code));
  }

  windowUpdate(stream: number, bytes: number): void {
    const at = this.#begin(FrameType.windowUpdate, 0, stream, 4);
    this.#outbox.wrote(writeUint32(this.#outbox.page, at, bytes));
  }

  /** The client's SETTINGS_HEADER_TABLE_SIZE. */
  resizeTable(bytes: number): void {
    this.#encoder.resize(bytes);
  }

  /**
   * The client's SETTINGS_INITIAL_WINDOW_SIZE changes the windows of all streams.
   * @throws ConnectionError when one grows too large
   */
  changeInitialWindow(bytes: number, streams: Iterable<Outgoing>): void {
    const change = bytes - this.#initialWindow;
    this.#initialWindow = bytes;
    for (const stream of streams) {
      stream.sendWindow += change;
      if (stream.sendWindow > MAX_WINDOW)
        throw new ConnectionError(Code.flowControl, "a stream's window too large");
    }
    if (change > 0) this.pump();
  }

  /** The client takes more on the whole connection. @throws ConnectionError when it is more than there can be */
  widen(bytes: number): void {
    this.#window += bytes;
    if (this.#window > MAX_WINDOW)
      throw new ConnectionError(Code.flowControl, "the connection's window too large");
    this.pump();
  }

  /**
   * Sends the head of an answer.
   * @param length - for `content-length`; undefined for none
   * @throws Error when a header cannot be sent; then nothing was
   */
  head(
    stream: number,
    status: number,
    headers: ReplyHeaders,
    length: number | undefined,
    isEnd: boolean,
  ): void {
    const most = this.#encoder.measure(headers);
    const end = isEnd ? Flag.endStream : 0;
    if (most > MAX_FRAME_BYTES) return this.#longHead(stream, status, headers, length, end, most);
    const out = this.#outbox.room(FRAME_HEAD_BYTES + most);
    const head = this.#outbox.end;
    const start = head + FRAME_HEAD_BYTES;
    const stop = this.#encoder.encode(status, headers, length, out, start);
    writeFrameHead(out, head, stop - start, FrameType.headers, Flag.endHeaders | end, stream);
    this.#outbox.wrote(stop);
  }

  /** A head that may not fit into one frame. */
  #longHead(
    stream: number,
    status: number,
    headers: ReplyHeaders,
    length: number | undefined,
    endFlag: number,
    most: number,
  ): void {
    const block = Buffer.allocUnsafe(most);
    const stop = this.#encoder.encode(status, headers, length, block, 0);
    for (let at = 0; at < stop; at += MAX_FRAME_BYTES) {
      const size = Math.min(MAX_FRAME_BYTES, stop - at);
      const type = at === 0 ? FrameType.headers : FrameType.continuation;
      const flags = (at === 0 ? endFlag : 0) | (at + size === stop ? Flag.endHeaders : 0);
      const start = this.#begin(type, flags, stream, size);
      block.copy(this.#outbox.page, start, at, at + size);
      this.#outbox.wrote(start + size);
    }
  }

  /**
   * Sends the whole body of an answer, `length` bytes in UTF-8 and not none; what finds no window waits for one.
   */
  body(stream: Outgoing, text: string, length: number): void {
    stream.isEnding = true;
    const isDirect =
      length <= this.#window &&
      length <= stream.sendWindow &&
      length <= MAX_FRAME_BYTES &&
      !this.#outbox.isBlocked;
    if (!isDirect) return this.queue(stream, ownText(text));
    this.#window -= length;
    stream.sendWindow -= length;
    const at = this.#begin(FrameType.data, Flag.endStream, stream.id, length);
    this.#outbox.page.write(text, at, length, length === text.length ? "latin1" : "utf8");
    this.#outbox.wrote(at + length);
    this.#spending(length, false);
    stream.sent();
  }

  /** Sends `bytes` of a stream's answer as the windows allow, and its end when it {@link Outgoing.isEnding}. */
  queue(stream: Outgoing, bytes: Buffer): void {
    stream.queue.push(bytes);
    this.#waitingBytes += bytes.length;
    this.#waiting.add(stream);
    if (bytes.length > 0) this.#held.take(this, bytes.length);
    if (this.#outbox.isBlocked) return;
    // A body longer than one frame goes as far as it can, in its turn among others.
    this.pump();
  }

  /** Nothing more is sent on a stream. */
  forget(stream: Outgoing): void {
    if (!this.#waiting.delete(stream)) return;
    const { size } = stream.queue;
    stream.queue.clear();
    this.#release(size);
  }

  /** Sends what waits, a frame of each stream in turn, as far as windows and connection allow. */
  pump(): void {
    for (const stream of this.#waiting) {
      if (this.#outbox.isBlocked) return;
      if (!this.#sendFrame(stream)) continue;
      // Behind the others, which this loop comes to before it: the next call goes on where this one has to stop.
      this.#waiting.delete(stream);
      this.#waiting.add(stream);
    }
  }

  /** @returns whether a frame was sent and more may be */
  #sendFrame(stream: Outgoing): boolean {
    const { queue } = stream;
    const waiting = queue.size;
    // Windows may be below zero, and what has no bytes needs none.
    const size = Math.max(0, Math.min(waiting, this.#window, stream.sendWindow, MAX_FRAME_BYTES));
    if (size === 0 && waiting > 0) return false;
    const isLast = size === waiting;
    const isEnd = isLast && stream.isEnding;
    if (isLast) this.#waiting.delete(stream);
    if (waiting === 0 && !isEnd) return false;
    const start = this.#begin(FrameType.data, isEnd ? Flag.endStream : 0, stream.id, size);
    this.#outbox.wrote(queue.take(size, this.#outbox.page, start));
    this.#release(size);
    this.#window -= size;
    stream.sendWindow -= size;
    this.#spending(size, !isLast && size < MIN_DATA_BYTES);
    if (isEnd) stream.sent();
    else stream.moved();
    return !isLast;
  }

  #release(bytes: number): void {
    if (bytes === 0) return;
    this.#waitingBytes -= bytes;
    this.#held.give(this, bytes);
  }

  /** Writes a frame's head and makes room for its payload. @returns where that begins in {@link Outbox.page} */
  #begin(type: number, flags: number, stream: number, length: number): number {
    const out = this.#outbox.room(FRAME_HEAD_BYTES + length);
    return writeFrameHead(out, this.#outbox.end, length, type, flags, stream);
  }
}

/** A session of our own HTTP/2 without a socket: bytes in, frames out, and a clock that tests move. */
import { BodyBudget } from "../../src/server/body.js";
import type { Exchange } from "../../src/server/exchange.js";
import { HeldAnswers } from "../../src/server/held-answers.js";
import { DateField } from "../../src/server/http2/date-field.js";
import { Pages } from "../../src/server/http2/outbox.js";
import { Session } from "../../src/server/http2/session.js";
import type { Transport } from "../../src/server/http2/transport.js";
import { Turn } from "../../src/server/http2/turn.js";
import { MAX_HELD_BYTES } from "../../src/server/limits.js";
import { frame, PREFACE, SETTINGS } from "./raw-http2.js";

export interface SentFrame {
  readonly type: number;
  readonly flags: number;
  readonly stream: number;
  readonly payload: Buffer;
}

export const T = {
  data: 0,
  headers: 1,
  priority: 2,
  rst: 3,
  settings: 4,
  push: 5,
  ping: 6,
  goaway: 7,
  window: 8,
  continuation: 9,
} as const;

export interface HarnessOptions {
  readonly serve?: (exchange: Exchange) => void;
  /** The client has sent its preface and settings already. */
  readonly greeted?: boolean;
  readonly maxBodyBytes?: number;
  /** Shared by the connections of an engine. */
  readonly held?: HeldAnswers;
}

/** The client's end. */
export class Harness {
  readonly session: Session;
  readonly requests: Exchange[] = [];
  readonly refusals: (readonly [status: number, reason: string])[] = [];
  readonly bodies: BodyBudget;
  /** Requests begun less those ended. */
  open = 0;
  nowMs = 0;
  isEnded = false;
  isDestroyed = false;
  isPaused = false;
  /** The client takes nothing any more: what is written is counted and kept. */
  isStuck = false;
  writes = 0;
  #sent: Buffer[] = [];
  #isWatched = false;
  #turnEnds: (() => void) | undefined;

  constructor(options: HarnessOptions = {}) {
    const { serve = answerOk, greeted = true, maxBodyBytes = 1 << 20 } = options;
    this.bodies = new BodyBudget(maxBodyBytes);
    const { held = new HeldAnswers(MAX_HELD_BYTES) } = options;
    const transport: Transport = {
      write: (bytes) => {
        this.writes++;
        this.#sent.push(bytes);
        return !this.isStuck;
      },
      pause: () => {
        this.isPaused = true;
      },
      resume: () => {
        this.isPaused = false;
      },
      end: (taken) => {
        this.isEnded = true;
        if (!this.isStuck) taken();
      },
      destroy: () => {
        this.isDestroyed = true;
      },
    };
    this.session = new Session({
      transport,
      peer: { ip: "192.0.2.1" },
      bodies: this.bodies,
      pages: new Pages(),
      date: new DateField(() => 1_382_390_481_000),
      held,
      headersTimeoutMs: 5_000,
      idleTimeoutMs: 90_000,
      serve: (exchange) => {
        this.requests.push(exchange);
        serve(exchange);
      },
      refused: (status, reason) => void this.refusals.push([status, reason]),
      begin: () => {
        this.open++;
      },
      end: () => {
        this.open--;
      },
      turn: new Turn(
        () => this.nowMs,
        (run) => {
          this.#turnEnds = run;
        },
      ),
      watch: () => {
        this.#isWatched = true;
      },
      now: () => this.nowMs,
    });
    if (greeted) {
      this.send(PREFACE, frame(SETTINGS, 0, 0));
      this.frames();
    }
  }

  /** Bytes as they come from a socket within one turn. */
  send(...pieces: readonly Buffer[]): this {
    this.session.receive(Buffer.concat(pieces));
    this.turn();
    return this;
  }

  /** The end of a turn. */
  turn(): void {
    const end = this.#turnEnds;
    this.#turnEnds = undefined;
    end?.();
  }

  /** Time goes by; the session is asked as the engine's timer does. */
  pass(ms: number): void {
    this.nowMs += ms;
    if (this.#isWatched && !this.session.check(this.nowMs)) this.#isWatched = false;
    this.turn();
  }

  /** What was sent since the last call, bytes after bytes. */
  bytes(): Buffer {
    const all = Buffer.concat(this.#sent);
    this.#sent = [];
    return all;
  }

  /** What was sent since the last call, as frames. */
  frames(): SentFrame[] {
    return framesOf(this.bytes());
  }

  /** Code of the GOAWAY among `frames`, or undefined. */
  static goAway(frames: readonly SentFrame[]): number | undefined {
    return frames.findLast(({ type }) => type === T.goaway)?.payload.readUInt32BE(4);
  }

  /** Code of the RST_STREAM for `stream` among `frames`, or undefined. */
  static reset(frames: readonly SentFrame[], stream: number): number | undefined {
    return frames.find((one) => one.type === T.rst && one.stream === stream)?.payload.readUInt32BE(0);
  }
}

/** @throws Error when the bytes are no whole frames */
export function framesOf(bytes: Buffer): SentFrame[] {
  const frames: SentFrame[] = [];
  for (let at = 0; at < bytes.length; ) {
    const size = bytes.readUIntBE(at, 3);
    const payload = bytes.subarray(at + 9, at + 9 + size);
    if (payload.length !== size) throw new Error("half a frame was sent");
    frames.push({
      type: bytes[at + 3] ?? 0,
      flags: bytes[at + 4] ?? 0,
      stream: bytes.readUInt32BE(at + 5),
      payload,
    });
    at += 9 + size;
  }
  return frames;
}

/** Reads the body and answers 200 with its length. */
export function answerOk(exchange: Exchange): void {
  const answer = (text: string): void => {
    exchange.reply(200, { "content-type": "text/plain" }, text);
    exchange.finished();
  };
  if (exchange.bodyless) return answer("none");
  exchange.readBody(100_000, (body) => {
    if (typeof body !== "string") return answer(String(body.length));
    if (body === "aborted") return exchange.finished();
    exchange.reply(413, {}, body);
    exchange.finished();
  });
}

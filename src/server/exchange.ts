/** One HTTP request and its answer, whatever the version of HTTP; what the pipeline works on. */
import type { BodyFailure } from "./body.js";
import type { STREAM_LINGER_MS } from "./limits.js";
import type { Peer } from "./peer.js";

/** Header fields of an answer, lower-case names. */
export type ReplyHeaders = Record<string, string | number>;

export interface Exchange {
  readonly peer: Peer;
  readonly method: string;
  /** The request target as sent. */
  readonly target: string;
  /** All values of a request header, lower-case name. */
  header(name: string): readonly string[];
  /** True when the request declares that it has no body at all. */
  readonly bodyless: boolean;
  /**
   * Reads the body, at most `limit` bytes; `done` is called once. The body is lent to it: what is kept of it longer
   * must be copied. `too-large` is known before the rest is read where the length is declared.
   */
  readBody(limit: number, done: (body: Buffer | BodyFailure) => void): void;
  /** Calls back when the client goes away before the whole answer is sent, and perhaps also after. */
  onGone(callback: () => void): void;
  /** The request has its answer, or nobody waits for it any more. To be called once. */
  finished(): void;
  /** Sends the whole answer. `body` is absent for an empty one. */
  reply(status: number, headers: ReplyHeaders, body?: string): void;
  /** Begins an answer without end; headers leave at once. */
  stream(status: number, headers: ReplyHeaders): StreamWriter;
}

/** The body of an answer that goes on. */
export interface StreamWriter {
  /** False when more than the allowed amount waits for the client; then end it. */
  readonly write: (text: string) => boolean;
  /**
   * Ends the answer after `last`, which is sent whatever waits already. A client that does not take it all within
   * {@link STREAM_LINGER_MS} is cut off.
   */
  readonly end: (last?: string) => void;
  /** Calls back once when the client has gone or the answer has ended; at once when that has happened already. */
  readonly onClose: (callback: () => void) => void;
}

import type { BodyBudget } from "../body.js";
import type { Peer } from "../peer.js";
import type { ErrorCode } from "./errors.js";
import type { Sender } from "./sender.js";
import type { Stream } from "./stream.js";

/** What a stream asks of its session. */
export interface StreamHost {
  readonly peer: Peer;
  readonly bodies: BodyBudget;
  readonly sender: Sender;
  readonly idleTimeoutMs: number;
  /** Milliseconds, monotonic. */
  now(): number;
  /** Something is to be sent. */
  touched(): void;
  /** Looks at the stream's deadlines from now on. */
  watch(stream: Stream): void;
  /** `bytes` of a body were taken or thrown away: the client may send as many more. */
  consumed(stream: Stream, bytes: number): void;
  /** Ends the stream with RST_STREAM. */
  cut(stream: Stream, code: ErrorCode): void;
  /** The stream is over. */
  closed(stream: Stream): void;
  /** The request was served, or nobody waits for it any more. */
  finished(): void;
  /** An answer that goes on begins, and ends: so long the connection is not idle. */
  held(isHeld: boolean): void;
}

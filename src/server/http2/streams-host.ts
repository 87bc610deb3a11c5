import type { BodyBudget } from "../body.js";
import type { Exchange } from "../exchange.js";
import type { Peer } from "../peer.js";

/** What streams need of their connection. */
export interface StreamsHost {
  readonly peer: Peer;
  readonly bodies: BodyBudget;
  readonly idleTimeoutMs: number;
  /** The client knows which stream was the last. */
  readonly isLast: boolean;
  /** Milliseconds, monotonic. */
  now(): number;
  /** Serves one request; never throws. */
  serve(exchange: Exchange): void;
  /** Something was refused before there was a request to speak of. */
  refused(status: number, reason: string): void;
  /** A request begins, and ends. */
  begin(): void;
  end(): void;
  /** Something is to be sent. */
  touched(): void;
  /** `Streams.check` is wanted from now on. */
  watch(): void;
  /** A stream is over. */
  closed(): void;
}

/** One connection to a key server, over either version of HTTP. */
import type { KesError } from "../errors.js";
import type { ConnectionGone } from "./faults.js";

/** What goes over the wire. */
export interface WireRequest {
  readonly method: "GET" | "POST" | "PUT" | "DELETE";
  readonly path: string;
  readonly body?: Uint8Array | undefined;
}

/** The beginning of an answer; never an interim one. */
export interface ReplyHead {
  readonly status: number;
  /** As sent; empty when absent, as all of these. */
  readonly contentType: string;
  readonly date: string;
  readonly location: string;
  /** NaN when absent. */
  readonly contentLength: number;
}

/** Hears what comes back: `head`, `data`…, then `end`; or `fault` at any time. Nothing after `end` or `fault`. */
export interface ReplyListener {
  head(head: ReplyHead): void;
  data(chunk: Buffer): void;
  end(): void;
  fault(error: KesError | ConnectionGone): void;
}

/** A request under way. */
export interface Exchange {
  /** Ends it; the listener hears nothing more. */
  cancel(): void;
  pause(): void;
  resume(): void;
}

/** Whose handler is asked when a connection has room again, or is gone. */
export interface ConnectionOwner {
  /** It takes one more request, or is closed. */
  changed(connection: Connection): void;
}

export interface Connection {
  readonly protocol: "h2" | "http/1.1";
  /** Takes one more request now. */
  readonly hasRoom: boolean;
  /** Requests reserved or under way. */
  readonly active: number;
  readonly isClosed: boolean;
  /** On the clock's `now`. */
  readonly openedMs: number;
  /** Something was sent on it before. */
  readonly wasUsed: boolean;
  /** Since when nothing moved, on the clock's `now`; meaningful while no request is under way. */
  readonly idleSinceMs: number;
  /** Keeps room for one request, which is then begun or released. */
  reserve(): void;
  release(): void;
  /** Begins the request that was reserved. */
  exchange(request: WireRequest, listener: ReplyListener): Exchange;
  /** Settles with true once the server has shown that the connection stands; false where it cannot be asked. */
  confirm(): Promise<boolean>;
  /** Takes no more requests and closes when those under way are done. */
  retire(): void;
  destroy(): void;
}

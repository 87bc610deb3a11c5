/**
 * What the listener hands connections to: something that speaks HTTP/1.1 or HTTP/2 on a socket whose handshake is
 * done. There is one for each version of HTTP, by Node and of our own; what they make of a request is the same.
 */
import type { Duplex } from "node:stream";
import type { TLSSocket } from "node:tls";
import type { BodyBudget } from "./body.js";
import type { Connection } from "./connections.js";
import type { Exchange } from "./exchange.js";
import type { HeldAnswers } from "./held-answers.js";
import type { ConnectionLimits } from "./limits.js";
import type { Peer } from "./peer.js";

export interface Engine {
  /** Serves HTTP on a socket whose TLS handshake is done and whose ALPN chose this engine's protocol. */
  take(socket: TLSSocket, connection: Connection): void;
  /** Lets go of what the engine holds; its connections have been closed before. */
  close(): void;
}

/** What of a TLS socket an engine of our own needs. */
export interface EngineSocket extends Duplex {
  /** Closes when all that was written has left. */
  destroySoon(): void;
}

export interface EngineOptions {
  /** Serves one request; never throws. */
  readonly serve: (exchange: Exchange) => void;
  /** A request that was no HTTP, or not in time, was answered with `status`: it leaves a record as well. */
  readonly refused: (peer: Peer, status: number, reason: string) => void;
  readonly limits: ConnectionLimits;
  readonly bodies: BodyBudget;
  readonly held: HeldAnswers;
}

/**
 * Where every request goes. One that is served from memory passes through without a promise, a timer that fires or an
 * allocation that could be spared.
 */
import type { Exchange } from "./exchange.js";
import type { Peer } from "./peer.js";
import { Permits } from "./permits.js";
import { type PipelineParts, Request } from "./request.js";

/** Serves one request; never throws. */
export class Pipeline {
  readonly #parts: PipelineParts;
  readonly #permits = new Permits();

  constructor(parts: PipelineParts) {
    this.#parts = parts;
  }

  readonly serve = (exchange: Exchange): void => {
    const state = this.#parts.state();
    const request = new Request(exchange, this.#parts, this.#permits, state);
    try {
      request.run();
    } catch (error) {
      request.fail(error);
    }
  };

  /** Records what the HTTP parser refused before there was a request to speak of. */
  readonly refused = (peer: Peer, status: number, reason: string): void => {
    const { auditLog, metrics, requestId } = this.#parts;
    metrics.full.requests.add("", status, 0, "", "", false);
    if (!auditLog.wanted) return auditLog.count();
    const { ip, identity = "" } = peer;
    const message = `refused: not a valid HTTP request (${reason})`;
    auditLog.record({
      timeMs: Date.now(),
      requestId: requestId(),
      method: "",
      path: "",
      ip,
      identity,
      status,
      durationNs: 0,
      message,
    });
  };
}

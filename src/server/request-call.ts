/** A request as handlers see it, with its deadline. */
import type { Call, Caller } from "../api/route.js";
import type { Exchange } from "./exchange.js";

/** Implements {@link Call}; the abort signal and its timer exist only for requests that have to wait. */
export class RequestCall implements Call {
  readonly argument: string;
  readonly body: unknown;
  readonly query: string;
  readonly caller: Caller;
  readonly #exchange: Pick<Exchange, "header">;
  readonly #deadlineMs: number;
  #controller: AbortController | undefined;
  #timer: NodeJS.Timeout | undefined;

  /** @param deadlineMs - on the clock of `performance.now()`; 0 for none */
  constructor(
    exchange: Pick<Exchange, "header">,
    argument: string,
    body: unknown,
    query: string,
    caller: Caller,
    deadlineMs: number,
  ) {
    this.#exchange = exchange;
    this.argument = argument;
    this.body = body;
    this.query = query;
    this.caller = caller;
    this.#deadlineMs = deadlineMs;
  }

  accept(): readonly string[] {
    return this.#exchange.header("accept");
  }

  signal(): AbortSignal {
    if (this.#controller === undefined) {
      const controller = new AbortController();
      this.#controller = controller;
      if (this.#deadlineMs > 0) {
        this.#timer = setTimeout(() => controller.abort(), Math.max(0, this.#deadlineMs - performance.now()));
      }
    }
    return this.#controller.signal;
  }

  /** Nobody waits for the answer any more. */
  abandon(): void {
    this.signal();
    this.#controller?.abort();
  }

  /** The request has been answered: the timer is not needed any more. */
  dispose(): void {
    clearTimeout(this.#timer);
  }
}

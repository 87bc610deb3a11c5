/** One call: checked arguments into a path, one request, and anything but success as an error. */
import { KesError } from "../errors.js";
import { isName } from "../names.js";
import { onAbort } from "./abort.js";
import { errorOfReply } from "./answer-errors.js";
import type { Clock } from "./clock.js";
import { invalid } from "./members.js";
import { printable } from "./printable.js";
import type { ApiReply, ApiRequest, Transport } from "./transport.js";
import type { CallOptions } from "./types.js";

/** Largest body that a server takes (KES reference §3.1). */
export const MAX_BODY_BYTES = 1_000_000;

/** What a call asks for; the rest of {@link ApiRequest} comes from the caller's options. */
export interface Request {
  readonly method: ApiRequest["method"];
  readonly path: string;
  /** Sent as JSON. */
  readonly body?: unknown;
  /** Default true. */
  readonly repeatable?: boolean;
}

/** Sends calls over a transport. */
export class Caller {
  readonly transport: Transport;
  readonly clock: Clock;
  readonly #timeoutMs: number;

  /** @param timeoutMs - of calls that do not say; 0 for none */
  constructor(transport: Transport, timeoutMs: number, clock: Clock) {
    this.transport = transport;
    this.clock = clock;
    this.#timeoutMs = timeoutMs;
  }

  /**
   * Waits for half of `ms` to `ms`, so that clients that lost one server do not come back as one; or until `signal` is
   * aborted.
   * @param tell - is told how long
   */
  pause(ms: number, signal: AbortSignal | undefined, tell: (pauseMs: number) => void): Promise<void> {
    const pauseMs = Math.round(ms * (1 - this.clock.random() / 2));
    tell(pauseMs);
    return new Promise((resolve) => {
      const over = (): void => {
        leave?.();
        cancel();
        resolve();
      };
      const cancel = this.clock.after(pauseMs, over);
      const leave = signal && onAbort(signal, over);
      if (signal?.aborted) over();
    });
  }

  /** The time that a call has in all. */
  deadline(options: CallOptions): Deadline {
    return new Deadline(options.timeoutMs ?? this.#timeoutMs, this.clock);
  }

  /**
   * Sends one request.
   * @returns the answer, which has status 200
   * @throws KesError of what the server or the transport says; `BODY_TOO_LARGE` before anything is sent
   */
  async send(request: Request, options: CallOptions): Promise<ApiReply> {
    const { method, path, body, repeatable = true } = request;
    const bytes = body === undefined ? undefined : Buffer.from(JSON.stringify(body));
    if (bytes !== undefined && bytes.length > MAX_BODY_BYTES)
      throw new KesError("BODY_TOO_LARGE", [MAX_BODY_BYTES]);
    const reply = await this.transport.send({
      method,
      path,
      repeatable,
      timeoutMs: options.timeoutMs ?? this.#timeoutMs,
      ...(bytes === undefined ? {} : { body: bytes }),
      ...(options.signal === undefined ? {} : { signal: options.signal }),
    });
    if (reply.status !== 200) throw errorOfReply(reply);
    return reply;
  }

  /** Sends a request whose success has no content. @throws KesError as {@link send} */
  async command(request: Request, options: CallOptions): Promise<void> {
    const reply = await this.send(request, options);
    // A page of some proxy with status 200 must not read as "key created".
    if (reply.body.length > 0) throw invalid(reply.endpoint, "success should have no content");
  }
}

/** How much of a call's time is left. */
export class Deadline {
  readonly #totalMs: number;
  readonly #clock: Clock;
  readonly #startMs: number;

  constructor(totalMs: number, clock: Clock) {
    this.#totalMs = totalMs;
    this.#clock = clock;
    this.#startMs = clock.now();
  }

  /** Milliseconds since the call began. */
  get elapsedMs(): number {
    return this.#clock.now() - this.#startMs;
  }

  /** `timeoutMs` for a part of the call: at most `share` of the whole. @throws KesError `CALL_TIMEOUT` when none is left */
  part(share = 1): number {
    if (this.#totalMs === 0) return 0;
    const leftMs = Math.min(this.#totalMs * share, this.#totalMs - this.elapsedMs);
    if (leftMs <= 0) throw new KesError("CALL_TIMEOUT", [this.#totalMs, "no time is left"]);
    return Math.max(1, Math.round(leftMs));
  }
}

/** What a path's last segment names. */
export type Argument = "KEY_NAME_INVALID" | "POLICY_NAME_INVALID" | "IDENTITY_INVALID";

/**
 * `prefix` and a name as one segment.
 * @param prefix - ends in `/`
 * @throws KesError with the code `argument` for what is no name, before anything is sent
 */
export function pathTo(prefix: string, name: string, argument: Argument): string {
  // A name has no character that would need an escape.
  if (!isName(name)) throw new KesError(argument, [printable(name)]);
  return prefix + name;
}

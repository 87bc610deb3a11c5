/** What the calls of the SDK need of the network: one request to whichever endpoint answers. */

/** One call, as it goes over the wire. */
export interface ApiRequest {
  readonly method: "GET" | "POST" | "PUT" | "DELETE";
  /** Begins with `/`; each argument is escaped already. */
  readonly path: string;
  /** JSON. Sent whole to every endpoint that is tried. */
  readonly body?: Uint8Array;
  /**
   * True when it does no harm that a server does it twice. False: once the request may have reached a server, it is
   * not sent again, and the outcome is unknown ({@link KesError} `ANSWER_LOST`; `ANSWER_INVALID` and
   * `ANSWER_TOO_LARGE` likewise). `CALL_TIMEOUT` and `ENDPOINT_UNREACHABLE` then say that no server had it. An answer
   * of 500 and above is then final too, for a server that fails may have done it.
   */
  readonly repeatable: boolean;
  readonly signal?: AbortSignal;
  /** Over all endpoints and repeats; 0 for none (streams). */
  readonly timeoutMs?: number;
}

/** A whole answer; any status. */
export interface ApiReply {
  readonly status: number;
  /** Lower case, without parameters; empty when the server sent none. */
  readonly contentType: string;
  /** The server's clock, milliseconds since the epoch, where it told. */
  readonly dateMs?: number;
  /** At most 1 MiB. */
  readonly body: Buffer;
  /** `https://host:port` of the endpoint that answered. */
  readonly endpoint: string;
  /** Round trip of the attempt that was answered. */
  readonly elapsedMs: number;
}

/** An answer that goes on. Only 2xx; anything else is thrown as its error. */
export interface ApiStream {
  readonly contentType: string;
  readonly endpoint: string;
  /** Ends when the server closes in order; throws a KesError when the connection breaks. `return` closes it. */
  readonly body: AsyncIterable<Uint8Array>;
}

export interface Transport {
  /**
   * Tries endpoints until one answers below 500 (or 501), as KES reference §12.4 with its faults mended; returns the
   * last answer of any status when none did better.
   * @throws KesError of the client's codes when no endpoint answered; the signal's reason when aborted
   */
  send(request: ApiRequest): Promise<ApiReply>;
  /** @throws as {@link send} */
  stream(request: ApiRequest): Promise<ApiReply | ApiStream>;
  /** The identity that servers see; undefined for a client without certificate. */
  readonly identity: string | undefined;
  /** Waits for nothing: open calls reject. */
  close(): Promise<void>;
}

/** A network for the SDK's calls that answers as the test says; and a clock that the test moves. */
import { KesClient } from "../../src/client/client.js";
import type { Clock } from "../../src/client/clock.js";
import type { ApiReply, ApiRequest, ApiStream, Transport } from "../../src/client/transport.js";

export const ENDPOINT = "https://kes.test:7373";
export const IDENTITY = "3ecfcdf38fcbe141ae26a1030f81e96b753365a46760ae6b578698a97c59fd22";

/** Answers one request, or throws what the transport would. */
export type Handler = (request: ApiRequest) => ApiReply | ApiStream | Promise<ApiReply | ApiStream>;

export class FakeTransport implements Transport {
  identity: string | undefined = IDENTITY;
  isClosed = false;
  readonly requests: ApiRequest[] = [];
  #handler: Handler;

  constructor(handler: Handler) {
    this.#handler = handler;
  }

  async send(request: ApiRequest): Promise<ApiReply> {
    const answer = await this.stream(request);
    if (!("status" in answer)) throw new Error("a stream where a whole answer is asked for");
    return answer;
  }

  async stream(request: ApiRequest): Promise<ApiReply | ApiStream> {
    request.signal?.throwIfAborted();
    this.requests.push(request);
    return this.#handler(request);
  }

  async close(): Promise<void> {
    this.isClosed = true;
  }

  /** `METHOD path` of every request so far. */
  get calls(): string[] {
    return this.requests.map(({ method, path }) => `${method} ${path}`);
  }
}

/** A clock that stands still, but that whoever waits brings it forward. */
export class FakeClock implements Clock {
  timeMs = 0;
  readonly pauses: number[] = [];

  now(): number {
    return this.timeMs;
  }

  wallNow(): number {
    return this.timeMs;
  }

  after(delayMs: number, task: () => void): () => void {
    this.pauses.push(delayMs);
    let isCancelled = false;
    queueMicrotask(() => {
      if (isCancelled) return;
      this.timeMs += delayMs;
      task();
    });
    return () => {
      isCancelled = true;
    };
  }

  random(): number {
    return 0;
  }
}

/** An answer with status 200 and JSON, unless told otherwise. */
export function reply(body: unknown, about: Partial<ApiReply> = {}): ApiReply {
  return {
    status: 200,
    contentType: "application/json",
    body: Buffer.isBuffer(body) ? body : Buffer.from(JSON.stringify(body)),
    endpoint: ENDPOINT,
    elapsedMs: 5,
    ...about,
  };
}

/** Success without content. */
export function done(about: Partial<ApiReply> = {}): ApiReply {
  return reply(Buffer.alloc(0), { contentType: "", ...about });
}

/** A refusal as KES words it. */
export function refusal(status: number, message: string, about: Partial<ApiReply> = {}): ApiReply {
  return reply({ message }, { status, ...about });
}

/** A client over `handler`. */
export function clientOver(handler: Handler): {
  client: KesClient;
  transport: FakeTransport;
  clock: FakeClock;
} {
  const transport = new FakeTransport(handler);
  const clock = new FakeClock();
  return { client: new KesClient({ endpoints: ENDPOINT }, { transport, clock }), transport, clock };
}

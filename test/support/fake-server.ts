/** A server whose answers a test plays by hand, in place of a client of the SDK. */

import { CommandError } from "../../src/cli/command.js";
import type { Target } from "../../src/cli/remote/each-server.js";
import type { LogOptions, ServerMetrics, ServerStatus } from "../../src/client/types.js";
import { isKesError } from "../../src/errors.js";

/** A log stream: what is sent is what its reader gets. */
export class FakeLog<T> {
  #options: LogOptions | undefined;
  #queue: (T | Error)[] = [];
  #wake: () => void = () => {};
  isOpen = false;

  async *open(options: LogOptions): AsyncGenerator<T, void, undefined> {
    this.#options = options;
    this.isOpen = true;
    const onAbort = (): void => this.#wake();
    options.signal?.addEventListener("abort", onAbort);
    try {
      while (options.signal?.aborted !== true) {
        const next = this.#queue.shift();
        if (next === undefined) await new Promise<void>((resolve) => (this.#wake = resolve));
        else if (next instanceof Error) throw next;
        else yield next;
      }
    } finally {
      options.signal?.removeEventListener("abort", onAbort);
      this.isOpen = false;
    }
  }

  connect(): void {
    this.#options?.onConnect?.("https://fake:7373");
  }

  gap(cause?: Error): void {
    this.#options?.onGap?.({ attempt: 1, retryInMs: 1, ...(cause === undefined ? {} : { cause }) });
  }

  send(event: T): void {
    this.#queue.push(event);
    this.#wake();
  }

  fail(error: Error): void {
    this.#queue.push(error);
    this.#wake();
  }
}

export class FakeServer<T> {
  readonly name: string;
  readonly log = new FakeLog<T>();
  readonly identity: string | undefined;
  /** What the next calls answer or throw. */
  status: ServerStatus | Error = fakeStatus();
  metrics: ServerMetrics | Error = fakeMetrics();
  /** Paths asked for, in their order. */
  readonly asked: string[] = [];

  constructor(name: string, identity?: string) {
    this.name = name;
    this.identity = identity;
  }

  get target(): Target {
    const answer = async <A>(path: string, value: A | Error): Promise<A> => {
      this.asked.push(path);
      if (value instanceof Error) throw value;
      return value;
    };
    // The stream's events are of whatever type the test plays; only it reads them.
    const open = (options: LogOptions = {}) => {
      this.asked.push("/v1/log/audit");
      return this.log.open(options) as AsyncIterable<never>;
    };
    return {
      name: this.name,
      client: {
        identity: this.identity,
        status: () => answer("/v1/status", this.status),
        metrics: () => answer("/v1/metrics", this.metrics),
        reload: () => answer("/v1/server/reload", undefined),
        version: () => answer("/version", { version: "test", commit: "test" }),
        apis: () => answer("/v1/api", []),
        auditLog: open,
        errorLog: open,
      },
      explain: async (error) =>
        isKesError(error) ? new CommandError(error.message, { cause: error }) : error,
    };
  }
}

export function fakeStatus(own: Partial<ServerStatus> = {}): ServerStatus {
  return {
    ...{ version: "1.2.3", os: "linux", arch: "amd64", uptimeSeconds: 93_784, cpus: 8, usableCpus: 8 },
    ...{ heapUsedBytes: 31_200_000, stackUsedBytes: 135_168, keystoreLatencyMs: 3 },
    ...{ keystoreUnreachable: false, keystoreUnavailable: false, certificates: [] },
    ...{ endpoint: "https://fake:7373", latencyMs: 5, raw: {} },
    ...own,
  };
}

/** @param own - replaces members; `cache` adds the samples of the key cache */
export function fakeMetrics(
  own: Partial<ServerMetrics> & {
    readonly cache?: readonly [hits: number, misses: number, keys: number];
  } = {},
): ServerMetrics {
  const { cache, ...members } = own;
  const samples =
    cache === undefined
      ? []
      : ["hits", "misses", "entries"].map((name, i): [string, number] => [
          `kes_cache_${name}`,
          cache[i] ?? 0,
        ]);
  return {
    ...{ requestsSucceeded: 90, requestsErred: 8, requestsFailed: 2, requestsActive: 1 },
    ...{ auditEvents: 110, errorEvents: 2, responseTimeSumSeconds: 0.5, uptimeSeconds: 100 },
    responseTimes: [
      { upToNs: 10_000_000, count: 95 },
      { upToNs: 50_000_000, count: 99 },
      { upToNs: Number.POSITIVE_INFINITY, count: 100 },
    ],
    ...{ cpus: 8, usableCpus: 4, threads: 12, heapUsedBytes: 31_200_000, heapObjects: 0 },
    ...{ stackUsedBytes: 135_168, samples: new Map(samples) },
    ...members,
  };
}

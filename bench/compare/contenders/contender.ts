/** A server in a comparison: running, with a key in its memory, and what to ask it. */
import { truncate } from "node:fs/promises";
import type { ApiAnswer } from "../../../test/support/api-client.js";
import { ApiClient } from "../../../test/support/api-client.js";
import type { LoadRequest, Protocol, Sample, Setup } from "../generator.js";
import { cpuMicros } from "../process-times.js";
import type { BenchSite } from "./site.js";
import type { Spawned } from "./spawned.js";

export type Operation = "generate" | "decrypt";
export const OPERATIONS: readonly Operation[] = ["generate", "decrypt"];

/** What sets one server apart from the others. */
export interface Kind {
  /** Short and without blanks: `keswick`, `yardstick`. */
  readonly id: string;
  /** For tables. */
  readonly name: string;
  readonly version: string;
  /** One of its connections speaks nothing else. */
  readonly protocols: readonly Protocol[];
  readonly server: Spawned;
  /** Requests of an operation, already sure to be answered rightly. Undefined for what it cannot do. */
  readonly requests: Readonly<Partial<Record<Operation, readonly LoadRequest[]>>>;
  /** The request that opens what a generate gave. Undefined where nothing was generated. */
  readonly opening?: (request: LoadRequest, ciphertext: string) => LoadRequest;
}

export class Contender {
  readonly kind: Kind;
  readonly #site: BenchSite;
  readonly #client: ApiClient;

  constructor(kind: Kind, site: BenchSite) {
    this.kind = kind;
    this.#site = site;
    this.#client = new ApiClient("h1", kind.server.port, site.client);
  }

  get pid(): number {
    return this.kind.server.pid;
  }

  /** CPU time so far, in microseconds, of all its processes. */
  cpuMicros(): number {
    return cpuMicros(this.kind.server.pid);
  }

  setup(protocol: Protocol, connections: number, streams: number): Setup {
    const { serverCert: ca, clientCert: cert, clientKey: key } = this.#site;
    return {
      url: `https://127.0.0.1:${this.kind.server.port}`,
      ca,
      cert,
      key,
      protocol,
      connections,
      streams,
    };
  }

  /** Opens what generates gave during a load. @throws Error when one does not give its plaintext back */
  async verify(operation: Operation, samples: readonly Sample[]): Promise<void> {
    const { opening, requests, name } = this.kind;
    if (opening === undefined) return;
    for (const { request, ciphertext, plaintext } of samples) {
      const asked = requests[operation]?.[request];
      if (asked === undefined) continue;
      const { status, body } = await send(this.#client, opening(asked, ciphertext));
      if (status !== 200 || !body.includes(`"plaintext":"${plaintext}"`))
        throw new Error(`${name}: a generated key is not opened again: ${status}`);
    }
  }

  /** Empties the file that audit lines go to. */
  async emptyLog(): Promise<void> {
    await truncate(this.kind.server.outputFile);
  }

  async stop(): Promise<void> {
    await this.kind.server.stop();
  }
}

/** Sends a request for set-up. */
export function send(client: ApiClient, { method, path, headers, body }: LoadRequest): Promise<ApiAnswer> {
  return client.send({
    method,
    path,
    ...(headers === undefined ? {} : { headers }),
    ...(body === undefined ? {} : { body }),
  });
}

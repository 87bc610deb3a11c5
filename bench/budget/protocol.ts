/** What the measured process and its parent say to each other. */

export const ENGINES = ["node", "keswick"] as const;
export type Engine = (typeof ENGINES)[number];

export interface ServerOptions {
  /** CPU time that each request loses on the way, to show that the budget notices. */
  readonly burnMicros: number;
}

/** One of the servers in the process. */
export interface Address {
  readonly port: number;
  /** PEM of the client that it lets in. */
  readonly cert: string;
  readonly key: string;
}

export interface Started {
  readonly reference: Address;
  readonly engines: Readonly<Record<Engine, Address>>;
}

/** The answer to any message: user and system time of the process so far. */
export interface Used {
  readonly cpuMicros: number;
}

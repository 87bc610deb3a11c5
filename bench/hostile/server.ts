/** The parent's side of `server-main.ts`. */
import { fileURLToPath } from "node:url";
import type { HttpEngine } from "../../src/config/config.js";
import type { Credentials } from "../../test/support/raw-http1.js";
import type { Target } from "../../test/support/send.js";
import { type Child, startChild } from "./child.js";
import type { LoopDelay } from "./loop-watch.js";

export interface ServerOptions {
  readonly engine: HttpEngine;
  readonly maxConnections?: number;
}

export interface Started extends Target {
  readonly port: number;
  readonly admin: Credentials;
}

/** What the server uses. */
export interface ServerUse {
  readonly rssBytes: number;
  /** The heap, and buffers outside of it. */
  readonly heapBytes: number;
  /** User and system time since it was last told to watch. */
  readonly cpuMicros: number;
  /** Since then. */
  readonly delay: LoopDelay;
  readonly sockets: number;
}

export interface Server extends Started {
  readonly pid: number;
  /** @param what - `collect`: garbage first; `watch`: what is used and held counts from here on */
  use(what?: "look" | "collect" | "watch"): Promise<ServerUse>;
  stop: Child["stop"];
}

const MAIN = fileURLToPath(new URL("server-main.ts", import.meta.url));

export async function startServer(options: ServerOptions): Promise<Server> {
  const { child, first } = startChild(MAIN, options);
  return {
    ...((await first) as Started),
    pid: child.pid,
    use: (what = "look") => child.ask(what),
    stop: () => child.stop(),
  };
}

/** A test server in a process of its own: what it uses can be measured, and a client's load is not its load. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import type { ConnectionLimits } from "../../src/server/limits.js";
import type { Credentials } from "./raw-http1.js";
import type { Target } from "./send.js";

export interface ServerProcessOptions {
  readonly limits?: Partial<ConnectionLimits>;
  /** Deadlines of routes, by path. */
  readonly timeoutsMs?: Readonly<Record<string, number>>;
  /** Console level of the audit log; 8 for none. */
  readonly auditLevel?: number;
}

/** What the server process says when it listens. */
export interface StartedMessage extends Target {
  readonly port: number;
  readonly admin: Credentials;
}

/** What the server process uses. */
export interface ServerStats {
  readonly rssBytes: number;
  /** The heap, and buffers outside of it. */
  readonly heapBytes: number;
  /** User and system time since the start. */
  readonly cpuMicros: number;
  /** Open handles of connections and the like. */
  readonly sockets: number;
  readonly descriptors: number;
}

export interface ServerProcess extends StartedMessage {
  readonly hasEnded: boolean;
  /** @param collect - garbage first, which takes some milliseconds */
  stats(collect?: boolean): Promise<ServerStats>;
  /** Kills it. */
  stop(): Promise<void>;
}

const MAIN = fileURLToPath(new URL("server-process-main.ts", import.meta.url));

/** @param maxDescriptors - of the process, as `ulimit -n` sets it */
export async function startServerProcess(
  options: ServerProcessOptions = {},
  maxDescriptors?: number,
): Promise<ServerProcess> {
  const command = [process.execPath, "--expose-gc", "--import", "tsx", MAIN, JSON.stringify(options)];
  const limit = maxDescriptors === undefined ? "" : `ulimit -n ${maxDescriptors}; `;
  const child = spawn("/bin/sh", ["-c", `${limit}exec "$@"`, "sh", ...command], {
    stdio: ["ignore", "inherit", "inherit", "ipc"],
  });
  const kill = (): boolean => child.kill("SIGKILL");
  process.once("exit", kill);
  const started = (await message(child)) as StartedMessage;
  return {
    ...started,
    get hasEnded() {
      return child.exitCode !== null || child.signalCode !== null;
    },
    async stats(collect = false) {
      const answer = message(child);
      child.send(collect ? "collect" : "look");
      return (await answer) as ServerStats;
    },
    async stop() {
      process.off("exit", kill);
      if (child.exitCode !== null || child.signalCode !== null) return;
      const ended = once(child, "exit");
      child.kill("SIGKILL");
      await ended;
    },
  };
}

function message(child: ChildProcess): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const onExit = (): void => reject(new Error("the server process ended"));
    child.once("exit", onExit);
    child.once("message", (value) => {
      child.off("exit", onExit);
      resolve(value);
    });
  });
}

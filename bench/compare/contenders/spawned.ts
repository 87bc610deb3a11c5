/** A server as a process on its core, with what it writes in a file. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, openSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { connect } from "node:net";
import { type Command, until } from "../../../test/support/child-process.js";
import { pinned } from "../pinning.js";

export interface Spawned {
  readonly port: number;
  readonly pid: number;
  /** Standard output and error, appended. */
  readonly outputFile: string;
  stop(): Promise<void>;
}

export interface SpawnOptions {
  readonly port: number;
  readonly outputFile: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** False leaves it on all cores. */
  readonly pin?: boolean;
}

const READY_TIMEOUT_MS = 60_000;
const STOP_TIMEOUT_MS = 15_000;

/**
 * Starts a server and waits until its port takes connections.
 * @throws Error with the end of its output when it ends instead
 */
export async function spawnServer(command: Command, options: SpawnOptions): Promise<Spawned> {
  const { port, outputFile, env = {}, cwd, pin = true } = options;
  const out = openSync(outputFile, "a", 0o600);
  const [program, ...args] = pin ? pinned("server", command) : command;
  const child = spawn(program, args, {
    env: { PATH: process.env.PATH ?? "", ...env },
    stdio: ["ignore", out, out],
    ...(cwd === undefined ? {} : { cwd }),
  });
  closeSync(out);
  const kill = (): void => void child.kill("SIGKILL");
  process.once("exit", kill);
  const stop = async (): Promise<void> => {
    process.off("exit", kill);
    if (!hasEnded(child)) {
      const ended = once(child, "exit");
      child.kill("SIGTERM");
      const timer = setTimeout(kill, STOP_TIMEOUT_MS);
      await ended;
      clearTimeout(timer);
    }
  };
  let fault: Error | undefined;
  child.once("error", (error) => {
    fault = error;
  });
  try {
    await until(
      `port ${port}`,
      async () => {
        if (fault !== undefined) throw fault;
        if (hasEnded(child)) throw new Error("it ended");
        return isListening(port);
      },
      READY_TIMEOUT_MS,
    );
  } catch (cause) {
    await stop();
    const text = await readFile(outputFile, "utf8");
    throw new Error(`${command.join(" ")}: ${String(cause)}\n${text.slice(-2_000)}`, { cause });
  }
  // taskset becomes the program that it starts, so that this is the server itself.
  return { port, pid: child.pid ?? 0, outputFile, stop };
}

function hasEnded(child: ChildProcess): boolean {
  return child.pid === undefined || child.exitCode !== null || child.signalCode !== null;
}

function isListening(port: number): Promise<boolean> {
  return new Promise((done) => {
    const socket = connect(port, "127.0.0.1");
    socket.once("connect", () => {
      socket.destroy();
      done(true);
    });
    socket.once("error", () => done(false));
  });
}

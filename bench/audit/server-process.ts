/** The parent's side of `server-main.ts`. */
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import type { AuditFigures } from "../../src/audit/file/figures.js";
import type { Credentials } from "../../test/support/raw-http1.js";
import type { Target } from "../../test/support/send.js";

export interface AuditServerOptions {
  /** Without it there is no audit file. */
  readonly path?: string;
  readonly keyFile?: string;
  readonly required: boolean;
  /** The file is rotated when it has grown to this; 0 for never. */
  readonly maxBytes?: number;
}

export interface AuditServer extends Target {
  readonly admin: Credentials;
  stats(): Promise<{ readonly cpuMicros: number; readonly audit?: AuditFigures }>;
  /** In good order. */
  close(): Promise<void>;
  /** At once, by SIGKILL. */
  kill(): Promise<void>;
}

const MAIN = fileURLToPath(new URL("server-main.ts", import.meta.url));

export async function startAuditServer(options: AuditServerOptions): Promise<AuditServer> {
  const child = fork(MAIN, [JSON.stringify(options)], { execArgv: ["--import", "tsx"] });
  const kill = (): boolean => child.kill("SIGKILL");
  process.once("exit", kill);
  const started = (await message(child)) as Target & { admin: Credentials };
  const ended = async (): Promise<void> => {
    process.off("exit", kill);
    if (child.exitCode !== null || child.signalCode !== null) return;
    const exit = once(child, "exit");
    child.kill("SIGKILL");
    await exit;
  };
  return {
    ...started,
    async stats() {
      const answer = message(child);
      child.send("look");
      return (await answer) as { cpuMicros: number; audit?: AuditFigures };
    },
    async close() {
      const closed = message(child);
      child.send("close");
      await closed;
      await ended();
    },
    kill: ended,
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

/** Signals of a running server (KES reference §15.3, §15.4). */

import { causes } from "../../audit/error-log.js";
import type { Config } from "../../config/config.js";
import { ConfigError } from "../../errors.js";
import type { KeyServer } from "../../server/start.js";
import type { Output } from "../output.js";

/** The configuration file is read again this often for certificates that were renewed on disk. */
const TLS_REFRESH_MS = 15 * 60_000;

/** Time for what is still open after the server has closed. */
const EXIT_GRACE_MS = 2_000;
/** A file operation that is under way at each of these looks hangs. */
const LAST_LOOKS = 8;
const LOOK_EVERY_MS = 37;

export interface LifecycleOptions {
  readonly output: Output;
  /** Absent in development mode, where there is nothing to read again. */
  readonly load?: () => Promise<Config>;
  /** Prints the banner again, ending in `last`. */
  readonly announce: (last: string) => void;
  /** Called when the server begins to end. */
  readonly stopping?: () => void;
  /** `setInterval` unless a test brings its own clock. */
  readonly every?: (callback: () => void, ms: number) => NodeJS.Timeout;
  /** Ends a process that is still there some time after the server has closed; a test keeps its own. */
  readonly exit?: () => void;
}

/** What signals do to a server. */
export type Signalled = Pick<KeyServer, "reload" | "refreshTls" | "rotateAudit" | "close">;

/** Runs until SIGINT or SIGTERM. @returns the exit code */
export function runUntilStopped(server: Signalled, options: LifecycleOptions): Promise<number> {
  const { output, load, every = setInterval, exit = endProcess } = options;
  let isStopping = false;
  const onHangup = (): void => {
    if (isStopping) return;
    // In development mode there is no file; the signal must not end the process either.
    if (load === undefined)
      return output.note("SIGHUP signal ignored: there is no configuration file to reload");
    output.note("SIGHUP signal received. Reloading configuration...");
    server.reload(load).then(
      () => options.announce("=> Reloading configuration after SIGHUP signal completed."),
      (error) => output.note(`Failed to reload server config: ${reason(error)}`),
    );
  };
  const refresh = (): void => {
    if (load === undefined) return;
    server
      .refreshTls(load)
      .catch((error) => output.note(`Failed to reload TLS configuration: ${reason(error)}`));
  };
  const timer = every(refresh, TLS_REFRESH_MS);
  timer.unref();
  process.on("SIGHUP", onHangup);
  // Without a handler this signal would start Node's debugger, which whoever may send it could then talk to.
  process.on("SIGUSR1", () => {
    server.rotateAudit().catch((error) => output.note(`Failed to rotate the audit file: ${reason(error)}`));
  });
  return new Promise((resolve, reject) => {
    const stop = (): void => {
      clearInterval(timer);
      options.stopping?.();
      // Its handler stays: without one the signal would end the process before the requests under way.
      isStopping = true;
      server.close().then(() => {
        output.data("\n=> Stopping server... Goodbye.\n");
        resolve(0);
        setTimeout(() => exit(), EXIT_GRACE_MS).unref();
      }, reject);
    };
    process.once("SIGINT", stop);
    process.once("SIGTERM", stop);
  });
}

/**
 * Something keeps the process alive: a reader that does not read, or a system call that hangs. `process.exit` joins
 * the threads of the pool, and so would hang with a call that hangs in one of them.
 */
function endProcess(looks = LAST_LOOKS): void {
  if (!isInSystemCall()) process.exit(0);
  if (looks === 0) process.kill(process.pid, "SIGKILL");
  setTimeout(() => endProcess(looks - 1), LOOK_EVERY_MS);
}

function isInSystemCall(): boolean {
  return process.getActiveResourcesInfo().some((name) => name.startsWith("FSReq"));
}

/** Faults of a file are shown in full; of anything else the messages, without stack. */
function reason(error: unknown): string {
  return error instanceof ConfigError ? error.message : causes(error);
}

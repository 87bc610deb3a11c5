/**
 * Tells systemd how the service is (sd_notify(3)). Its socket takes datagrams, which Node cannot send, so that the
 * program `systemd-notify` does it; the unit needs `NotifyAccess=all`, for it is not the service's main process.
 */
import { execFile } from "node:child_process";
import type { Environment } from "../../config/env.js";

export interface ServiceManagerOptions {
  readonly env: Environment;
  readonly pid: number;
  readonly warn: (message: string) => void;
}

const TIMEOUT_MS = 5_000;

export class ServiceManager {
  readonly #options: ServiceManagerOptions;
  readonly #isOn: boolean;
  #timer: NodeJS.Timeout | undefined;
  #hasFailed = false;
  #isSending = false;

  constructor(options: ServiceManagerOptions) {
    this.#options = options;
    this.#isOn = (options.env.NOTIFY_SOCKET ?? "") !== "";
  }

  /**
   * Connections are accepted. From now on the watchdog is fed, where the unit has one.
   * @param isAlive - asked each time: the watchdog of a server that cannot serve must not be fed
   */
  ready(isAlive: () => boolean): void {
    if (!this.#isOn) return;
    void this.#send("READY=1", `MAINPID=${this.#options.pid}`);
    const everyMs = this.#watchdogMs() / 2;
    if (!Number.isFinite(everyMs)) return;
    this.#timer = setInterval(() => {
      // One at a time: a service manager that hangs must not collect processes.
      if (isAlive() && !this.#isSending) void this.#send("WATCHDOG=1");
    }, everyMs).unref();
  }

  /** The service ends. */
  stopping(): void {
    clearInterval(this.#timer);
    if (this.#isOn) void this.#send("STOPPING=1");
  }

  /** Milliseconds after which the service is killed when it is silent; infinite without a watchdog. */
  #watchdogMs(): number {
    const { WATCHDOG_USEC = "", WATCHDOG_PID } = this.#options.env;
    if (!/^\d{1,15}$/.test(WATCHDOG_USEC) || Number(WATCHDOG_USEC) === 0) return Number.POSITIVE_INFINITY;
    if (WATCHDOG_PID !== undefined && WATCHDOG_PID !== String(this.#options.pid)) {
      return Number.POSITIVE_INFINITY;
    }
    return Math.max(100, Number(WATCHDOG_USEC) / 1000);
  }

  async #send(...words: readonly string[]): Promise<void> {
    const { env } = this.#options;
    this.#isSending = true;
    const failure = await new Promise<Error | null>((resolve) => {
      const options = { env: { PATH: env.PATH, NOTIFY_SOCKET: env.NOTIFY_SOCKET }, timeout: TIMEOUT_MS };
      execFile("systemd-notify", [...words], options, (error) => resolve(error));
    });
    this.#isSending = false;
    if (failure === null || this.#hasFailed) return;
    this.#hasFailed = true;
    this.#options.warn(`systemd could not be told how the service is: ${failure.message.trim()}`);
  }
}

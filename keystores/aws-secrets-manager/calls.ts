/** One call to AWS as the adapter means it: with credentials that are renewed, repeated where that is safe. */
import type { SecretsManagerClient } from "@aws-sdk/client-secrets-manager";
import { isKesError } from "../../src/errors.js";
import { untilEnd } from "./deadline.js";
import type { AwsEnvironment } from "./environment.js";
import { type Action, AwsFailure, failureOf } from "./failure.js";
import { AwsNetworkError } from "./http.js";

/** Attempts of a call. */
export const MAX_ATTEMPTS = 3;
const FIRST_WAIT_MS = 100;
/** AWS's own programs begin with this when they are throttled. */
const FIRST_THROTTLED_WAIT_MS = 500;
/** Credentials that AWS refuses are asked for anew at most so often. */
const RENEWAL_PAUSE_MS = 10_000;
/** Of an answer in which no source of credentials has any. */
const MAX_WORDS = 200;

/** What the SDK takes besides the command. */
export interface SendOptions {
  readonly abortSignal?: AbortSignal;
}

export class AwsCalls {
  readonly client: SecretsManagerClient;
  readonly #env: AwsEnvironment;
  readonly #warn: (message: string) => void;
  #renewedMs = Number.NEGATIVE_INFINITY;
  /** How often credentials were renewed, so that a call knows whether they were since it began. */
  #renewals = 0;
  #renewing: Promise<boolean> | undefined;
  #hasWarnedOfClock = false;

  constructor(client: SecretsManagerClient, env: AwsEnvironment, warn: (message: string) => void) {
    this.client = client;
    this.#env = env;
    this.#warn = warn;
  }

  /**
   * Repeats a call that changes nothing, up to `attempts` times.
   * @throws AwsFailure of the last attempt; the signal's reason
   */
  async read<T>(
    action: Action,
    send: (options: SendOptions) => Promise<T>,
    { signal, attempts = MAX_ATTEMPTS }: { readonly signal?: AbortSignal; readonly attempts?: number } = {},
  ): Promise<T> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.once(action, send, signal);
      } catch (error) {
        if (!(error instanceof AwsFailure) || !error.isPassing || attempt >= attempts) throw error;
        await this.pause(error, attempt, signal);
      }
    }
  }

  /**
   * One attempt; and one more when AWS refused the first for credentials that could be renewed since, or for the clock
   * of this machine. Both are refusals before anything is done.
   * @throws AwsFailure; the signal's reason
   */
  async once<T>(
    action: Action,
    send: (options: SendOptions) => Promise<T>,
    signal?: AbortSignal,
  ): Promise<T> {
    const renewals = this.#renewals;
    try {
      return await this.#attempt(action, send, signal);
    } catch (error) {
      if (!(error instanceof AwsFailure) || error.kind !== "credentials") throw error;
      if (error.isClockCorrected) this.#warnOfClock();
      else if (renewals === this.#renewals && !(await this.#renew())) throw error;
    }
    return this.#attempt(action, send, signal);
  }

  /** Waits before the next attempt: longer each time, longest when throttled, and never all callers at once. */
  pause(failure: AwsFailure, attempt: number, signal?: AbortSignal): Promise<void> {
    const first = failure.kind === "throttled" ? FIRST_THROTTLED_WAIT_MS : FIRST_WAIT_MS;
    const ms = first * 2 ** (attempt - 1) * (0.5 + this.#env.random());
    return this.#env.wait(Math.max(ms, failure.retryAfterMs), signal);
  }

  async #attempt<T>(
    action: Action,
    send: (options: SendOptions) => Promise<T>,
    signal: AbortSignal | undefined,
  ): Promise<T> {
    signal?.throwIfAborted();
    // By themselves first: a failure to get them is no failure of the call, and nothing was sent.
    await this.#credentials(signal);
    try {
      return await send(signal === undefined ? {} : { abortSignal: signal });
    } catch (error) {
      if (signal?.aborted) throw signal.reason;
      throw isKesError(error) ? error : failureOf(action, error);
    }
  }

  /** @throws AwsFailure `unsent` or `refused`; the signal's reason */
  async #credentials(signal: AbortSignal | undefined, renew = false): Promise<void> {
    const { credentials } = this.client.config;
    const limitMs = 2 * this.#env.attemptTimeoutMs;
    try {
      await untilEnd(renew ? credentials({ forceRefresh: true }) : credentials(), limitMs, signal);
    } catch (error) {
      if (signal?.aborted) throw signal.reason;
      throw credentialsFailure(error);
    }
  }

  /** One at a time, for all who wait. @returns false when it was tried a moment ago, or failed */
  #renew(): Promise<boolean> {
    if (this.#renewing !== undefined) return this.#renewing;
    const now = this.#env.now();
    if (now - this.#renewedMs < RENEWAL_PAUSE_MS) return Promise.resolve(false);
    this.#renewedMs = now;
    this.#renewing = this.#askAnew().finally(() => {
      this.#renewing = undefined;
    });
    return this.#renewing;
  }

  async #askAnew(): Promise<boolean> {
    try {
      await this.#credentials(undefined, true);
    } catch (error) {
      this.#warn(error instanceof Error ? error.message : "aws: the credentials could not be renewed");
      return false;
    }
    this.#renewals++;
    return true;
  }

  #warnOfClock(): void {
    if (this.#hasWarnedOfClock) return;
    this.#hasWarnedOfClock = true;
    const seconds = Math.round(this.client.config.systemClockOffset / 1_000);
    this.#warn(
      `aws: the clock of this machine is ${Math.abs(seconds)} s ${seconds < 0 ? "ahead of" : "behind"} AWS's; ` +
        "requests are signed with AWS's time: set the clock",
    );
  }
}

/** Why there are no credentials. */
function credentialsFailure(error: unknown): AwsFailure {
  for (let at = error; at instanceof Error; at = at.cause) {
    if (at instanceof AwsNetworkError) {
      return new AwsFailure("unsent", `${at.message} (asked for credentials)`, { cause: at.cause });
    }
  }
  const words = error instanceof Error ? `${error.name}: ${firstLine(error.message)}` : "";
  return new AwsFailure(
    "refused",
    `aws: no credentials: ${words}: set 'credentials', or mend the source that the AWS SDK takes them from`,
  );
}

function firstLine(text: string): string {
  return (text.split("\n", 1)[0] ?? "").replace(/[^\x20-\x7e]+/g, " ").slice(0, MAX_WORDS);
}

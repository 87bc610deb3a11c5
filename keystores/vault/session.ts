/**
 * The token that calls are made with: fetched by a log-in, renewed before it ends, replaced when Vault refuses it.
 *
 * Renewals are spread by chance, so that servers that were started together do not log in together for ever.
 */
import { unusable } from "../../src/keystore/faults.js";
import { expectSuccess, refusal, type VaultAnswer } from "./answer.js";
import { type CallLimits, networkFault, type Repeatable, sendRepeatedly } from "./calls.js";
import type { VaultEnvironment } from "./environment.js";
import { type VaultHttp, VaultNetworkError } from "./http.js";
import { type Lease, type Login, leaseOf } from "./login.js";

/** A token is renewed after this part of its life, at the earliest and at the latest. */
const EARLIEST = 0.5;
const LATEST = 0.8;
/** Between failed renewals, doubling. */
const FIRST_RETRY_MS = 1_000;
const LAST_RETRY_MS = 30_000;
/** A refusal is worth a new log-in no more often than this: a missing permission stays missing. */
const RELOGIN_PAUSE_MS = 10_000;
const REVOKE_TIMEOUT_MS = 2_000;
/** Longest that a timer of Node can wait; a longer lease is looked at again. */
const MAX_TIMER_MS = 2 ** 31 - 1;

export class VaultSession {
  readonly #http: VaultHttp;
  readonly #env: VaultEnvironment;
  readonly #login: Login;
  readonly #warn: (message: string) => void;
  #lease: Lease | undefined;
  #endsAtMs = Number.POSITIVE_INFINITY;
  #loggedInAtMs = Number.NEGATIVE_INFINITY;
  #pending: Promise<void> | undefined;
  #stopTimer: () => void = () => {};
  #failures = 0;
  #closed = false;

  constructor(http: VaultHttp, env: VaultEnvironment, login: Login, warn: (message: string) => void) {
    this.#http = http;
    this.#env = env;
    this.#login = login;
    this.#warn = warn;
  }

  /** The first log-in. @throws KesError outage codes */
  async open(signal?: AbortSignal): Promise<void> {
    await this.#fetch(signal);
  }

  /**
   * Sends with the token; once more with a new one when Vault refuses it. Only for requests that may be repeated.
   * @throws VaultNetworkError, KesError of the log-in, the signal's reason
   */
  async send(request: Repeatable, limits?: CallLimits): Promise<VaultAnswer> {
    const token = await this.#token();
    const answer = await sendRepeatedly(this.#http, this.#env, { ...request, token }, limits);
    // 401 is not Vault's, but of gateways in front of it.
    if (answer.status !== 403 && answer.status !== 401) return answer;
    if (!(await this.#refresh(token))) return answer;
    return sendRepeatedly(this.#http, this.#env, { ...request, token: await this.#token() }, limits);
  }

  /** Gives the token back. Never throws. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#stopTimer();
    await this.#pending?.catch(() => {});
    const lease = this.#lease;
    this.#lease = undefined;
    if (lease === undefined || !this.#login.ownsToken) return;
    try {
      await this.#http.send({
        method: "PUT",
        path: "auth/token/revoke-self",
        token: lease.token,
        timeoutMs: REVOKE_TIMEOUT_MS,
        ...this.#namespace,
      });
    } catch {
      // Vault ends it when its time is up; a server that stops must not wait for an outage to pass.
    }
  }

  get #namespace(): { readonly namespace?: string } {
    return this.#login.namespace === undefined ? {} : { namespace: this.#login.namespace };
  }

  async #token(): Promise<string> {
    if (this.#closed) throw unusable("the key store was closed");
    if (this.#lease === undefined || this.#env.now() >= this.#endsAtMs) await this.#once(() => this.#fetch());
    if (this.#lease === undefined) throw unusable(`vault: ${this.#login.description}: there is no token`);
    return this.#lease.token;
  }

  /** @returns whether another token than `refused` is there now */
  async #refresh(refused: string): Promise<boolean> {
    if (this.#lease !== undefined && this.#lease.token !== refused) return true;
    if (this.#pending === undefined && this.#env.now() - this.#loggedInAtMs < RELOGIN_PAUSE_MS) return false;
    await this.#once(() => this.#fetch());
    return this.#lease !== undefined && this.#lease.token !== refused;
  }

  /** One log-in or renewal at a time, however many calls need it. */
  #once(task: () => Promise<void>): Promise<void> {
    this.#pending ??= task().finally(() => {
      this.#pending = undefined;
    });
    return this.#pending;
  }

  async #fetch(signal?: AbortSignal): Promise<void> {
    this.#loggedInAtMs = this.#env.now();
    let lease: Lease;
    try {
      lease = await this.#login.fetch(signal);
    } catch (error) {
      this.#loggedInAtMs = Number.NEGATIVE_INFINITY;
      throw error instanceof VaultNetworkError ? networkFault(error) : error;
    }
    this.#adopt(lease);
  }

  #adopt(lease: Lease): void {
    this.#lease = lease;
    this.#failures = 0;
    this.#endsAtMs = lease.ttlMs === 0 ? Number.POSITIVE_INFINITY : this.#env.now() + lease.ttlMs;
    if (lease.ttlMs === 0) return this.#schedule(undefined);
    this.#schedule(lease.ttlMs * (EARLIEST + (LATEST - EARLIEST) * this.#env.random()));
  }

  #schedule(inMs: number | undefined): void {
    this.#stopTimer();
    if (this.#closed || inMs === undefined) return;
    this.#stopTimer = this.#env.after(Math.min(inMs, MAX_TIMER_MS), () => {
      if (inMs > MAX_TIMER_MS) return this.#schedule(inMs - MAX_TIMER_MS);
      this.#once(() => this.#extend()).catch((error: unknown) => this.#onFailure(error));
    });
  }

  /** Renews the token, or logs in anew where that is refused or gains nothing. */
  async #extend(): Promise<void> {
    const lease = this.#lease;
    const renewed = lease?.renewable ? await this.#renew(lease) : undefined;
    if (renewed === undefined) return this.#fetch();
    this.#adopt(renewed);
  }

  /** @returns undefined when a log-in is needed */
  async #renew(lease: Lease): Promise<Lease | undefined> {
    const answer = await sendRepeatedly(this.#http, this.#env, {
      method: "PUT",
      path: "auth/token/renew-self",
      body: { increment: 0 },
      token: lease.token,
      ...this.#namespace,
    });
    if (answer.status >= 400 && answer.status < 500) return undefined;
    const renewed = leaseOf(expectSuccess(answer).body, () => refusal(answer));
    // At the end of its longest life a renewal gives only what is left of it.
    return renewed.ttlMs === 0 || renewed.ttlMs < lease.ttlMs / 2 ? undefined : renewed;
  }

  #onFailure(error: unknown): void {
    if (this.#closed) return;
    const waitMs =
      Math.min(FIRST_RETRY_MS * 2 ** this.#failures, LAST_RETRY_MS) * (0.5 + this.#env.random() / 2);
    this.#failures++;
    const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
    const reason = cause instanceof Error ? cause.message : String(cause);
    this.#warn(`${this.#login.description}: the token could not be renewed, tried again soon: ${reason}`);
    this.#schedule(waitMs);
  }
}

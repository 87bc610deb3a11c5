/** Watches one server: follows its audit log, and asks for metrics and status again and again. */
import type { AuditEvent, ServerStatus } from "../../client/types.js";
import { isKesError } from "../../errors.js";
import { CommandError } from "../command.js";
import { changeOf, type Reading } from "../metric/change.js";
import type { Target } from "../remote/each-server.js";
import type { Ticker } from "../terminal/ticker.js";
import type { ServerFigures } from "./snapshot.js";
import { RateWindow } from "./window.js";

/** Status asks the keystore, so not as often as metrics. */
const STATUS_EVERY_MS = 5_000;
/** A server that refuses or does not answer is asked again after this. */
const RETRY_AUDIT_MS = 10_000;
/** Readings kept at most, whatever the rate. */
const MAX_READINGS = 128;

/** What is asked of a server. */
export type Source = "audit" | "metrics" | "status";

export interface WatchOptions {
  readonly ticker: Ticker;
  readonly everyMs: number;
  readonly windowSeconds: number;
  /** An event of the audit log that is not of this view's own making. */
  readonly onEvent: (event: AuditEvent) => void;
}

/** What the caller must be allowed. */
export const SOURCE_PATHS: Readonly<Record<Source, string>> = {
  audit: "/v1/log/audit",
  metrics: "/v1/metrics",
  status: "/v1/status",
};

const ALL_SOURCES = Object.keys(SOURCE_PATHS).length;

export class ServerWatch {
  readonly #target: Target;
  readonly #options: WatchOptions;
  readonly #window: RateWindow;
  /** Requests of ours whose audit events are still to come, by path. */
  readonly #own = new Map<string, number>();
  readonly #failures = new Map<Source, CommandError>();
  readonly #tried = new Set<Source>();
  readonly #first: { readonly promise: Promise<void>; readonly resolve: () => void };
  #readings: Reading[] = [];
  #status: ServerStatus | undefined;
  #isFollowing = false;
  #isUp = false;

  constructor(target: Target, options: WatchOptions) {
    this.#target = target;
    this.#options = options;
    this.#window = new RateWindow(options.windowSeconds, options.ticker.now());
    let resolve = (): void => {};
    const promise = new Promise<void>((settle) => {
      resolve = settle;
    });
    this.#first = { promise, resolve };
  }

  get name(): string {
    return this.#target.name;
  }

  get isFollowing(): boolean {
    return this.#isFollowing;
  }

  /** It answered the last question, if only with a refusal. */
  get isUp(): boolean {
    return this.#isUp;
  }

  /** Why a source gives nothing at present. */
  get failures(): ReadonlyMap<Source, CommandError> {
    return this.#failures;
  }

  /** Resolves when every source has given something or failed for the first time. */
  get tried(): Promise<void> {
    return this.#first.promise;
  }

  /** Any source has given anything so far. */
  get hasFigures(): boolean {
    return this.#readings.length > 0 || this.#status !== undefined || this.#isFollowing;
  }

  /** Every source was tried and not one of them gave anything yet. */
  get isHopeless(): boolean {
    return !this.hasFigures && this.#tried.size === ALL_SOURCES && this.#failures.size === ALL_SOURCES;
  }

  /** Ends when `signal` is aborted. Rejects only for what is no failure of the server. */
  async run(signal: AbortSignal): Promise<void> {
    await Promise.all([
      this.#follow(signal),
      this.#poll("metrics", this.#options.everyMs, signal, async () => {
        const metrics = await this.#target.client.metrics({ signal });
        this.#readings = [...this.#readings, { atMs: this.#options.ticker.now(), metrics }].slice(
          -MAX_READINGS,
        );
      }),
      this.#poll("status", STATUS_EVERY_MS, signal, async () => {
        this.#status = await this.#target.client.status({ signal });
      }),
    ]);
  }

  figures(nowMs: number): ServerFigures {
    const latest = this.#readings.at(-1);
    const earliest = this.#readings.find(({ atMs }) => atMs >= nowMs - this.#options.windowSeconds * 1000);
    const isFresh = latest !== undefined && !this.#failures.has("metrics");
    const change = isFresh && earliest !== undefined ? changeOf(earliest, latest) : undefined;
    return {
      ...{ name: this.name, isUp: this.#isUp },
      ...(this.#status === undefined || this.#failures.has("status") ? {} : { status: this.#status }),
      ...(isFresh ? { metrics: latest.metrics } : {}),
      ...(change === undefined ? {} : { change }),
      ...(this.#isFollowing ? { audited: this.#window.total(nowMs) } : {}),
    };
  }

  async #follow(signal: AbortSignal): Promise<void> {
    const { ticker } = this.#options;
    while (!signal.aborted) {
      try {
        this.#sent("audit");
        const log = this.#target.client.auditLog({
          signal,
          onConnect: () => {
            this.#isFollowing = true;
            this.#succeeded("audit");
          },
          onGap: ({ cause }) => {
            this.#isFollowing = false;
            this.#sent("audit");
            const why = cause === undefined ? "the server ended it" : cause.message;
            this.#failures.set("audit", new CommandError(`audit log lost: ${why}; connecting again`));
          },
        });
        for await (const event of log) this.#take(event);
      } catch (error) {
        await this.#failed("audit", error, signal);
      }
      this.#isFollowing = false;
      await ticker.wait(RETRY_AUDIT_MS, signal);
    }
  }

  async #poll(source: Source, everyMs: number, signal: AbortSignal, ask: () => Promise<void>): Promise<void> {
    const { ticker } = this.#options;
    while (!signal.aborted) {
      const startedMs = ticker.now();
      try {
        this.#sent(source);
        await ask();
        this.#succeeded(source);
      } catch (error) {
        await this.#failed(source, error, signal);
      }
      await ticker.wait(Math.max(0, everyMs - (ticker.now() - startedMs)), signal);
    }
  }

  #take(event: AuditEvent): void {
    const { path, identity } = event.request;
    const own = this.#own.get(path) ?? 0;
    // What this view asks is no load that anybody wants to see; others with the same identity are.
    if (own > 0 && identity === this.#target.client.identity) {
      this.#own.set(path, own - 1);
      return;
    }
    const { code: status, timeNs } = event.response;
    this.#window.add(this.name, { status, timeNs }, this.#options.ticker.now());
    this.#options.onEvent(event);
  }

  #sent(source: Source): void {
    const path = SOURCE_PATHS[source];
    // Events get lost when the log breaks, so that the debt must not grow for ever.
    this.#own.set(path, Math.min(4, (this.#own.get(path) ?? 0) + 1));
  }

  #succeeded(source: Source): void {
    this.#isUp = true;
    this.#failures.delete(source);
    this.#note(source);
  }

  async #failed(source: Source, error: unknown, signal: AbortSignal): Promise<void> {
    if (signal.aborted) return;
    const failure = await this.#target.explain(error, { path: SOURCE_PATHS[source] });
    if (!(failure instanceof CommandError)) throw failure;
    this.#failures.set(source, failure);
    // Status 0 is the client's own: nobody answered.
    this.#isUp = isKesError(error) && error.status > 0;
    this.#note(source);
  }

  #note(source: Source): void {
    this.#tried.add(source);
    if (this.#tried.size === ALL_SOURCES) this.#first.resolve();
  }
}

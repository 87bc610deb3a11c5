/** All servers that `kes top` watches, as one. */
import type { AuditEvent } from "../../client/types.js";
import { isKesError } from "../../errors.js";
import { CommandError } from "../command.js";
import type { Target } from "../remote/each-server.js";
import { printable } from "../terminal/text.js";
import type { Ticker } from "../terminal/ticker.js";
import { routeFinder } from "./routes.js";
import { ServerWatch, SOURCE_PATHS, type Source } from "./server-watch.js";
import type { TopSnapshot } from "./snapshot.js";
import { RateWindow } from "./window.js";

export interface ModelOptions {
  readonly ticker: Ticker;
  readonly everyMs: number;
  readonly windowSeconds: number;
  /** Paths of the API. */
  readonly routes: readonly string[];
}

/** Name of the row of callers without certificate. */
const NOBODY = "(no certificate)";

export class TopModel {
  readonly #options: ModelOptions;
  readonly #watches: readonly ServerWatch[];
  readonly #routes: RateWindow;
  readonly #identities: RateWindow;
  readonly #routeOf: (path: string) => string;
  #end: Promise<void> = Promise.resolve();
  #crash: unknown;

  constructor(targets: readonly Target[], options: ModelOptions) {
    this.#options = options;
    this.#routeOf = routeFinder(options.routes);
    this.#routes = new RateWindow(options.windowSeconds, options.ticker.now());
    this.#identities = new RateWindow(options.windowSeconds, options.ticker.now());
    const onEvent = (event: AuditEvent): void => this.#take(event);
    this.#watches = targets.map((target) => new ServerWatch(target, { ...options, onEvent }));
  }

  /** Begins to watch, until `signal` is aborted. */
  start(signal: AbortSignal): void {
    const crashed = (error: unknown): void => {
      this.#crash = error;
    };
    this.#end = Promise.all(this.#watches.map((watch) => watch.run(signal).catch(crashed))).then(() => {});
  }

  /** Resolves when nothing is asked any more; to be called after the signal was aborted. */
  ended(): Promise<void> {
    return this.#end;
  }

  /** Resolves when every server has answered or failed for the first time, whatever it was asked. */
  async tried(): Promise<void> {
    await Promise.all(this.#watches.map((watch) => watch.tried));
  }

  /** True once there is something to show. */
  get hasFigures(): boolean {
    return this.#watches.some((watch) => watch.hasFigures);
  }

  /** @throws CommandError when no server gave anything; whatever ended the watch */
  check(): void {
    if (this.#crash !== undefined) throw this.#crash;
    if (!this.#watches.every((watch) => watch.isHopeless)) return;
    const [first] = this.#watches.flatMap((watch) => [...watch.failures.values()]);
    if (first !== undefined) throw new CommandError(first.message, { hints: first.hints });
  }

  snapshot(): TopSnapshot {
    const nowMs = this.#now();
    const isFollowed = this.#watches.some(({ isFollowing }) => isFollowing);
    return {
      nowMs,
      windowSeconds: this.#options.windowSeconds,
      servers: this.#watches.map((watch) => watch.figures(nowMs)),
      ...(isFollowed ? { total: this.#routes.total(nowMs) } : {}),
      routes: this.#routes.rows(nowMs),
      identities: this.#identities.rows(nowMs),
      notes: this.#notes(),
    };
  }

  #now(): number {
    return this.#options.ticker.now();
  }

  #take({ request, response }: AuditEvent): void {
    const outcome = { status: response.code, timeNs: response.timeNs };
    const identity = printable(request.identity ?? "") || NOBODY;
    this.#routes.add(this.#routeOf(request.path), outcome, this.#now());
    this.#identities.add(identity, outcome, this.#now());
  }

  /** Each failure once, with the servers that have it when they are not all. */
  #notes(): string[] {
    const servers = new Map<string, Set<string>>();
    for (const watch of this.#watches) {
      for (const [source, failure] of watch.isUp ? watch.failures : [...watch.failures].slice(0, 1)) {
        // Of a server that does not answer, one failure says it all.
        const text = watch.isUp ? noteText(source, failure) : printable(failure.message);
        servers.set(text, (servers.get(text) ?? new Set()).add(watch.name));
      }
    }
    return [...servers].map(([text, names]) =>
      names.size === this.#watches.length ? text : `${[...names].join(", ")}: ${text}`,
    );
  }
}

const LACKS: Readonly<Record<Source, string>> = {
  audit: "no routes and identities",
  metrics: "no cache and memory",
  status: "no keystore",
};

/** Short: it stands in one line of the picture. */
function noteText(source: Source, failure: CommandError): string {
  if (isKesError(failure.cause, "NOT_AUTHORIZED")) {
    return `not authorized for ${SOURCE_PATHS[source]}: ${LACKS[source]}`;
  }
  return `${LACKS[source]}: ${printable(failure.message)}`;
}

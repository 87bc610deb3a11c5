/** Counts every request: time by route and outcome, status by route, and by key and identity within bounds. */
import { BoundedCounters } from "./bounded-counters.js";
import { counters, type Family, histogram, type Sample } from "./family.js";
import { Latency } from "./latency.js";
import { OUTCOMES, outcomeOf } from "./outcome.js";

/** How many names have counters of their own. */
export interface CounterLimits {
  readonly maxKeys: number;
  readonly maxIdentities: number;
}

export const defaultCounterLimits: CounterLimits = { maxKeys: 100, maxIdentities: 100 };

/** Routes that take a key's name; there are fewer. */
const MAX_KEY_ROUTES = 32;

/** Figures of one route. */
class RouteMeter {
  readonly path: string;
  readonly latencies: (Latency | undefined)[] = OUTCOMES.map(() => undefined);
  readonly codes = new Map<number, number>();
  /** First column in the counters of keys; -1 as long as no request named one. */
  column = -1;

  constructor(path: string) {
    this.path = path;
  }

  add(status: number, outcome: number, seconds: number): void {
    let latency = this.latencies[outcome];
    if (latency === undefined) {
      latency = new Latency();
      this.latencies[outcome] = latency;
    }
    latency.observe(seconds);
    this.codes.set(status, (this.codes.get(status) ?? 0) + 1);
  }
}

/** What is known of a request when it has its answer. */
export interface Answered {
  /** Path of its route; empty for a request that came to none. */
  readonly route: string;
  readonly status: number;
  readonly seconds: number;
  /** Empty for a route without. */
  readonly key: string;
  /** Empty for a caller without. */
  readonly identity: string;
  /** A policy or the admin's role let it in: only such requests bring new names. */
  readonly isAuthorized: boolean;
}

export class RequestMeters {
  readonly #routes = new Map<string, RouteMeter>();
  readonly #keyRoutes: string[] = [];
  readonly #keys = new BoundedCounters(MAX_KEY_ROUTES * OUTCOMES.length, defaultCounterLimits.maxKeys);
  readonly #identities = new BoundedCounters(OUTCOMES.length, defaultCounterLimits.maxIdentities);

  limit({ maxKeys, maxIdentities }: CounterLimits): void {
    this.#keys.limit(maxKeys);
    this.#identities.limit(maxIdentities);
  }

  /** Parameters as in {@link Answered}; one by one, so that the hot path makes no object. */
  add(
    route: Answered["route"],
    status: number,
    seconds: number,
    key: string,
    identity: string,
    isAuthorized: boolean,
  ): void {
    const outcome = outcomeOf(status);
    let meter = this.#routes.get(route);
    if (meter === undefined) {
      meter = new RouteMeter(route);
      this.#routes.set(route, meter);
    }
    meter.add(status, outcome, seconds);
    // A name is worth a counter when the key was there and its user was let in.
    const isKnown = isAuthorized && outcome === 0;
    if (key !== "") this.#keys.add(key, this.#columnOf(meter) + outcome, isKnown);
    if (identity !== "") this.#identities.add(identity, outcome, isKnown);
  }

  families(): readonly Family[] {
    const meters = [...this.#routes.values()];
    return [
      histogram(
        "kes_request_duration_seconds",
        "Time from the headers of a request to its answer, by route and outcome.",
        meters.flatMap(({ path, latencies }) => {
          return latencies.flatMap((latency, i): Sample[] =>
            latency === undefined ? [] : [{ labels: routeLabels(path, i), ...latency.figures() }],
          );
        }),
      ),
      counters(
        "kes_requests_total",
        "Requests by route and status.",
        meters.flatMap(({ path, codes }) => {
          return [...codes].map(([code, value]) => ({
            labels: { route: shown(path), code: String(code) },
            value,
          }));
        }),
      ),
      counters(
        "kes_key_requests_total",
        "Requests by key, route and outcome, for so many keys as metrics.max_keys says.",
        [...this.#keys.entries()].map(([key, column, value]) => {
          const path = this.#keyRoutes[Math.trunc(column / OUTCOMES.length)] ?? "";
          return { labels: { key, ...routeLabels(path, column % OUTCOMES.length) }, value };
        }),
      ),
      counters(
        "kes_identity_requests_total",
        "Requests by identity and outcome, for so many identities as metrics.max_identities says.",
        [...this.#identities.entries()].map(([identity, column, value]) => {
          return { labels: { identity, outcome: OUTCOMES[column] ?? "" }, value };
        }),
      ),
    ];
  }

  #columnOf(meter: RouteMeter): number {
    if (meter.column < 0) {
      if (this.#keyRoutes.length >= MAX_KEY_ROUTES) throw new RangeError("too many routes take a key's name");
      meter.column = this.#keyRoutes.push(meter.path) * OUTCOMES.length - OUTCOMES.length;
    }
    return meter.column;
  }
}

function routeLabels(path: string, outcome: number): { route: string; outcome: string } {
  return { route: shown(path), outcome: OUTCOMES[outcome] ?? "" };
}

/** Requests to pages and unknown paths share one name. */
function shown(path: string): string {
  return path === "" ? "(none)" : path;
}

/** Counts calls of the keystore, with their times. */
import { type Family, histogram, type Sample } from "./family.js";
import { Latency } from "./latency.js";

export class KeystoreCalls {
  /** By operation and outcome; both come from closed lists. */
  readonly #latencies = new Map<string, Map<string, Latency>>();

  observe(operation: string, outcome: string, seconds: number): void {
    const outcomes = this.#latencies.get(operation) ?? new Map<string, Latency>();
    this.#latencies.set(operation, outcomes);
    const latency = outcomes.get(outcome) ?? new Latency();
    outcomes.set(outcome, latency);
    latency.observe(seconds);
  }

  family(): Family {
    const samples = [...this.#latencies].flatMap(([operation, outcomes]) =>
      [...outcomes].map(([outcome, latency]): Sample => {
        return { labels: { operation, outcome }, ...latency.figures() };
      }),
    );
    return histogram(
      "kes_keystore_call_duration_seconds",
      "Time of calls of the keystore, by operation and outcome.",
      samples,
    );
  }
}

/**
 * The metrics of `/v1/metrics`: the families of KES (reference §11.5), and a few of ours with one sample each, because
 * its clients fail on a family they do not know that has more than one.
 *
 * The hot path adds to plain numbers; prom-client reads them when somebody asks.
 */
import { availableParallelism, cpus } from "node:os";
import { type Metric, Registry } from "prom-client";
import { memoryFigures } from "./system.js";

/** Upper bounds in seconds. */
const BUCKETS = [0.01, 0.05, 0.1, 0.25, 0.5, 1, 1.5, 3, 5, 10] as const;

/** Keys in memory: how many there are, and requests served from them or not. */
export interface CacheFigures {
  readonly entries: number;
  readonly hits: number;
  readonly misses: number;
}

/** Figures that others keep and metrics only read. */
export interface MetricSources {
  readonly errorEvents: () => number;
  readonly auditEvents: () => number;
  /** Milliseconds since the epoch at which the first watched certificate ends; undefined without any. */
  readonly firstExpiryMs: () => number | undefined;
  /** Undefined before the first configuration is loaded. A reload begins anew. */
  readonly cache: () => CacheFigures | undefined;
  readonly startedAtMs: number;
}

export class Metrics {
  readonly #codes = new Map<number, number>();
  readonly #buckets = new Float64Array(BUCKETS.length + 1);
  #sum = 0;
  #active = 0;
  readonly #registry = new Registry();

  constructor(sources: MetricSources) {
    this.#register(sources);
  }

  /** A counted request begins. */
  begin(): void {
    this.#active++;
  }

  /** A counted request was answered with `status` after `seconds`. */
  end(status: number, seconds: number): void {
    this.#active--;
    this.#codes.set(status, (this.#codes.get(status) ?? 0) + 1);
    this.#sum += seconds;
    let i = 0;
    while (i < BUCKETS.length && seconds > (BUCKETS[i] ?? 0)) i++;
    this.#buckets[i] = (this.#buckets[i] ?? 0) + 1;
  }

  /** Prometheus text, families sorted by name. */
  async text(): Promise<string> {
    const families = await this.#registry.getMetricsAsArray();
    const names = families.map((family) => family.name).sort();
    const parts = await Promise.all(names.map((name) => this.#registry.getSingleMetricAsString(name)));
    // A counter with labels does not appear before its first increment.
    return parts
      .filter((part) => part.split("\n").some((line) => line !== "" && !line.startsWith("#")))
      .map((part) => `${part}\n`)
      .join("");
  }

  #register(sources: MetricSources): void {
    this.#outcome("kes_http_request_success", "Number of requests that succeeded.", 200, 300);
    this.#outcome(
      "kes_http_request_error",
      "Number of requests that failed by the client's fault.",
      400,
      500,
    );
    this.#outcome(
      "kes_http_request_failure",
      "Number of requests that failed by the server's fault.",
      500,
      600,
    );
    this.#gauge("kes_http_request_active", "Number of requests being handled now.", () => this.#active);
    this.#histogram("kes_http_response_time", "Time to answer a request in seconds.");
    this.#counter("kes_log_error_events", "Number of error log events.", sources.errorEvents);
    this.#counter("kes_log_audit_events", "Number of audit log events.", sources.auditEvents);
    this.#gauge("kes_system_up_time", "Seconds since the server was started.", () => {
      return Math.round((Date.now() - sources.startedAtMs) / 10) / 100;
    });
    this.#gauge("kes_system_num_cpu", "Number of logical CPUs.", () => cpus().length);
    this.#gauge(
      "kes_system_num_cpu_used",
      "Number of logical CPUs usable by the server.",
      availableParallelism,
    );
    this.#gauge("kes_system_num_threads", "Number of concurrent tasks.", () => {
      return process.getActiveResourcesInfo().length;
    });
    this.#gauge(
      "kes_system_mem_heap_used",
      "Bytes allocated on the heap.",
      () => memoryFigures().heapUsedBytes,
    );
    this.#gauge(
      "kes_system_mem_heap_objects",
      "Objects on the heap; this runtime does not count them: 0.",
      () => 0,
    );
    this.#gauge("kes_system_mem_stack_used", "Bytes of stack.", () => memoryFigures().stackBytes);
    // KES has none of these; single samples, so that its clients skip them.
    this.#counter("kes_cache_hits", "Requests served with a key from memory.", () => sources.cache()?.hits);
    this.#counter(
      "kes_cache_misses",
      "Requests that waited for the key store.",
      () => sources.cache()?.misses,
    );
    this.#gauge("kes_cache_entries", "Number of keys in memory.", () => sources.cache()?.entries);
    // Only configurations that name certificate files, which KES's cannot, have this one.
    this.#gauge(
      "kes_certificate_expiry_seconds",
      "Seconds until the first certificate named in the configuration ends.",
      () => {
        const end = sources.firstExpiryMs();
        return end === undefined ? undefined : Math.round((end - Date.now()) / 1000);
      },
    );
  }

  #outcome(name: string, help: string, from: number, below: number): void {
    this.#family(name, help, "counter", () => {
      const samples: Sample[] = [];
      for (const [code, value] of this.#codes) {
        if (code >= from && code < below) samples.push({ labels: { code }, value });
      }
      return samples;
    });
  }

  #counter(name: string, help: string, read: () => number | undefined): void {
    this.#single(name, help, "counter", read);
  }

  #gauge(name: string, help: string, read: () => number | undefined): void {
    this.#single(name, help, "gauge", read);
  }

  #single(name: string, help: string, type: string, read: () => number | undefined): void {
    this.#family(name, help, type, () => {
      const value = read();
      return value === undefined ? [] : [{ labels: {}, value }];
    });
  }

  #histogram(name: string, help: string): void {
    this.#family(name, help, "histogram", () => {
      let total = 0;
      const samples: Sample[] = [...BUCKETS, "+Inf"].map((le, i) => {
        total += this.#buckets[i] ?? 0;
        return { metricName: `${name}_bucket`, labels: { le }, value: total };
      });
      samples.push({ metricName: `${name}_sum`, labels: {}, value: this.#sum });
      samples.push({ metricName: `${name}_count`, labels: {}, value: total });
      return samples;
    });
  }

  /** prom-client's own types count by themselves; here they only print what is counted above. */
  #family(name: string, help: string, type: string, read: () => Sample[]): void {
    const get = async () => ({ name, help, type, aggregator: "sum", values: read() });
    this.#registry.registerMetric({ name, help, type, get } as unknown as Metric);
  }
}

interface Sample {
  readonly metricName?: string;
  readonly labels: Readonly<Record<string, string | number>>;
  readonly value: number;
}

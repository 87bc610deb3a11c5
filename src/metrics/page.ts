/**
 * The text of `/v1/metrics`: the families of KES (reference §11.5), and a few of ours with one sample each, because
 * its clients fail on a family they do not know that has more than one.
 */
import { availableParallelism, cpus } from "node:os";
import { type Metric, Registry } from "prom-client";
import type { MetricFigures } from "./figures.js";

/** Upper bounds in seconds of the answers' times. */
export const BUCKETS = [0.01, 0.05, 0.1, 0.25, 0.5, 1, 1.5, 3, 5, 10] as const;

interface Sample {
  readonly metricName?: string;
  readonly labels: Readonly<Record<string, string | number>>;
  readonly value: number;
}

interface Family {
  readonly name: string;
  readonly help: string;
  readonly type: "counter" | "gauge" | "histogram";
  readonly values: readonly Sample[];
}

/** Prometheus text, families sorted by name. */
export async function metricsPage(figures: MetricFigures, startedAtMs: number): Promise<string> {
  // A counter with labels does not appear before its first increment.
  const families = familiesOf(figures, startedAtMs).filter(({ values }) => values.length > 0);
  const registry = new Registry();
  for (const family of families) {
    // prom-client's own types count by themselves; here they only print what was counted elsewhere.
    const get = async () => ({ ...family, aggregator: "sum" });
    registry.registerMetric({ ...family, get } as unknown as Metric);
  }
  const names = families.map(({ name }) => name).sort();
  const parts = await Promise.all(names.map((name) => registry.getSingleMetricAsString(name)));
  return parts.map((part) => `${part}\n`).join("");
}

function familiesOf(figures: MetricFigures, startedAtMs: number): readonly Family[] {
  const { cache, firstExpiryMs } = figures;
  const now = Date.now();
  return [
    outcome("kes_http_request_success", "Number of requests that succeeded.", figures, 2),
    outcome("kes_http_request_error", "Number of requests that failed by the client's fault.", figures, 4),
    outcome("kes_http_request_failure", "Number of requests that failed by the server's fault.", figures, 5),
    gauge("kes_http_request_active", "Number of requests being handled now.", figures.active),
    histogram("kes_http_response_time", "Time to answer a request in seconds.", figures),
    counter("kes_log_error_events", "Number of error log events.", figures.errorEvents),
    counter("kes_log_audit_events", "Number of audit log events.", figures.auditEvents),
    gauge(
      "kes_system_up_time",
      "Seconds since the server was started.",
      Math.round((now - startedAtMs) / 10) / 100,
    ),
    gauge("kes_system_num_cpu", "Number of logical CPUs.", cpus().length),
    gauge("kes_system_num_cpu_used", "Number of logical CPUs usable by the server.", availableParallelism()),
    gauge("kes_system_num_threads", "Number of concurrent tasks.", figures.tasks),
    gauge("kes_system_mem_heap_used", "Bytes allocated on the heap.", figures.heapUsedBytes),
    gauge("kes_system_mem_heap_objects", "Objects on the heap; this runtime does not count them: 0.", 0),
    gauge("kes_system_mem_stack_used", "Bytes of stack.", figures.stackBytes),
    // KES has none of these; single samples, so that its clients skip them.
    counter("kes_cache_hits", "Requests served with a key from memory.", cache?.hits),
    counter("kes_cache_misses", "Requests that waited for the key store.", cache?.misses),
    gauge("kes_cache_entries", "Number of keys in memory.", cache?.entries),
    // Only configurations that name certificate files, which KES's cannot, have this one.
    gauge(
      "kes_certificate_expiry_seconds",
      "Seconds until the first certificate named in the configuration ends.",
      firstExpiryMs === undefined ? undefined : Math.round((firstExpiryMs - now) / 1000),
    ),
  ];
}

/** Counts by status, of the statuses that begin with `digit`. */
function outcome(name: string, help: string, { codes }: MetricFigures, digit: number): Family {
  const values = codes
    .filter(([status]) => Math.trunc(status / 100) === digit)
    .map(([code, value]) => ({ labels: { code }, value }));
  return { name, help, type: "counter", values };
}

function counter(name: string, help: string, value: number | undefined): Family {
  return { name, help, type: "counter", values: single(value) };
}

function gauge(name: string, help: string, value: number | undefined): Family {
  return { name, help, type: "gauge", values: single(value) };
}

function single(value: number | undefined): readonly Sample[] {
  return value === undefined ? [] : [{ labels: {}, value }];
}

function histogram(name: string, help: string, { buckets, seconds }: MetricFigures): Family {
  let total = 0;
  const values: Sample[] = [...BUCKETS, "+Inf"].map((le, i) => {
    total += buckets[i] ?? 0;
    return { metricName: `${name}_bucket`, labels: { le }, value: total };
  });
  values.push({ metricName: `${name}_sum`, labels: {}, value: seconds });
  values.push({ metricName: `${name}_count`, labels: {}, value: total });
  return { name, help, type: "histogram", values };
}

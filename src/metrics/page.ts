/**
 * The text of `/v1/metrics`: the families of KES (reference §11.5), and a few of ours with one sample each, because
 * its clients fail on a family they do not know that has more than one.
 */
import { availableParallelism, cpus } from "node:os";
import { histogramSamples, type PrintedFamily, type PrintedSample, printFamilies } from "./exposition.js";
import type { MetricFigures } from "./figures.js";

/** Upper bounds in seconds of the answers' times. */
export const BUCKETS = [0.01, 0.05, 0.1, 0.25, 0.5, 1, 1.5, 3, 5, 10] as const;

/** Prometheus text, families sorted by name. */
export function metricsPage(figures: MetricFigures, startedAtMs: number): Promise<string> {
  return printFamilies(familiesOf(figures, startedAtMs));
}

function familiesOf(figures: MetricFigures, startedAtMs: number): readonly PrintedFamily[] {
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
function outcome(name: string, help: string, { codes }: MetricFigures, digit: number): PrintedFamily {
  const values = codes
    .filter(([status]) => Math.trunc(status / 100) === digit)
    .map(([code, value]) => ({ labels: { code }, value }));
  return { name, help, type: "counter", values };
}

function counter(name: string, help: string, value: number | undefined): PrintedFamily {
  return { name, help, type: "counter", values: single(value) };
}

function gauge(name: string, help: string, value: number | undefined): PrintedFamily {
  return { name, help, type: "gauge", values: single(value) };
}

function single(value: number | undefined): readonly PrintedSample[] {
  return value === undefined ? [] : [{ labels: {}, value }];
}

function histogram(name: string, help: string, figures: MetricFigures): PrintedFamily {
  return { name, help, type: "histogram", values: histogramSamples(name, {}, BUCKETS, figures) };
}

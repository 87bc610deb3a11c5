/** Metrics as the one JSON object that KES's client makes of them (reference §14.3). */
import type { ServerMetrics } from "../../client/types.js";
import { jsonText } from "../terminal/text.js";

/** Go's longest duration stands for a bound without end: infinity is none of its numbers. */
const NO_BOUND = "9223372036854775807";

/** @param server - first member where figures of several servers are mixed */
export function metricJson(metrics: ServerMetrics, server?: string): string {
  const responseTimes = metrics.responseTimes.map(({ upToNs, count }): [string, number] => [
    Number.isFinite(upToNs) ? String(Math.round(upToNs)) : NO_BOUND,
    count,
  ]);
  return jsonText({
    ...(server === undefined ? {} : { server }),
    kes_http_request_success: metrics.requestsSucceeded,
    kes_http_request_error: metrics.requestsErred,
    kes_http_request_failure: metrics.requestsFailed,
    kes_http_request_active: metrics.requestsActive,
    kes_log_audit_events: metrics.auditEvents,
    kes_log_error_events: metrics.errorEvents,
    kes_http_response_time: Object.fromEntries(responseTimes),
    kes_system_up_time: Math.round(metrics.uptimeSeconds * 1e9),
    kes_system_num_cpu: metrics.cpus,
    kes_system_num_cpu_used: metrics.usableCpus,
    kes_system_num_threads: metrics.threads,
    kes_system_mem_heap_used: metrics.heapUsedBytes,
    kes_system_mem_heap_objects: metrics.heapObjects,
    kes_system_mem_stack_used: metrics.stackUsedBytes,
  });
}

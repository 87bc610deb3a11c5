/** The text of `/v1/metrics/full`: everything, with as many samples as there is to tell. */
import { type Form, printFamilies } from "../exposition.js";
import type { MetricFigures } from "../figures.js";
import { counter, counters, type Family, gauge, printed } from "./family.js";

/** @param figures - of the whole server */
export function fullPage(figures: MetricFigures, startedAtMs: number, form: Form): Promise<string> {
  const families = [...plainFamilies(figures, startedAtMs), ...(figures.full ?? [])];
  return printFamilies(families.map(printed), form);
}

/** What `/v1/metrics` has as well, by names that are the same in both forms. */
function plainFamilies(figures: MetricFigures, startedAtMs: number): readonly Family[] {
  const { cache, active, errorEvents, auditEvents } = figures;
  return [
    gauge("kes_start_time_seconds", "When the server was started, since 1970.", startedAtMs / 1000, "min"),
    gauge("kes_requests_in_flight", "Requests being handled now.", active, "sum"),
    counters("kes_log_events_total", "Events of the logs.", [
      { labels: { log: "error" }, value: errorEvents },
      { labels: { log: "audit" }, value: auditEvents },
    ]),
    ...(cache === undefined
      ? []
      : [
          counter("kes_cache_hits_total", "Requests served with a key from memory.", cache.hits),
          counter("kes_cache_misses_total", "Requests that waited for the keystore.", cache.misses),
          gauge("kes_cache_entries", "Keys in memory.", cache.entries, "max"),
        ]),
  ];
}

/**
 * Families of metrics as data, and their text in the forms that Prometheus reads. prom-client only prints here, and is
 * loaded when somebody asks: it and what it depends on are 83 modules.
 */
import type { Metric, PrometheusContentType } from "prom-client";

/** `text`: Prometheus' text form 0.0.4. `openmetrics`: OpenMetrics 1.0.0. */
export type Form = "text" | "openmetrics";

export const MEDIA_TYPES: Readonly<Record<Form, string>> = {
  text: "text/plain; version=0.0.4; charset=utf-8",
  openmetrics: "application/openmetrics-text; version=1.0.0; charset=utf-8",
};

export interface PrintedSample {
  /** Where it is not the family's name. */
  readonly metricName?: string;
  readonly labels: Readonly<Record<string, string | number>>;
  readonly value: number;
}

export interface PrintedFamily {
  /** Of a counter in the form `openmetrics` with `_total` at its end. */
  readonly name: string;
  readonly help: string;
  readonly type: "counter" | "gauge" | "histogram";
  readonly values: readonly PrintedSample[];
}

/** The families that have samples, sorted by name. */
export async function printFamilies(
  families: readonly PrintedFamily[],
  form: Form = "text",
): Promise<string> {
  const { Registry } = await import("prom-client");
  const registry = new Registry();
  if (form === "openmetrics") registry.setContentType(MEDIA_TYPES.openmetrics as PrometheusContentType);
  const names: string[] = [];
  for (const family of families) {
    // A counter with labels does not appear before its first increment.
    if (family.values.length === 0) continue;
    // There a counter's family goes without the ending, and its samples get it from prom-client.
    const name = form === "openmetrics" ? family.name.replace(/_total$/, "") : family.name;
    // prom-client's own types count by themselves; these figures were counted elsewhere.
    const get = async () => ({ ...family, name, aggregator: "sum" });
    registry.registerMetric({ ...family, name, get } as unknown as Metric);
    names.push(name);
  }
  const parts = await Promise.all(names.sort().map((name) => registry.getSingleMetricAsString(name)));
  return parts.map((part) => `${part}\n`).join("") + (form === "openmetrics" ? "# EOF\n" : "");
}

/** Samples of a histogram. @param buckets - not cumulative: one more than there are bounds */
export function histogramSamples(
  name: string,
  labels: PrintedSample["labels"],
  bounds: readonly number[],
  { buckets, seconds }: { readonly buckets: readonly number[]; readonly seconds: number },
): readonly PrintedSample[] {
  let total = 0;
  const samples: PrintedSample[] = [...bounds, "+Inf"].map((le, i) => {
    total += buckets[i] ?? 0;
    return { metricName: `${name}_bucket`, labels: { ...labels, le }, value: total };
  });
  samples.push({ metricName: `${name}_sum`, labels, value: seconds });
  samples.push({ metricName: `${name}_count`, labels, value: total });
  return samples;
}

/** What `/v1/metrics/full` reports, as plain data that can go from process to process, and how several become one. */
import { histogramSamples, type PrintedFamily } from "../exposition.js";
import { LATENCY_BOUNDS } from "./latency.js";

export type Labels = Readonly<Record<string, string>>;

/** `buckets`: of a histogram, not cumulative, by {@link LATENCY_BOUNDS}; `value`: of everything else. */
export type Sample =
  | { readonly labels: Labels; readonly value: number }
  | { readonly labels: Labels; readonly buckets: readonly number[]; readonly seconds: number };

export interface Family {
  /** Of a counter with `_total` at its end. */
  readonly name: string;
  readonly help: string;
  readonly type: "counter" | "gauge" | "histogram";
  /** How values of several processes with the same labels become one. Counters and histograms always add up. */
  readonly merge: "sum" | "min" | "max";
  readonly samples: readonly Sample[];
}

/** The label by which each process has samples of its own. */
export const WORKER = "worker";

/** A counter of samples; several processes' add up. */
export function counters(name: string, help: string, samples: readonly Sample[]): Family {
  return { name, help, type: "counter", merge: "sum", samples };
}

/** A counter without labels. */
export function counter(name: string, help: string, value: number): Family {
  return counters(name, help, [{ labels: {}, value }]);
}

export function gauges(
  name: string,
  help: string,
  samples: readonly Sample[],
  merge: Family["merge"],
): Family {
  return { name, help, type: "gauge", merge, samples };
}

/** A gauge without labels. */
export function gauge(name: string, help: string, value: number, merge: Family["merge"]): Family {
  return gauges(name, help, [{ labels: {}, value }], merge);
}

export function histogram(name: string, help: string, samples: readonly Sample[]): Family {
  return { name, help, type: "histogram", merge: "sum", samples };
}

/** Families of several processes as of one server. */
export function mergeFamilies(all: readonly (readonly Family[])[]): readonly Family[] {
  const merged = new Map<string, { family: Family; samples: Map<string, Sample> }>();
  for (const family of all.flat()) {
    const known = merged.get(family.name) ?? { family, samples: new Map<string, Sample>() };
    merged.set(family.name, known);
    for (const sample of family.samples) {
      const key = JSON.stringify(sample.labels);
      const other = known.samples.get(key);
      known.samples.set(key, other === undefined ? sample : mergeSamples(other, sample, family.merge));
    }
  }
  return [...merged.values()].map(({ family, samples }) => ({ ...family, samples: [...samples.values()] }));
}

function mergeSamples(a: Sample, b: Sample, merge: Family["merge"]): Sample {
  if ("buckets" in a && "buckets" in b) {
    const buckets = a.buckets.map((count, i) => count + (b.buckets[i] ?? 0));
    return { labels: a.labels, buckets, seconds: a.seconds + b.seconds };
  }
  if ("buckets" in a || "buckets" in b) throw new TypeError("a family has samples of one kind");
  const value = merge === "sum" ? a.value + b.value : Math[merge](a.value, b.value);
  return { labels: a.labels, value };
}

/** What remains of a process that has ended: what it has counted for the server, nothing of the process itself. */
export function lastingFamilies(families: readonly Family[]): readonly Family[] {
  return families
    .filter(({ type }) => type !== "gauge")
    .map((family) => ({ ...family, samples: family.samples.filter(({ labels }) => !(WORKER in labels)) }));
}

/** The form in which it is printed. */
export function printed({ name, help, type, samples }: Family): PrintedFamily {
  const values = samples.flatMap((sample) =>
    "buckets" in sample ? histogramSamples(name, sample.labels, LATENCY_BOUNDS, sample) : [sample],
  );
  return { name, help, type, values };
}

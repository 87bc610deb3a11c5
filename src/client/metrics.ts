/** Reads Prometheus' text form, as far as servers send it (KES reference §11.5). */
import { invalid } from "./members.js";
import type { ApiReply } from "./transport.js";
import type { ServerMetrics } from "./types.js";

/** Name, labels, value; a timestamp behind them is skipped. */
const SAMPLE = /^([A-Za-z_:][\w:]*)(?:\{((?:[^"}]|"(?:[^"\\]|\\.)*")*)\})?[ \t]+(\S+)(?:[ \t]+-?\d+)?$/;
// Each begins where the one before ended: looked for anywhere, a long text without any would take its length squared.
const LABEL = /[ \t]*([A-Za-z_]\w*)[ \t]*=[ \t]*"((?:[^"\\]|\\.)*)"[ \t]*(?:,[ \t]*|$)/y;
const NUMBER = /^[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?$/;
const NS_PER_SECOND = 1e9;
/** Most samples of one answer; a server with every family of ours has some hundreds. */
const MAX_SAMPLES = 10_000;

interface Sample {
  readonly name: string;
  readonly labels: ReadonlyMap<string, string>;
  readonly value: number;
}

/**
 * The figures of `GET /v1/metrics`; what a server does not send reads 0.
 * @throws KesError `ANSWER_INVALID` for other text, or when none of the figures is KES's
 */
export function metricsOf(reply: ApiReply): ServerMetrics {
  const samples: Sample[] = [];
  const byText = new Map<string, number>();
  for (const line of reply.body.toString("utf8").split("\n")) {
    const text = line.trim();
    if (text === "" || text.startsWith("#")) continue;
    const found = SAMPLE.exec(text);
    const value = numberOf(found?.[3] ?? "");
    const labels = labelsOf((found?.[2] ?? "").trim());
    if (found?.[1] === undefined || value === undefined || labels === undefined)
      throw invalid(reply.endpoint, "it is no metrics text");
    if (samples.length === MAX_SAMPLES)
      throw invalid(reply.endpoint, `it has more than ${MAX_SAMPLES} samples`);
    const [, name, written] = found;
    samples.push({ name, labels, value });
    byText.set(written === undefined ? name : `${name}{${written}}`, value);
  }
  if (!samples.some(({ name }) => name.startsWith("kes_")))
    throw invalid(reply.endpoint, "it has no figures of a key server");
  return { ...figures(samples), samples: byText };
}

function figures(samples: readonly Sample[]): Omit<ServerMetrics, "samples"> {
  const of = (name: string): readonly Sample[] => samples.filter((sample) => sample.name === name);
  const sum = (name: string): number => of(name).reduce((total, { value }) => total + value, 0);
  return {
    requestsSucceeded: sum("kes_http_request_success"),
    requestsErred: sum("kes_http_request_error"),
    requestsFailed: sum("kes_http_request_failure"),
    requestsActive: sum("kes_http_request_active"),
    auditEvents: sum("kes_log_audit_events"),
    errorEvents: sum("kes_log_error_events"),
    responseTimes: of("kes_http_response_time_bucket")
      .map(({ labels, value }) => ({ upToNs: boundOf(labels.get("le") ?? ""), count: value }))
      .sort((a, b) => (a.upToNs < b.upToNs ? -1 : 1)),
    responseTimeSumSeconds: sum("kes_http_response_time_sum"),
    uptimeSeconds: sum("kes_system_up_time"),
    cpus: sum("kes_system_num_cpu"),
    usableCpus: sum("kes_system_num_cpu_used"),
    threads: sum("kes_system_num_threads"),
    heapUsedBytes: sum("kes_system_mem_heap_used"),
    heapObjects: sum("kes_system_mem_heap_objects"),
    stackUsedBytes: sum("kes_system_mem_stack_used"),
  };
}

function boundOf(le: string): number {
  const seconds = numberOf(le) ?? Number.NaN;
  return Number.isFinite(seconds) ? Math.round(seconds * NS_PER_SECOND) : seconds;
}

/** Undefined for text that is no list of labels. */
function labelsOf(text: string): ReadonlyMap<string, string> | undefined {
  const escapes: Readonly<Record<string, string>> = { n: "\n", "\\": "\\", '"': '"' };
  const plain = (value: string): string => value.replace(/\\(.)/g, (all, c: string) => escapes[c] ?? all);
  const labels = new Map<string, string>();
  const label = new RegExp(LABEL);
  while (label.lastIndex < text.length) {
    const [, name, value] = label.exec(text) ?? [];
    if (name === undefined || value === undefined) return undefined;
    labels.set(name, plain(value));
  }
  return labels;
}

function numberOf(text: string): number | undefined {
  if (text === "+Inf" || text === "Inf") return Number.POSITIVE_INFINITY;
  if (text === "-Inf") return Number.NEGATIVE_INFINITY;
  if (text === "NaN") return Number.NaN;
  return NUMBER.test(text) ? Number(text) : undefined;
}

/** Counts what the routes of metrics report. The hot path adds to plain numbers; nothing else happens before somebody asks. */

import type { Form } from "./exposition.js";
import type { CacheFigures, MetricFigures } from "./figures.js";
import { FullMetrics, type FullSources } from "./full/full-metrics.js";
import { fullPage } from "./full/page.js";
import { BUCKETS, metricsPage } from "./page.js";
import { memoryFigures } from "./system.js";

/** Figures that others keep and metrics only read. */
export interface MetricSources {
  readonly errorEvents: () => number;
  readonly auditEvents: () => number;
  /** Milliseconds since the epoch at which the first watched certificate ends; undefined without any. */
  readonly firstExpiryMs: () => number | undefined;
  /** Undefined before the first configuration is loaded. A reload begins anew. */
  readonly cache: () => CacheFigures | undefined;
  readonly startedAtMs: number;
  /** Of `/v1/metrics/full` alone. */
  readonly full?: FullSources;
}

export class Metrics {
  readonly full: FullMetrics;
  readonly #sources: MetricSources;
  readonly #codes = new Map<number, number>();
  readonly #buckets = new Float64Array(BUCKETS.length + 1);
  #seconds = 0;
  #active = 0;

  constructor(sources: MetricSources) {
    this.#sources = sources;
    this.full = new FullMetrics(sources.full);
  }

  /** A counted request begins. */
  begin(): void {
    this.#active++;
  }

  /** A counted request was answered with `status` after `seconds`. */
  end(status: number, seconds: number): void {
    this.#active--;
    this.#codes.set(status, (this.#codes.get(status) ?? 0) + 1);
    this.#seconds += seconds;
    let i = 0;
    while (i < BUCKETS.length && seconds > (BUCKETS[i] ?? 0)) i++;
    this.#buckets[i] = (this.#buckets[i] ?? 0) + 1;
  }

  /** What this process has counted. */
  figures(): MetricFigures {
    const cache = this.#sources.cache();
    const firstExpiryMs = this.#sources.firstExpiryMs();
    return {
      codes: [...this.#codes],
      buckets: [...this.#buckets],
      seconds: this.#seconds,
      active: this.#active,
      errorEvents: this.#sources.errorEvents(),
      auditEvents: this.#sources.auditEvents(),
      ...(cache === undefined
        ? {}
        : { cache: { entries: cache.entries, hits: cache.hits, misses: cache.misses } }),
      ...(firstExpiryMs === undefined ? {} : { firstExpiryMs }),
      ...memoryFigures(),
      tasks: process.getActiveResourcesInfo().length,
      full: this.full.families(),
    };
  }

  /** Prometheus text, families sorted by name. @param figures - of the whole server */
  text(figures = this.figures()): Promise<string> {
    return metricsPage(figures, this.#sources.startedAtMs);
  }

  /** Everything there is to tell. @param figures - of the whole server */
  fullText(form: Form, figures = this.figures()): Promise<string> {
    return fullPage(figures, this.#sources.startedAtMs, form);
  }
}

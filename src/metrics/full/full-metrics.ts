/** Counts what `/v1/metrics/full` reports, and reads what others keep when somebody asks. */
import { type AuditFigures, auditFamilies } from "./audit.js";
import type { LoopFigures } from "./event-loop.js";
import { counter, type Family, gauge, gauges } from "./family.js";
import { KeystoreCalls } from "./keystore-calls.js";
import { processFamilies, processFigures } from "./process.js";
import { RequestMeters } from "./requests.js";

/** How the keystore stands, and what the cache makes of it; times in seconds. */
export interface KeystoreFigures {
  /** How long it has not answered; undefined while it answers. */
  readonly outage: number | undefined;
  /** `cache.expiry.offline`. */
  readonly offlineWindow: number;
  /** Age of the key in memory that was fetched longest ago and may still be used; undefined without one. */
  readonly oldestEntry: number | undefined;
}

export interface CertificateFigures {
  /** Where the configuration names it. */
  readonly use: string;
  /** Empty where it stands for none. */
  readonly identity: string;
  /** Milliseconds since the epoch. */
  readonly notAfterMs: number;
}

/** Figures that others keep; each is left out where there is none. */
export interface FullSources {
  readonly build?: { readonly version: string; readonly commit: string };
  /** Which of the server's processes this is. */
  readonly worker?: string;
  readonly keystore?: () => KeystoreFigures | undefined;
  readonly certificates?: () => readonly CertificateFigures[];
  readonly audit?: () => AuditFigures | undefined;
  readonly loop?: () => LoopFigures;
  /** Workers that ended by themselves; only of a process that has workers and serves no requests itself. */
  readonly workerDeaths?: () => number;
}

export class FullMetrics {
  readonly requests = new RequestMeters();
  readonly keystoreCalls = new KeystoreCalls();
  readonly #sources: FullSources;

  constructor(sources: FullSources = {}) {
    this.#sources = sources;
  }

  /** What this process has counted, and how it stands. */
  families(): readonly Family[] {
    const { build, worker = "0", keystore, certificates, audit, loop, workerDeaths } = this.#sources;
    const stand = keystore?.();
    const audited = audit?.();
    return [
      ...(build === undefined
        ? []
        : [gauges("kes_build_info", "Version of the server.", [{ labels: { ...build }, value: 1 }], "max")]),
      ...this.requests.families(),
      this.keystoreCalls.family(),
      ...(stand === undefined ? [] : keystoreFamilies(stand)),
      ...(certificates === undefined ? [] : [certificateFamily(certificates())]),
      ...(audited === undefined ? [] : auditFamilies(audited)),
      gauge("kes_workers", "Processes that serve requests.", workerDeaths === undefined ? 1 : 0, "sum"),
      counter("kes_worker_deaths_total", "Worker processes that ended by themselves.", workerDeaths?.() ?? 0),
      ...processFamilies(processFigures(loop?.()), worker),
    ];
  }
}

function keystoreFamilies({ outage, offlineWindow, oldestEntry }: KeystoreFigures): readonly Family[] {
  const left = Math.max(0, offlineWindow - (outage ?? 0));
  return [
    gauge("kes_keystore_up", "1 while the keystore answers.", outage === undefined ? 1 : 0, "min"),
    gauge("kes_keystore_outage_seconds", "How long the keystore has not answered.", outage ?? 0, "max"),
    gauge(
      "kes_offline_window_seconds",
      "How long keys in memory stay in use while the keystore does not answer.",
      offlineWindow,
      "max",
    ),
    gauge("kes_offline_window_left_seconds", "What is left of that time.", left, "min"),
    ...(oldestEntry === undefined
      ? []
      : [
          gauge(
            "kes_cache_oldest_entry_seconds",
            "Age of the key in use that was fetched longest ago.",
            oldestEntry,
            "max",
          ),
        ]),
  ];
}

function certificateFamily(certificates: readonly CertificateFigures[]): Family {
  const samples = certificates.map(({ use, identity, notAfterMs }) => {
    return { labels: { use, identity }, value: notAfterMs / 1000 };
  });
  const help = "When a certificate ends that the configuration names, in seconds since 1970.";
  return gauges("kes_certificate_end_time_seconds", help, samples, "min");
}

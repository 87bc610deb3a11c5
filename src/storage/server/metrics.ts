/** What the server counts, under MinIO's names, which dashboards know. */
import { Counter, Gauge, Histogram, Registry } from "prom-client";
import type { ObjectServiceStatus } from "../objects/object-service.js";
import type { AccessRecord } from "./access-log.js";
import type { KeyCallOutcome } from "./key-service-times.js";

const SECONDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];
/** MinIO's own for the key service (MinIO client reference §5.3). */
const KEY_SECONDS = [0.01, 0.05, 0.1, 0.25, 0.5, 1, 1.5, 3, 5, 10];
/** Label of requests that were refused before it was clear what they ask for. */
const UNKNOWN = "unknown";

export class ServerMetrics {
  readonly #registry = new Registry();
  readonly #startedMs: number;
  readonly #inflight = this.#gauge("minio_s3_requests_inflight_total", "Requests that are being served.");
  readonly #requests = this.#counter("minio_s3_requests_total", "Requests by operation.", "api");
  readonly #errors = this.#counter(
    "minio_s3_requests_errors_total",
    "Requests that ended with a status of 400 or more.",
    "api",
  );
  readonly #clientErrors = this.#counter(
    "minio_s3_requests_4xx_errors_total",
    "Requests that ended with a status of 400 to 499.",
    "api",
  );
  readonly #serverErrors = this.#counter(
    "minio_s3_requests_5xx_errors_total",
    "Requests that ended with a status of 500 or more.",
    "api",
  );
  readonly #canceled = this.#counter(
    "minio_s3_requests_canceled_total",
    "Requests whose clients have gone before the answer.",
    "api",
  );
  readonly #refused = this.#counter(
    "minio_s3_requests_rejected_auth_total",
    "Requests that were refused for who asks.",
  );
  readonly #received = this.#counter("minio_s3_traffic_received_bytes", "Bytes of bodies that came.");
  readonly #sent = this.#counter("minio_s3_traffic_sent_bytes", "Bytes of bodies that went.");
  readonly #firstByte = this.#histogram(
    "minio_s3_requests_ttfb_seconds_distribution",
    "Time to the first byte of answers.",
    SECONDS,
    "api",
  );
  readonly #total = this.#histogram(
    "keswick_s3_request_seconds",
    "Time from the head of requests to the end of answers.",
    SECONDS,
    "api",
  );
  readonly #keySeconds = this.#histogram(
    "keswick_s3_key_service_seconds",
    "Time of calls to the key service.",
    KEY_SECONDS,
  );
  readonly #keySuccess = this.#counter(
    "minio_cluster_kms_request_success",
    "Calls to the key service that succeeded.",
  );
  readonly #keyError = this.#counter(
    "minio_cluster_kms_request_error",
    "Calls that the key service refused.",
  );
  readonly #keyFailure = this.#counter(
    "minio_cluster_kms_request_failure",
    "Calls that the key service failed.",
  );
  readonly #staleUploads = this.#counter(
    "keswick_s3_stale_uploads_removed_total",
    "Uploads in parts that were removed because nobody went on with them.",
  );
  readonly #keysOnline = this.#gauge(
    "minio_cluster_kms_online",
    "1 when an endpoint of the key service answers.",
  );
  readonly #healthy = this.#gauge("minio_cluster_health_status", "1 when storage can be read and written.");
  readonly #uptime = this.#gauge("minio_node_process_uptime_seconds", "Time since the start.");
  readonly #memory = this.#gauge(
    "minio_node_process_resident_memory_bytes",
    "Resident memory of the process.",
  );

  /** @param nowMs - monotonic */
  constructor(nowMs: number = performance.now()) {
    this.#startedMs = nowMs;
  }

  begin(): void {
    this.#inflight.inc();
  }

  /** A request is over. */
  end(record: AccessRecord, isGone: boolean): void {
    this.#inflight.dec();
    const api = record.operation ?? UNKNOWN;
    const { status } = record;
    this.#requests.inc({ api });
    if (isGone) this.#canceled.inc({ api });
    else if (status >= 400) {
      this.#errors.inc({ api });
      (status >= 500 ? this.#serverErrors : this.#clientErrors).inc({ api });
    }
    if (status === 403 && record.accessKey === undefined) this.#refused.inc();
    this.#received.inc(record.bytesIn);
    this.#sent.inc(record.bytesOut);
    if (record.firstByteMs !== undefined) this.#firstByte.observe({ api }, record.firstByteMs / 1000);
    this.#total.observe({ api }, record.totalMs / 1000);
  }

  keyCall(outcome: KeyCallOutcome, ms: number): void {
    this.#keySeconds.observe(ms / 1000);
    const counters = { success: this.#keySuccess, error: this.#keyError, failure: this.#keyFailure };
    counters[outcome].inc();
  }

  staleUploadsRemoved(count: number): void {
    this.#staleUploads.inc(count);
  }

  /** Prometheus' text form 0.0.4. */
  async text({ keys, isStorageOnline }: ObjectServiceStatus): Promise<{ type: string; text: string }> {
    const registry = this.#registry;
    this.#healthy.set(isStorageOnline ? 1 : 0);
    this.#keysOnline.set(keys?.endpoints.some(({ isOnline }) => isOnline) === true ? 1 : 0);
    this.#uptime.set((performance.now() - this.#startedMs) / 1000);
    this.#memory.set(process.memoryUsage.rss());
    return { type: registry.contentType, text: await registry.metrics() };
  }

  #counter(name: string, help: string, ...labelNames: string[]): Counter {
    return new Counter({ name, help, labelNames, registers: [this.#registry] });
  }

  #gauge(name: string, help: string): Gauge {
    return new Gauge({ name, help, registers: [this.#registry] });
  }

  #histogram(name: string, help: string, buckets: number[], ...labelNames: string[]): Histogram {
    return new Histogram({ name, help, buckets, labelNames, registers: [this.#registry] });
  }
}

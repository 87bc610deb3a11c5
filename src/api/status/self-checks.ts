/** What a running server finds when it looks at itself. */
import type { KeystoreStatus } from "../../keys/health.js";
import type { MetricFigures } from "../../metrics/figures.js";
import type { Family, Labels } from "../../metrics/full/family.js";
import {
  certificateEnd,
  error,
  FILE_LIMIT_REMEDY,
  type Finding,
  ok,
  WANTED_FILES,
  warning,
} from "./finding.js";

/** A keystore that needs longer makes every request wait whose key is not in memory. */
const SLOW_KEYSTORE_MS = 250;
/** A loop that is blocked for so long lets every request wait. */
const LATE_SECONDS = 0.5;

export interface SelfCheckInput {
  readonly keystore: KeystoreStatus;
  /** Of the whole server. */
  readonly figures: MetricFigures;
  readonly areWorkersFailing: boolean;
  readonly nowMs: number;
}

/** Every finding, good ones too. */
export function selfChecks({
  keystore,
  figures,
  areWorkersFailing,
  nowMs,
}: SelfCheckInput): readonly Finding[] {
  const read = (name: string) => samplesOf(figures.full ?? [], name);
  return [
    ...keystoreFindings(keystore, read),
    ...read("kes_certificate_end_time_seconds").map(({ labels, value }) => {
      const isOwn = labels.use === "tls.cert";
      const remedy = isOwn
        ? "renew it and put it in the place of the old file; the server takes it up by itself, or by SIGHUP"
        : "renew it with the same key, which keeps the identity: kes identity renew CERTIFICATE";
      const what = isOwn ? "the server's certificate" : `the certificate of '${labels.use}'`;
      return certificateEnd("certificate", what, value * 1000, nowMs, remedy);
    }),
    ...workerFindings(areWorkersFailing),
    ...loopFindings(read("kes_event_loop_delay_max_seconds")),
    ...fileFindings(read("kes_process_open_files"), read("kes_process_max_files")),
    ...auditFindings(read),
  ];
}

interface Value {
  readonly labels: Labels;
  readonly value: number;
}

type Read = (name: string) => readonly Value[];

function samplesOf(families: readonly Family[], name: string): readonly Value[] {
  const samples = families.find((family) => family.name === name)?.samples ?? [];
  return samples.flatMap((sample) => ("value" in sample ? [sample] : []));
}

function keystoreFindings(status: KeystoreStatus, read: Read): readonly Finding[] {
  if (status.ok) {
    const ms = Math.round(status.latencyMs);
    if (ms < SLOW_KEYSTORE_MS) return [ok("keystore", `the keystore answers in ${Math.max(1, ms)} ms`)];
    const remedy =
      "look at the network to the keystore and at its load; a longer cache.expiry.any asks it less often";
    return [warning("keystore", `the keystore needs ${ms} ms for an answer`, remedy)];
  }
  const remedy =
    "the server's error log says why; on its host 'kes keystore check CONFIG' tries what it needs and names what is missing";
  const found = [error("keystore", status.error.message, remedy)];
  const window = read("kes_offline_window_seconds")[0]?.value ?? 0;
  const left = Math.round(read("kes_offline_window_left_seconds")[0]?.value ?? 0);
  if (window === 0) return found;
  const message =
    left > 0
      ? `keys in memory stay in use for another ${left} s`
      : "the offline window is over: no key can be used";
  return [
    ...found,
    left > 0 ? warning("offline window", message, remedy) : error("offline window", message, remedy),
  ];
}

function workerFindings(areFailing: boolean): readonly Finding[] {
  if (!areFailing) return [];
  const remedy =
    "the server's error log says how each ended; memory that ran out shows in the system's log (dmesg)";
  return [error("workers", "worker processes end again and again", remedy)];
}

function loopFindings(delays: readonly Value[]): readonly Finding[] {
  const worst = Math.max(0, ...delays.map(({ value }) => value));
  if (worst < LATE_SECONDS) return [ok("event loop", `at most ${Math.round(worst * 1000)} ms late`)];
  const remedy =
    "give the server more CPU time: look at the limits of its container and at what else runs there";
  return [
    warning("event loop", `was blocked for ${Math.round(worst * 1000)} ms during the last minute`, remedy),
  ];
}

function fileFindings(open: readonly Value[], limits: readonly Value[]): readonly Finding[] {
  const max = Math.min(...limits.map(({ value }) => value));
  if (!Number.isFinite(max)) return [];
  const most = Math.max(0, ...open.map(({ value }) => value));
  const message = `${most} of ${max} files and sockets are open`;
  if (most > max * 0.8) return [error("file limit", message, FILE_LIMIT_REMEDY)];
  if (max < WANTED_FILES) return [warning("file limit", `${message}: that is few`, FILE_LIMIT_REMEDY)];
  return [ok("file limit", message)];
}

function auditFindings(read: Read): readonly Finding[] {
  const [failing] = read("kes_audit_failing");
  if (failing === undefined) return [];
  const remedy =
    "look at the space on the disk of the audit file and at its owner; the error log says what failed";
  if (failing.value > 0) return [error("audit", "the audit file cannot be written", remedy)];
  const lost = read("kes_audit_lost_total")[0]?.value ?? 0;
  const forwarders = read("kes_audit_forwarder_failing")
    .filter(({ value }) => value > 0)
    .map(({ labels }) => {
      const message = `the collector '${labels.forwarder}' cannot be reached`;
      return warning("audit", message, `look at its address in section 'audit.${labels.forwarder}'`);
    });
  if (lost > 0) return [warning("audit", `${lost} records were lost since the start`, remedy), ...forwarders];
  return [ok("audit", "the audit file is written"), ...forwarders];
}

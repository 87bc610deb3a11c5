/** Figures of the audit file and of those whom it is sent to. */
import { counter, counters, type Family, gauge, gauges, type Sample } from "./family.js";

/** What the audit file tells; numbers since the start, and how things stand. */
export interface AuditFigures {
  readonly records: number;
  readonly lost: number;
  readonly batches: number;
  readonly writeSeconds: number;
  readonly failing: boolean;
  readonly bytes: number;
  readonly unsigned: number;
  readonly secondsSinceCheckpoint: number;
  readonly forwarders: readonly ForwarderFigures[];
}

export interface ForwarderFigures {
  readonly name: string;
  readonly sent: number;
  readonly skipped: number;
  readonly backlogBytes: number;
  readonly failing: boolean;
}

/** Of the one process that writes the file. */
export function auditFamilies(figures: AuditFigures): readonly Family[] {
  const { records, lost, batches, writeSeconds, failing, bytes, unsigned, secondsSinceCheckpoint } = figures;
  const each = (read: (forwarder: ForwarderFigures) => number | boolean): Sample[] =>
    figures.forwarders.map((one) => ({ labels: { forwarder: one.name }, value: Number(read(one)) }));
  return [
    counter("kes_audit_records_total", "Lines written to the audit file.", records),
    counter("kes_audit_lost_total", "Audit records that could not be written.", lost),
    counter("kes_audit_batches_total", "Writes of the audit file to the disk.", batches),
    counter("kes_audit_write_seconds_total", "Time that writes of the audit file took.", writeSeconds),
    gauge("kes_audit_failing", "1 while the audit file cannot be written.", Number(failing), "max"),
    gauge("kes_audit_file_bytes", "Size of the audit file.", bytes, "max"),
    gauge("kes_audit_unsigned", "Audit records behind the last signed checkpoint.", unsigned, "max"),
    gauge(
      "kes_audit_checkpoint_age_seconds",
      "Time since the last signed checkpoint of the audit file.",
      secondsSinceCheckpoint,
      "max",
    ),
    counters(
      "kes_audit_forwarder_sent_total",
      "Audit lines sent to a collector.",
      each(({ sent }) => sent),
    ),
    counters(
      "kes_audit_forwarder_skipped_total",
      "Audit lines that a collector did not get because too much waited.",
      each(({ skipped }) => skipped),
    ),
    gauges(
      "kes_audit_forwarder_backlog_bytes",
      "Bytes of the audit file that a collector did not get yet.",
      each(({ backlogBytes }) => backlogBytes),
      "max",
    ),
    gauges(
      "kes_audit_forwarder_failing",
      "1 while a collector cannot be reached.",
      each((one) => one.failing),
      "max",
    ),
  ];
}

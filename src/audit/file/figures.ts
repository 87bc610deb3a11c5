/** What the audit file tells metrics: plain numbers since the start, and how things stand. */

export interface AuditFigures {
  /** Lines written, checkpoints and notices included. */
  readonly records: number;
  /** Records that could not be written. */
  readonly lost: number;
  /** Writes to the disk; records / batches is how well they are gathered. */
  readonly batches: number;
  /** Time that batches took, in seconds. */
  readonly writeSeconds: number;
  /** True while nothing can be written. */
  readonly failing: boolean;
  /** Number of the last line. */
  readonly sequence: number;
  /** Size of the file. */
  readonly bytes: number;
  /** Records behind the last checkpoint. */
  readonly unsigned: number;
  readonly secondsSinceCheckpoint: number;
  readonly forwarders: readonly ForwarderFigures[];
}

/** Of one collector that lines are sent to. */
export interface ForwarderFigures {
  readonly name: "syslog" | "webhook";
  readonly sent: number;
  /** Lines that were given up because too much waited. */
  readonly skipped: number;
  /** Bytes of the audit file that were not sent yet. */
  readonly backlogBytes: number;
  readonly failing: boolean;
}

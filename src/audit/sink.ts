/** Where audit records go for good: a file in this process, or the process that has the file. */

/** Takes records as the members of a JSON object, without braces: `"type":"request","time":…`. */
export interface AuditSink {
  /** Answers that hand out what keys protect wait for {@link append}. */
  readonly required: boolean;
  /**
   * Resolves when the record is in the file; where {@link required}, on the disk.
   * @throws KesError `AUDIT_UNAVAILABLE` when it could not be written: it is counted as lost
   */
  append(members: string): Promise<void>;
  /** The same for a record that nobody waits for: what cannot be written is counted and told in the error log. */
  record(members: string): void;
}

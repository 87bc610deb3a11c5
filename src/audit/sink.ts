/** Where audit records go for good: a file in this process, or the process that has the file. */

/** Takes records as the members of a JSON object, without braces: `"type":"request","time":…`. */
export interface AuditSink {
  /**
   * Resolves when the record is in the file; with `audit.required`, on the disk.
   * @throws KesError `AUDIT_UNAVAILABLE` when it could not be written
   */
  append(members: string): Promise<void>;
  /** The same for a record that nobody waits for: what cannot be written is counted and told in the error log. */
  record(members: string): void;
}

/** The audit log: one record for each request, to stdout when switched on, to the `/v1/log/audit` stream, to a file. */
import { LEVELS, type LogSettings } from "./error-log.js";
import { type AuditEvent, toAuditLine, toAuditText } from "./events.js";
import { intentMembers, requestMembers } from "./file/members.js";
import type { LogHub } from "./hub.js";
import type { LineWriter } from "./line-writer.js";
import type { AuditSink } from "./sink.js";

export class AuditLog {
  readonly hub: LogHub;
  readonly #out: LineWriter;
  #settings: LogSettings;
  #sink: AuditSink | undefined;
  #required = false;

  constructor(out: LineWriter, hub: LogHub, settings: LogSettings) {
    this.#out = out;
    this.hub = hub;
    this.#settings = settings;
  }

  configure(settings: LogSettings): void {
    this.#settings = settings;
  }

  /** From now on records go to `sink` as well. @param required - answers with key material wait for them */
  attach(sink: AuditSink | undefined, required: boolean): void {
    this.#sink = sink;
    this.#required = required && sink !== undefined;
  }

  /** True when answers with key material wait for {@link commit}, and changes for {@link intend}. */
  get required(): boolean {
    return this.#required;
  }

  /** True when audit lines go to the console. */
  get onConsole(): boolean {
    return this.#settings.level <= LEVELS.INFO;
  }

  /** False when a record would only be counted, so that the hot path need not build it. */
  get wanted(): boolean {
    return this.onConsole || this.hub.followed || this.#sink !== undefined;
  }

  /** Counts a request that nobody wants to read about. */
  count(): void {
    this.hub.count();
  }

  record(event: AuditEvent): void {
    this.#sink?.record(requestMembers(event));
    this.#show(event);
  }

  /**
   * Records an answer that is about to be given; resolves when the record is on the disk.
   * @throws KesError `AUDIT_UNAVAILABLE`: the answer must not be given
   */
  async commit(event: AuditEvent): Promise<void> {
    await this.#sink?.append(requestMembers(event));
    this.#show(event);
  }

  /**
   * Records a change that is about to be made, without its outcome; resolves when that is on the disk.
   * @throws KesError `AUDIT_UNAVAILABLE`: the change must not be made
   */
  async intend(event: AuditEvent): Promise<void> {
    await this.#sink?.append(intentMembers(event));
  }

  #show(event: AuditEvent): void {
    if (this.onConsole) {
      const json = this.#settings.format === "json";
      this.#out.write(json ? jsonLine(event) : `${toAuditText(event)}\n`);
    }
    if (this.hub.followed) this.hub.publish(toAuditLine(event));
    else this.hub.count();
  }
}

/** The stream's line with the message in front, so that a log collector sees what happened. */
function jsonLine(event: AuditEvent): string {
  return `{"level":"INFO","msg":${JSON.stringify(event.message)},${toAuditLine(event).slice(1)}`;
}

/** The audit log: one record for each request, to stdout when switched on, to the `/v1/log/audit` stream, to a file. */
import { ConsoleLines } from "./console-lines.js";
import { LEVELS, type LogSettings } from "./error-log.js";
import { type AuditEvent, auditMembers, requestMember, toAuditText } from "./events.js";
import { intentMembers, requestMembers } from "./file/members.js";
import type { LogHub } from "./hub.js";
import { LineTimes } from "./line-times.js";
import type { LineWriter } from "./line-writer.js";
import type { AuditSink } from "./sink.js";

export class AuditLog {
  readonly hub: LogHub;
  readonly #out: LineWriter;
  readonly #times = new LineTimes();
  readonly #lines = new ConsoleLines(this.#times);
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
    const members = this.#membersOf(event);
    this.#sink?.record(requestMembers(event, members));
    this.#show(event, members);
  }

  /**
   * Records an answer that is about to be given; resolves when the record is on the disk.
   * @throws KesError `AUDIT_UNAVAILABLE`: the answer must not be given
   */
  async commit(event: AuditEvent): Promise<void> {
    const members = this.#membersOf(event);
    await this.#sink?.append(requestMembers(event, members));
    this.#show(event, members);
  }

  /**
   * Records a change that is about to be made, without its outcome; resolves when that is on the disk.
   * @throws KesError `AUDIT_UNAVAILABLE`: the change must not be made
   */
  async intend(event: AuditEvent): Promise<void> {
    await this.#sink?.append(intentMembers(requestMember(event, this.#times)));
  }

  /** Made once for file, stream and console; empty where none of them has JSON. */
  #membersOf(event: AuditEvent): string {
    const isJson = this.onConsole && this.#settings.format === "json";
    return isJson || this.#sink !== undefined || this.hub.followed ? auditMembers(event, this.#times) : "";
  }

  #show(event: AuditEvent, members: string): void {
    // Somebody may want it only since the record waited for the disk.
    const json = (): string => members || auditMembers(event, this.#times);
    if (this.onConsole) {
      const isJson = this.#settings.format === "json";
      // The stream's line with the message in front, so that a log collector sees what happened.
      if (isJson) this.#out.write(`{"level":"INFO","msg":${JSON.stringify(event.message)},${json()}}\n`);
      else this.#showText(event);
    }
    if (this.hub.followed) this.hub.publish(`{${json()}}\n`);
    else this.hub.count();
  }
  #showText(event: AuditEvent): void {
    const octets = this.#out.writeOctets === undefined ? undefined : this.#lines.octets(event);
    if (octets !== undefined) this.#out.writeOctets?.(octets);
    else this.#out.write(`${toAuditText(event, this.#times)}\n`);
  }
}

/** The audit log: one record for each request, to stdout when switched on, and to the `/v1/log/audit` stream. */
import { LEVELS, type LogSettings } from "./error-log.js";
import { type AuditEvent, toAuditLine, toAuditText } from "./events.js";
import type { LogHub } from "./hub.js";
import type { LineWriter } from "./line-writer.js";

export class AuditLog {
  readonly hub: LogHub;
  readonly #out: LineWriter;
  #settings: LogSettings;

  constructor(out: LineWriter, hub: LogHub, settings: LogSettings) {
    this.#out = out;
    this.hub = hub;
    this.#settings = settings;
  }

  configure(settings: LogSettings): void {
    this.#settings = settings;
  }

  /** True when audit lines go to the console. */
  get onConsole(): boolean {
    return this.#settings.level <= LEVELS.INFO;
  }

  /** False when a record would only be counted, so that the hot path need not build it. */
  get wanted(): boolean {
    return this.onConsole || this.hub.followed;
  }

  /** Counts a request that nobody wants to read about. */
  count(): void {
    this.hub.count();
  }

  record(event: AuditEvent): void {
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

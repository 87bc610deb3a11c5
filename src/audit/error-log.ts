/** The error log: console lines on stderr and the `/v1/log/error` stream. */
import { inspect } from "node:util";
import { toErrorLine } from "./events.js";
import type { LogHub } from "./hub.js";
import type { LineWriter } from "./line-writer.js";
import { type Attributes, logfmt } from "./logfmt.js";

/** Severity by Go's slog numbers, as KES's configuration writes them. */
export const LEVELS = { DEBUG: -4, INFO: 0, WARN: 4, ERROR: 8 } as const;
export type LevelName = keyof typeof LEVELS;

/** How console lines look and which are written; replaced on a reload. */
export interface LogSettings {
  readonly level: number;
  readonly format: "text" | "json";
}

/** The error log. Console level and stream are independent: the stream carries INFO and above, always. */
export class ErrorLog {
  readonly hub: LogHub;
  readonly #out: LineWriter;
  readonly #now: () => number;
  #settings: LogSettings;

  constructor(out: LineWriter, hub: LogHub, settings: LogSettings, now: () => number = Date.now) {
    this.#out = out;
    this.hub = hub;
    this.#settings = settings;
    this.#now = now;
  }

  configure(settings: LogSettings): void {
    this.#settings = settings;
  }

  /** True when a line of this level would be written or sent to anyone. */
  wants(level: LevelName): boolean {
    return LEVELS[level] >= this.#settings.level || (LEVELS[level] >= LEVELS.INFO && this.hub.followed);
  }

  debug(message: string, attributes: Attributes = []): void {
    this.#log("DEBUG", message, attributes);
  }
  info(message: string, attributes: Attributes = []): void {
    this.#log("INFO", message, attributes);
  }
  warn(message: string, attributes: Attributes = []): void {
    this.#log("WARN", message, attributes);
  }
  /** @param cause - appended to the message with its own causes, stack traces left out */
  error(message: string, cause?: unknown, attributes: Attributes = []): void {
    this.#log("ERROR", cause === undefined ? message : `${message}: ${causes(cause)}`, attributes);
  }

  #log(level: LevelName, message: string, attributes: Attributes): void {
    const severity = LEVELS[level];
    const toConsole = severity >= this.#settings.level;
    const toStream = severity >= LEVELS.INFO;
    if (!toConsole && !toStream) return;
    if (!toConsole && !this.hub.followed) {
      this.hub.count();
      return;
    }
    const time = this.#now();
    const text = logfmt(time, level, message, attributes);
    if (toConsole) {
      const json = this.#settings.format === "json";
      this.#out.write(json ? jsonLine(time, level, message, attributes) : `${text}\n`);
    }
    if (toStream) this.hub.publish(toErrorLine(text));
  }
}

function jsonLine(time: number, level: string, message: string, attributes: Attributes): string {
  const record = {
    time: new Date(time).toISOString(),
    level,
    msg: message,
    ...Object.fromEntries(attributes),
  };
  return `${JSON.stringify(record)}\n`;
}

/** Deepest chain of causes that is written. */
const MAX_CAUSES = 8;

/** `error: cause: cause of the cause`, bounded. Messages only: a stack or a dump could show what was processed. */
export function causes(error: unknown): string {
  const parts: string[] = [];
  let current: unknown = error;
  for (let i = 0; i < MAX_CAUSES && current !== undefined; i++) {
    if (!(current instanceof Error)) {
      parts.push(
        typeof current === "string" ? current : inspect(current, { depth: 0, maxStringLength: 200 }),
      );
      break;
    }
    const text = current.message || current.name;
    const code = "code" in current && typeof current.code === "string" ? current.code : "";
    parts.push(text.includes(code) ? text : `${text} (${code})`);
    current = current.cause;
  }
  return parts.join(": ").slice(0, 4096);
}

/** A worker's lines on their way to the primary: few messages, bounded memory, one order. */
import type { LogRelay } from "../../audit/hub.js";
import type { LineWriter } from "../../audit/line-writer.js";
import type { Followed, Lines, StreamName } from "./protocol.js";

/** Lines wait so long for company. */
const BATCH_MS = 2;
/** Lines that the primary has not taken may be so large together; later ones are dropped and counted. */
const MAX_UNSENT_BYTES = 8 * 1024 * 1024;

export interface LogLinesOptions {
  readonly send: (lines: Lines, sizeBytes: number) => void;
  /** Bytes that were sent and not taken yet. */
  readonly unsentBytes: () => number;
  /** Tells the primary that somebody follows here, or nobody any more. */
  readonly follow: (stream: StreamName, followed: boolean) => Promise<void>;
}

export class LogLines {
  readonly #options: LogLinesOptions;
  #stdout = "";
  #stderr = "";
  #audit: string[] = [];
  #error: string[] = [];
  #size = 0;
  #dropped = 0;
  #timer: NodeJS.Timeout | undefined;
  #followed: Followed = { audit: false, error: false };

  constructor(options: LogLinesOptions) {
    this.#options = options;
  }

  readonly stdout: LineWriter = {
    write: (line) => this.#add(line.length, () => (this.#stdout += line)),
    flush: () => undefined,
  };

  readonly stderr: LineWriter = {
    write: (line) => this.#add(line.length, () => (this.#stderr += line)),
    flush: () => undefined,
  };

  /** The primary says which streams are followed, in whatever worker. */
  setFollowed(followed: Followed): void {
    this.#followed = followed;
  }

  relay(stream: StreamName): LogRelay {
    const isFollowed = (): boolean => this.#followed[stream];
    return {
      get followed() {
        return isFollowed();
      },
      publish: (line) => {
        this.#add(line.length, () => (stream === "audit" ? this.#audit : this.#error).push(line));
      },
      follow: (followed) => this.#options.follow(stream, followed),
    };
  }

  /** Sends what waits. */
  flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const size = this.#size;
    if (size === 0) return;
    const lines: Lines = {
      stdout: this.#stdout,
      stderr: this.#stderr,
      audit: this.#audit,
      error: this.#error,
    };
    this.#stdout = "";
    this.#stderr = "";
    this.#audit = [];
    this.#error = [];
    this.#size = 0;
    this.#options.send(lines, size);
  }

  #add(size: number, add: () => unknown): void {
    if (this.#size + this.#options.unsentBytes() > MAX_UNSENT_BYTES) {
      this.#dropped += 1;
      return;
    }
    if (this.#dropped > 0) {
      const note = `${this.#dropped} log lines were dropped: the primary process was too slow\n`;
      this.#dropped = 0;
      this.#stderr += note;
      this.#size += note.length;
    }
    add();
    this.#size += size;
    this.#timer ??= setTimeout(() => this.flush(), BATCH_MS);
  }
}

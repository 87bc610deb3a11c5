/**
 * Sends the lines of an audit file to a collector, in order and each at least once. The file is the spool: what waits is
 * what stands behind the last line that was taken, after a restart as well.
 */
import type { ForwarderFigures } from "../file/figures.js";
import { type Notice, noticeMembers } from "../file/members.js";
import type { AuditFileSystem } from "../file/system.js";
import type { Collector } from "./collector.js";
import { type Piece, Tape } from "./tape.js";

export interface ForwarderParts {
  readonly fs: AuditFileSystem;
  readonly log: {
    info(message: string): void;
    warn(message: string): void;
    error(message: string, cause?: unknown): void;
  };
  readonly now: () => number;
  /** The audit file: its path, the number of its first line and of its last. */
  readonly path: string;
  readonly first: () => number;
  readonly sequence: () => number;
  /** Puts a record into the chain. */
  readonly record: (members: string) => void;
}

export interface ForwarderSettings {
  readonly maxBacklogBytes: number;
  /** True: nothing is skipped; {@link Forwarder.isBlocking} tells that too much waits. */
  readonly blocks: boolean;
}

const FIRST_PAUSE_MS = 250;
const MAX_PAUSE_MS = 5_000;
/** How often the backlog is measured and the place is noted. */
const LOOK_MS = 1_000;
const REPEAT_LOG_MS = 60_000;

export class Forwarder {
  readonly #collector: Collector;
  readonly #settings: ForwarderSettings;
  readonly #parts: ForwarderParts;
  readonly #end = new AbortController();
  #tape: Tape;
  #running: Promise<void> = Promise.resolve();
  #wake: () => void = () => undefined;
  #sent = 0;
  #skipped = 0;
  #backlogBytes = 0;
  #failedSinceMs: number | undefined;
  #loggedMs = 0;
  #noted = 0;
  #lookedMs = Number.NEGATIVE_INFINITY;

  constructor(collector: Collector, settings: ForwarderSettings, parts: ForwarderParts) {
    this.#collector = collector;
    this.#settings = settings;
    this.#parts = parts;
    this.#tape = this.#tapeFrom(0);
  }

  /**
   * Begins behind the line that the collector took last; of a collector that is new, with what comes from now on.
   * While another process still has the audit file, nothing happens.
   */
  start(): void {
    this.#running = this.#run();
  }

  /** There is more to send. */
  wake(): void {
    this.#wake();
  }

  /** True while more waits than may, and nothing is to be skipped. */
  get isBlocking(): boolean {
    return this.#settings.blocks && this.#backlogBytes > this.#settings.maxBacklogBytes;
  }

  /** The oldest line that was not sent. */
  get neededFrom(): number {
    return this.#tape.last + 1;
  }

  figures(): ForwarderFigures {
    return {
      name: this.#collector.name,
      sent: this.#sent,
      skipped: this.#skipped,
      backlogBytes: this.#backlogBytes,
      failing: this.#failedSinceMs !== undefined,
    };
  }

  /** Stops at once; what was not sent is sent after the next start. */
  async close(): Promise<void> {
    this.#end.abort();
    this.#wake();
    await this.#running;
    if (this.#tape.last > 0) await this.#note();
    await this.#tape.close();
    this.#collector.close();
  }

  get #stateFile(): string {
    return `${this.#parts.path}.${this.#collector.name}`;
  }

  #tapeFrom(last: number): Tape {
    const { fs, path, first } = this.#parts;
    return new Tape(fs, path, first, last);
  }

  /** @returns false while there is no file to read */
  async #begin(): Promise<boolean> {
    const { fs, sequence } = this.#parts;
    let last = sequence();
    if (last === 0) return false;
    try {
      const noted = Number.parseInt(await fs.readText(this.#stateFile), 10);
      // A number behind the end belongs to a chain that is gone.
      if (noted >= 0 && noted <= last) last = noted;
    } catch (cause) {
      if (!(cause instanceof Error && "code" in cause && cause.code === "ENOENT")) throw cause;
    }
    this.#noted = last;
    this.#tape = this.#tapeFrom(last);
    return true;
  }

  async #run(): Promise<void> {
    let pauseMs = FIRST_PAUSE_MS;
    let hasBegun = false;
    while (!this.#end.signal.aborted) {
      try {
        hasBegun = hasBegun || (await this.#begin());
        if (!hasBegun) {
          await this.#pause(FIRST_PAUSE_MS);
          continue;
        }
        await this.#look();
        const piece = await this.#next();
        if (piece === undefined) {
          this.#recovered();
          await this.#pause(LOOK_MS);
          continue;
        }
        await this.#collector.send(piece.lines, this.#end.signal);
        this.#tape.taken(piece);
        this.#sent += piece.lines.length;
        this.#recovered();
        pauseMs = FIRST_PAUSE_MS;
      } catch (error) {
        if (this.#end.signal.aborted) return;
        this.#failed(error);
        await this.#pause(pauseMs, false);
        pauseMs = Math.min(MAX_PAUSE_MS, pauseMs * 2);
      }
    }
  }

  async #next(): Promise<Piece | undefined> {
    const piece = await this.#tape.next();
    if (piece === undefined || piece.first === this.#tape.last + 1) return piece;
    // The file may have been rotated between the look for it and its opening.
    await this.#tape.close();
    const again = await this.#tape.next();
    if (again !== undefined && again.first > this.#tape.last + 1) {
      this.#tellSkipped(this.#tape.last + 1, again.first - 1, "they are not in the audit files any more");
    }
    return again;
  }

  /** Measures what waits, skips what is too much, notes the place. At most each second. */
  async #look(): Promise<void> {
    if (performance.now() - this.#lookedMs < LOOK_MS) return;
    this.#lookedMs = performance.now();
    const { maxBacklogBytes, blocks } = this.#settings;
    const { bytes, keepFrom } = await this.#tape.backlog(maxBacklogBytes);
    this.#backlogBytes = bytes;
    if (bytes > maxBacklogBytes && !blocks) {
      const to = keepFrom ?? this.#parts.sequence();
      this.#tellSkipped(this.#tape.last + 1, to, "too much waits for the collector");
      await this.#tape.skipTo(to);
      this.#backlogBytes = (await this.#tape.backlog(maxBacklogBytes)).bytes;
    }
    await this.#note();
  }

  #tellSkipped(first: number, last: number, why: string): void {
    if (last < first) return;
    const { log, record, now } = this.#parts;
    const { name } = this.#collector;
    this.#skipped += last - first + 1;
    log.error(`audit: ${name}: lines ${first} to ${last} are not sent: ${why}`);
    const notice: Notice = { event: "skipped", details: { collector: name, first, last } };
    record(noticeMembers(notice, new Date(now()).toISOString()));
  }

  async #note(): Promise<void> {
    const { last } = this.#tape;
    if (last === this.#noted) return;
    try {
      await this.#parts.fs.replace(this.#stateFile, `${last}\n`);
      this.#noted = last;
    } catch (error) {
      this.#complain("cannot note how far lines were sent: after a restart some are sent twice", error);
    }
  }

  #failed(error: unknown): void {
    this.#failedSinceMs ??= this.#parts.now();
    this.#complain("lines cannot be sent", error);
  }

  #recovered(): void {
    if (this.#failedSinceMs === undefined) return;
    const seconds = Math.round((this.#parts.now() - this.#failedSinceMs) / 1000);
    this.#failedSinceMs = undefined;
    this.#loggedMs = 0;
    this.#parts.log.warn(`audit: ${this.#collector.name}: lines are sent again after ${seconds} s`);
  }

  #complain(what: string, error: unknown): void {
    const nowMs = performance.now();
    if (this.#loggedMs !== 0 && nowMs - this.#loggedMs < REPEAT_LOG_MS) return;
    this.#loggedMs = nowMs;
    this.#parts.log.error(`audit: ${this.#collector.name}: ${what}`, error);
  }

  /** @param canWake - ends early when there is more to send */
  #pause(ms: number, canWake = true): Promise<void> {
    return new Promise((resolve) => {
      const end = (): void => {
        clearTimeout(timer);
        this.#wake = () => undefined;
        resolve();
      };
      const timer = setTimeout(end, ms).unref();
      this.#wake = () => {
        if (canWake || this.#end.signal.aborted) end();
      };
    });
  }
}

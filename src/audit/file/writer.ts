/**
 * Takes records and writes them in batches: while one is on its way to the disk the next gathers, so that a disk that
 * needs a millisecond for each sync serves any number of requests. Nobody waits without end, and memory is bounded.
 */
import { KesError } from "../../errors.js";
import type { AuditSink } from "../sink.js";
import { AuditFile, type AuditFileParts, type AuditFileSettings } from "./audit-file.js";
import type { AuditFigures } from "./figures.js";
import { LockedError } from "./lock.js";
import { noticeMembers } from "./members.js";

/** Records that wait for the disk, in characters; more are refused. */
const MAX_WAITING = 16 * 1024 * 1024;
/** Most of them in one write. */
const MAX_BATCH = 1024 * 1024;
/** How long records that nobody waits for are gathered. */
const LINGER_MS = 20;
/** Longest wait for a disk that hangs. */
const WRITE_TIMEOUT_MS = 10_000;
/** How soon after a failure it is tried again: at first, and at last. */
const RETRY_MS = 250;
const MAX_RETRY_MS = 5_000;
/** How long records wait for another process to let go of the file, and how often it is looked at. */
const LOCK_WAIT_MS = 30_000;
const LOCK_LOOK_MS = 50;
/** A checkpoint at least this often while there are records. */
const CHECKPOINT_MS = 60_000;
/** How often the file's place and age are looked at. */
const TICK_MS = 1_000;
const REPEAT_LOG_MS = 60_000;
/** How soon a rotation is tried again that failed. */
const ROTATE_AGAIN_MS = 60_000;

export interface AuditWriterParts extends AuditFileParts {
  /** Takes the lock. @throws LockedError */
  readonly lock: () => Promise<() => Promise<void>>;
  /** Called when lines were written. */
  readonly onWritten: () => void;
  /** `setInterval` unless a test brings its own clock. */
  readonly every?: (callback: () => void, ms: number) => NodeJS.Timeout;
  /** {@link WRITE_TIMEOUT_MS} unless a test is in a hurry. */
  readonly writeTimeoutMs?: number;
}

interface Waiting {
  readonly members: string;
  readonly settle?: (error?: KesError) => void;
}

export class AuditWriter implements AuditSink {
  readonly #parts: AuditWriterParts;
  readonly #file: AuditFile;
  #required: boolean;
  #waiting: Waiting[] = [];
  #waitingSize = 0;
  #tasks: (() => Promise<void>)[] = [];
  #running: Promise<void> | undefined;
  #scheduled: NodeJS.Timeout | NodeJS.Immediate | undefined;
  #timer: NodeJS.Timeout | undefined;
  #unlock: (() => Promise<void>) | undefined;
  #lockWaitMs = 0;
  #failure: { readonly sinceMs: number; retryMs: number; waitMs: number; loggedMs: number } | undefined;
  #isStuck = false;
  #rotateAgainMs = 0;
  #complainedMs = -REPEAT_LOG_MS;
  #closed: Promise<void> | undefined;
  #records = 0;
  #lost = 0;
  /** Of those, how many the chain does not tell of yet. */
  #unrecorded = 0;
  #batches = 0;
  #writeMs = 0;

  constructor(settings: AuditFileSettings, parts: AuditWriterParts) {
    this.#parts = parts;
    this.#required = settings.sync;
    this.#file = new AuditFile(settings, parts);
  }

  /**
   * Opens the file and writes that the server starts. A file that another process still writes is waited for in the
   * background, so that a server can take over from one that is about to end.
   * @throws what keeps the file from being opened
   */
  async start(): Promise<void> {
    const { every = setInterval, log } = this.#parts;
    try {
      this.#unlock = await this.#parts.lock();
      await this.#file.write([]);
    } catch (error) {
      if (!(error instanceof LockedError)) {
        await this.#unlock?.();
        throw error;
      }
      log.warn(`audit: ${this.#file.path} is still written by process ${error.pid}: waiting for it`);
      this.#schedule();
    }
    this.#timer = every(() => this.#do(() => this.tick()), TICK_MS);
    this.#timer.unref();
  }

  append(members: string): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#add({ members, settle: (error) => (error === undefined ? resolve() : reject(error)) });
    });
  }

  record(members: string): void {
    this.#add({ members });
  }

  #add(entry: Waiting): void {
    if (this.#closed !== undefined || this.#isStuck || this.#isResting) return this.#lose([entry]);
    if (this.#waitingSize + entry.members.length > MAX_WAITING) {
      return this.#failed([entry], new Error("records come faster than the disk takes them"));
    }
    this.#waiting.push(entry);
    this.#waitingSize += entry.members.length;
    this.#schedule();
  }

  /** True between a failure and the next try. */
  get #isResting(): boolean {
    return this.#failure !== undefined && this.#parts.monotonic() < this.#failure.retryMs;
  }

  #schedule(): void {
    if (this.#running !== undefined) return;
    if (this.#required) {
      // After what this turn of the event loop brings, which is then one batch.
      this.#scheduled ??= setImmediate(() => this.#run());
    } else this.#scheduled ??= setTimeout(() => this.#run(), LINGER_MS);
  }

  #run(): void {
    this.#scheduled = undefined;
    this.#running ??= this.#drain().finally(() => {
      this.#running = undefined;
      if (this.#waiting.length + this.#tasks.length > 0) this.#schedule();
    });
  }

  async #drain(): Promise<void> {
    while (this.#tasks.length + this.#waiting.length > 0) {
      for (const task of this.#tasks.splice(0)) await task();
      if (!(await this.#hasLock())) continue;
      if (this.#isRotationDue) await this.#rotateNow();
      const batch = this.#takeBatch();
      if (batch.length > 0) await this.#write(batch);
    }
  }

  /** False when it is to be tried again. */
  async #hasLock(): Promise<boolean> {
    if (this.#unlock !== undefined) return true;
    try {
      this.#unlock = await this.#parts.lock();
      return true;
    } catch (error) {
      if (error instanceof LockedError && this.#lockWaitMs < LOCK_WAIT_MS && this.#closed === undefined) {
        this.#lockWaitMs += LOCK_LOOK_MS;
        await new Promise((resolve) => setTimeout(resolve, LOCK_LOOK_MS));
      } else this.#failed(this.#takeAll(), error);
      return false;
    }
  }

  #takeBatch(): Waiting[] {
    let size = 0;
    let count = 0;
    for (const { members } of this.#waiting) {
      size += members.length;
      if (count > 0 && size > MAX_BATCH) break;
      count++;
    }
    const batch = this.#waiting.splice(0, count);
    for (const { members } of batch) this.#waitingSize -= members.length;
    return batch;
  }

  #takeAll(): Waiting[] {
    this.#waitingSize = 0;
    return this.#waiting.splice(0);
  }

  async #write(batch: readonly Waiting[]): Promise<void> {
    const { monotonic, writeTimeoutMs = WRITE_TIMEOUT_MS, onWritten } = this.#parts;
    let isLate = false;
    const timer = setTimeout(() => {
      // The write itself goes on, and may yet succeed: a record without its answer.
      isLate = true;
      this.#isStuck = true;
      this.#failed(
        [...batch, ...this.#takeAll()],
        new Error(`the disk did not answer within ${writeTimeoutMs} ms`),
      );
    }, writeTimeoutMs);
    const startedMs = monotonic();
    const unrecorded = this.#unrecorded;
    try {
      await this.#file.write([...this.#losses(), ...batch.map(({ members }) => members)]);
      this.#unrecorded -= unrecorded;
      this.#batches++;
      this.#records += batch.length;
      this.#writeMs += monotonic() - startedMs;
      if (!isLate) this.#recovered();
      if (!isLate) for (const { settle } of batch) settle?.();
      onWritten();
    } catch (error) {
      this.#failed(isLate ? [] : batch, error);
    } finally {
      clearTimeout(timer);
      this.#isStuck = false;
    }
  }

  /** The first thing that is written after a loss is that there was one. */
  #losses(): string[] {
    if (this.#unrecorded === 0) return [];
    const now = this.#parts.now();
    const since = new Date(this.#failure?.sinceMs ?? now).toISOString();
    const details = { records: this.#unrecorded, since };
    return [noticeMembers({ event: "lost", details }, new Date(now).toISOString())];
  }

  #recovered(): void {
    if (this.#failure === undefined) return;
    this.#failure = undefined;
    this.#lockWaitMs = 0;
    this.#parts.log.warn(`audit: records are written again; ${this.#lost} were lost since the start`);
  }

  #failed(batch: readonly Waiting[], cause: unknown): void {
    const { monotonic, now, log } = this.#parts;
    const nowMs = monotonic();
    const failure = this.#failure ?? {
      sinceMs: now(),
      retryMs: 0,
      waitMs: RETRY_MS,
      loggedMs: -REPEAT_LOG_MS,
      lost: 0,
    };
    this.#failure = failure;
    failure.retryMs = nowMs + failure.waitMs;
    failure.waitMs = Math.min(MAX_RETRY_MS, failure.waitMs * 2);
    this.#lose(batch, cause);
    if (nowMs - failure.loggedMs < REPEAT_LOG_MS) return;
    failure.loggedMs = nowMs;
    const what = this.#required ? "requests for keys are refused" : "requests go unrecorded";
    log.error(
      `audit: records cannot be written to ${this.#file.path}: ${what}, ${this.#lost} lost so far`,
      cause,
    );
  }

  /** Whoever waits for a record is told; one that nobody waits for is lost. */
  #lose(batch: readonly Waiting[], cause?: unknown): void {
    this.lose(batch.filter(({ settle }) => settle === undefined).length);
    for (const { settle } of batch) settle?.(new KesError("AUDIT_UNAVAILABLE", [], { cause }));
  }

  /** Counts records that never came here. */
  lose(records: number): void {
    this.#lost += records;
    this.#unrecorded += records;
  }

  /** What is looked at each second: the file's place, its age, whether a checkpoint is due. */
  async tick(): Promise<void> {
    if (this.#unlock === undefined) return;
    await this.#file.lookAtPlace();
    if (this.#isRotationDue) await this.#rotateNow();
    if (this.#file.unsigned > 0 && this.#file.msSinceCheckpoint >= CHECKPOINT_MS) await this.#checkpointNow();
  }

  /** Rotates the file. */
  rotate(): Promise<void> {
    return this.#do(() => this.#rotateNow());
  }

  /** Follows the file's path when somebody has moved the file away. */
  reopen(): Promise<void> {
    return this.#do(() => this.#file.lookAtPlace(true));
  }

  /** @param settings - of the same path */
  configure(settings: AuditFileSettings): Promise<void> {
    this.#required = settings.sync;
    return this.#do(() => this.#file.configure(settings));
  }

  async #rotateNow(): Promise<void> {
    const { monotonic, onWritten } = this.#parts;
    try {
      await this.#file.rotate();
      onWritten();
    } catch (error) {
      this.#rotateAgainMs = monotonic() + ROTATE_AGAIN_MS;
      this.#complain("the file cannot be rotated", error);
    }
  }

  /** True when the file is to be rotated, unless that has just failed. */
  get #isRotationDue(): boolean {
    return this.#file.isDue && this.#parts.monotonic() >= this.#rotateAgainMs;
  }

  #complain(what: string, cause: unknown): void {
    const nowMs = this.#parts.monotonic();
    if (nowMs - this.#complainedMs < REPEAT_LOG_MS) return;
    this.#complainedMs = nowMs;
    this.#parts.log.error(`audit: ${what}`, cause);
  }

  async #checkpointNow(): Promise<void> {
    await this.#file.write([], "interval");
    this.#parts.onWritten();
  }

  /** Runs `task` between two batches. What it throws is logged, and tried again when it is next due. */
  #do(task: () => Promise<void>): Promise<void> {
    if (this.#closed !== undefined) return this.#closed;
    return new Promise((resolve) => {
      this.#tasks.push(async () => {
        try {
          await task();
        } catch (error) {
          this.#complain("the file cannot be looked after", error);
        }
        resolve();
      });
      this.#schedule();
    });
  }

  /** Writes what waits, then a checkpoint; lets go of the file. Idempotent. */
  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    clearInterval(this.#timer);
    await this.#running;
    if (this.#scheduled !== undefined) {
      clearTimeout(this.#scheduled as NodeJS.Timeout);
      clearImmediate(this.#scheduled as NodeJS.Immediate);
      this.#scheduled = undefined;
    }
    await this.#drain();
    try {
      if (this.#unlock !== undefined) await this.#file.close();
    } catch (error) {
      this.#parts.log.error("audit: the last checkpoint could not be written", error);
    }
    await this.#unlock?.();
  }

  /** Number of the last line. */
  get sequence(): number {
    return this.#file.sequence;
  }

  /** Number of the file's first line; 0 while there is no file. */
  get first(): number {
    return this.#file.first;
  }

  figures(): Omit<AuditFigures, "forwarders"> {
    const file = this.#file;
    return {
      records: this.#records,
      lost: this.#lost,
      batches: this.#batches,
      writeSeconds: this.#writeMs / 1000,
      failing: this.#failure !== undefined,
      sequence: file.sequence,
      bytes: file.bytes,
      unsigned: file.unsigned,
      secondsSinceCheckpoint: file.msSinceCheckpoint / 1000,
    };
  }
}

/** A worker's records on their way to the primary, which has the audit file. */
import type { AuditSink } from "../../audit/sink.js";
import { KesError } from "../../errors.js";

/** Records that the primary has not taken may be so large together; those that nobody waits for are lost then. */
const MAX_UNSENT_BYTES = 16 * 1024 * 1024;

export interface AuditPipeOptions {
  readonly append: (records: readonly string[]) => Promise<readonly boolean[]>;
  readonly record: (records: readonly string[], sizeBytes: number) => void;
  /** Bytes that were sent and not taken yet. */
  readonly unsentBytes: () => number;
  /** So many records were lost here. */
  readonly lose: (records: number) => void;
}

interface Awaited {
  readonly members: string;
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

/** What comes in one turn of the event loop goes in one message. */
export class AuditPipe implements AuditSink {
  readonly #options: AuditPipeOptions;
  #awaited: Awaited[] = [];
  #records: string[] = [];
  #size = 0;
  #isScheduled = false;

  constructor(options: AuditPipeOptions) {
    this.#options = options;
  }

  append(members: string): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#awaited.push({ members, resolve, reject });
      this.#schedule();
    });
  }

  record(members: string): void {
    if (this.#size + this.#options.unsentBytes() > MAX_UNSENT_BYTES) return this.#options.lose(1);
    this.#records.push(members);
    this.#size += members.length;
    this.#schedule();
  }

  /** Sends what waits. */
  flush(): void {
    const records = this.#records;
    const size = this.#size;
    this.#records = [];
    this.#size = 0;
    if (records.length > 0) this.#options.record(records, size);
    const awaited = this.#awaited;
    this.#awaited = [];
    if (awaited.length > 0) void this.#append(awaited);
  }

  async #append(awaited: readonly Awaited[]): Promise<void> {
    let written: readonly boolean[] = [];
    let cause: unknown;
    try {
      written = await this.#options.append(awaited.map(({ members }) => members));
    } catch (error) {
      cause = error;
    }
    for (const [i, { resolve, reject }] of awaited.entries()) {
      if (written[i] === true) resolve();
      else reject(new KesError("AUDIT_UNAVAILABLE", [], { cause }));
    }
  }

  #schedule(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    setImmediate(() => {
      this.#isScheduled = false;
      this.flush();
    });
  }
}
